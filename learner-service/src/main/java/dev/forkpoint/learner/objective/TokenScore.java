package dev.forkpoint.learner.objective;

import dev.forkpoint.policy.selection.Selection;

/** By what tokens are ranked. */
public enum TokenScore {
    ENTROPY {
        @Override
        Selection top(Candidates candidates, double keepFraction) {
            return new TopEntropy(keepFraction).select(candidates);
        }
    },
    GRADIENT {
        @Override
        Selection top(Candidates candidates, double keepFraction) {
            return new TopGradient(keepFraction).select(candidates);
        }
    },
    SURPRISAL {
        @Override
        Selection top(Candidates candidates, double keepFraction) {
            return new TopSurprisal(keepFraction).select(candidates);
        }
    };

    abstract Selection top(Candidates candidates, double keepFraction);
}
