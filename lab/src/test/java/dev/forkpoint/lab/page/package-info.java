@NullMarked
package dev.forkpoint.lab.page;

import org.jspecify.annotations.NullMarked;
