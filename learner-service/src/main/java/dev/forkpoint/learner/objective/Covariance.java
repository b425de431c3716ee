package dev.forkpoint.learner.objective;

/**
 * Each token's part of the covariance between log-prob and advantage over an update (arXiv
 * 2505.22617).
 */
final class Covariance {
    private Covariance() {}

    /** (A_t − mean A)(logp_t − mean logp), means over all tokens; [n]. */
    static double[] ofTokens(Candidates update) {
        int tokens = update.tokens();
        double sumAdvantage = 0;
        double sumLogProb = 0;
        for (int i = 0; i < update.responses().length; i++) {
            sumAdvantage += update.advantage(i) * (update.offset()[i + 1] - update.offset()[i]);
        }
        for (float logProb : update.logProb()) {
            sumLogProb += logProb;
        }
        double[] covariance = new double[tokens];
        for (int i = 0; i < update.responses().length; i++) {
            double advantage = update.advantage(i) - sumAdvantage / tokens;
            for (int t = update.offset()[i]; t < update.offset()[i + 1]; t++) {
                covariance[t] = advantage * (update.logProb()[t] - sumLogProb / tokens);
            }
        }
        return covariance;
    }

    /** max(1, ⌊ratio · n⌋). */
    static int share(double ratio, int tokens) {
        return Math.max(1, (int) (ratio * tokens));
    }
}
