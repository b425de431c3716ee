package dev.forkpoint.policy.selection;

/**
 * Which of n values were kept.
 *
 * @param kept [n]
 * @param threshold the least kept value of a top selection, the greatest of a bottom one; NaN when
 *     nothing is kept
 * @param keptCount number of true entries
 */
public record Selection(boolean[] kept, float threshold, int keptCount) {}
