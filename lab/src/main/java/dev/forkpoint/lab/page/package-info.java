/** HTML pages that open offline: charts as inline SVG, each with its table, light and dark. */
@NullMarked
package dev.forkpoint.lab.page;

import org.jspecify.annotations.NullMarked;
