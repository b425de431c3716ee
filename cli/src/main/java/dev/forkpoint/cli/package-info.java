/** The {@code forkpoint} command. */
@NullMarked
package dev.forkpoint.cli;

import org.jspecify.annotations.NullMarked;
