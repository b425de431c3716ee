/** Sequences to per-token log-probability, entropy and collision probability. */
@NullMarked
package dev.forkpoint.entropy.scoring;

import org.jspecify.annotations.NullMarked;
