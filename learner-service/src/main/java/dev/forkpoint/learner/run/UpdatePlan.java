package dev.forkpoint.learner.run;

import dev.forkpoint.policy.sampling.Seeds;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/** How a step's responses are cut into updates. */
final class UpdatePlan {

    private UpdatePlan() {}

    /**
     * Near-equal parts of a shuffle that is a pure function of (seed, step, pass); the first parts
     * are the larger ones.
     *
     * @param updates number of parts; fewer when there are fewer responses
     */
    static List<int[]> cut(int responses, int updates, long seed, int step, int pass) {
        long[] keys = new long[responses];
        Integer[] order = new Integer[responses];
        long mixed = Seeds.derive(seed, step, pass);
        for (int i = 0; i < responses; i++) {
            keys[i] = Seeds.derive(mixed, i, 3);
            order[i] = i;
        }
        Arrays.sort(order, Comparator.comparingLong((Integer i) -> keys[i]));
        int parts = Math.max(1, Math.min(updates, responses));
        List<int[]> out = new ArrayList<>(parts);
        int at = 0;
        for (int p = 0; p < parts; p++) {
            int size = responses / parts + (p < responses % parts ? 1 : 0);
            int[] part = new int[size];
            for (int i = 0; i < size; i++) {
                part[i] = order[at++];
            }
            out.add(part);
        }
        return out;
    }
}
