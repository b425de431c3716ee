/** Where policy snapshots come from: allow-list, download, manifest. */
@NullMarked
package dev.forkpoint.service.store;

import org.jspecify.annotations.NullMarked;
