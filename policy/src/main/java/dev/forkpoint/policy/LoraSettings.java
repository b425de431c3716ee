package dev.forkpoint.policy;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * Shape of a LoRA adapter (arXiv 2106.09685): W + s B A, with s = alpha / rank, or alpha / √rank
 * with {@code rankStabilized} (rsLoRA).
 *
 * @param rank of each adapted matrix, at least 1
 * @param alpha scale
 * @param rankStabilized scale by alpha / √rank
 * @param targetModules which matrices: any of q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj,
 *     down_proj
 * @param rankPattern module name ending or regular expression → its own rank, as in PEFT
 * @param alphaPattern the same for alpha
 * @param seed of the random values of A; B begins at zero
 */
public record LoraSettings(
        int rank,
        double alpha,
        boolean rankStabilized,
        List<String> targetModules,
        Map<String, Integer> rankPattern,
        Map<String, Double> alphaPattern,
        long seed) {

    /** The names that may be adapted. */
    public static final Set<String> ADAPTABLE =
            Set.of("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj");

    public LoraSettings {
        if (rank < 1) {
            throw new IllegalArgumentException("rank: " + rank + " (expected: at least 1)");
        }
        if (!(alpha > 0) || Double.isInfinite(alpha)) {
            throw new IllegalArgumentException("alpha: " + alpha + " (expected: above 0)");
        }
        if (targetModules.isEmpty()) {
            throw new IllegalArgumentException(
                    "targetModules: empty (expected: any of " + ADAPTABLE + ")");
        }
        for (String name : targetModules) {
            if (!ADAPTABLE.contains(name)) {
                throw new IllegalArgumentException(
                        "targetModules: " + name + " (expected: any of " + ADAPTABLE + ")");
            }
        }
        targetModules = List.copyOf(targetModules);
        rankPattern = new TreeMap<>(rankPattern);
        alphaPattern = new TreeMap<>(alphaPattern);
    }

    public static LoraSettings of(int rank, double alpha, long seed, String... targetModules) {
        return new LoraSettings(
                rank, alpha, false, List.of(targetModules), Map.of(), Map.of(), seed);
    }
}
