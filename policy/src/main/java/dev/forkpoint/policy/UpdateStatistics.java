package dev.forkpoint.policy;

/**
 * One update done.
 *
 * @param gradientNorm global norm before clipping
 * @param scale what the gradient was multiplied by, 1 when it was not clipped
 * @param updates updates done so far, this one included
 */
public record UpdateStatistics(double gradientNorm, double scale, long updates) {}
