/**
 * Estimates, intervals and tests of experiments. Plain arrays; every random choice follows from a
 * seed.
 */
@NullMarked
package dev.forkpoint.lab.statistics;

import org.jspecify.annotations.NullMarked;
