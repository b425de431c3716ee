/** Spreads verifications over threads so that a slow kind never blocks a cheap one. */
@NullMarked
package dev.forkpoint.reward.schedule;

import org.jspecify.annotations.NullMarked;
