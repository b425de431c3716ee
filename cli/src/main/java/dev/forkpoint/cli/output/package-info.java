/** Tables, JSON Lines and progress. */
@NullMarked
package dev.forkpoint.cli.output;

import org.jspecify.annotations.NullMarked;
