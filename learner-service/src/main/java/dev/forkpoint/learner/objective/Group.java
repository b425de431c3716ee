package dev.forkpoint.learner.objective;

/** Moments of one group's rewards. */
record Group(double[] reward, int from, int to) {
    @FunctionalInterface
    interface Rule {
        double advantage(double reward, Group group);
    }

    /** Applies a rule to every response of every group that has signal. */
    static double[] advantages(double[] reward, int[] groupOffset, Rule rule) {
        double[] advantage = new double[reward.length];
        for (int g = 0; g + 1 < groupOffset.length; g++) {
            Group group = new Group(reward, groupOffset[g], groupOffset[g + 1]);
            if (group.hasSignal()) {
                for (int i = group.from; i < group.to; i++) {
                    advantage[i] = rule.advantage(reward[i], group);
                }
            }
        }
        return advantage;
    }

    int size() {
        return to - from;
    }

    /**
     * False when all rewards are the same number: rounding in the mean must not make an advantage
     * of it.
     */
    boolean hasSignal() {
        for (int i = from + 1; i < to; i++) {
            if (reward[i] != reward[from]) {
                return true;
            }
        }
        return false;
    }

    int count(boolean[] flags) {
        int count = 0;
        for (int i = from; i < to; i++) {
            count += flags[i] ? 1 : 0;
        }
        return count;
    }

    double mean() {
        double sum = 0;
        for (int i = from; i < to; i++) {
            sum += reward[i];
        }
        return sum / size();
    }

    /** Standard deviation with size − 1. */
    double unbiasedStd() {
        double mean = mean();
        double squares = 0;
        for (int i = from; i < to; i++) {
            squares += (reward[i] - mean) * (reward[i] - mean);
        }
        return Math.sqrt(squares / (size() - 1));
    }
}
