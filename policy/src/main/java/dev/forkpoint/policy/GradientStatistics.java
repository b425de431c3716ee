package dev.forkpoint.policy;

import java.util.SortedMap;

/**
 * The gradient gathered so far.
 *
 * @param globalNorm Euclidean norm over all trained parameters, before clipping
 * @param groupNorm norm of each group: {@code embedding}, {@code layer.0} …, {@code norm}, {@code
 *     head}
 * @param tensorNorm norm of each parameter by its Hugging Face name
 */
public record GradientStatistics(
        double globalNorm,
        SortedMap<String, Double> groupNorm,
        SortedMap<String, Double> tensorNorm) {}
