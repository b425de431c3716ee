/**
 * The answer checker for mathematics: extraction, parsing, exact arithmetic and identity testing,
 * with a bounded cost.
 */
@NullMarked
package dev.forkpoint.reward.math;

import org.jspecify.annotations.NullMarked;
