/** Quantiles of streams of any size in bounded memory. */
@NullMarked
package dev.forkpoint.entropy.sketch;

import org.jspecify.annotations.NullMarked;
