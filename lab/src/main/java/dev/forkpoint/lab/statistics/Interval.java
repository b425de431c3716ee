package dev.forkpoint.lab.statistics;

/**
 * An estimate with its 95 % interval.
 *
 * @param mean the estimate
 * @param low lower end
 * @param high upper end
 */
public record Interval(double mean, double low, double high) {}
