package dev.forkpoint.learner.objective;

import dev.forkpoint.policy.selection.Selection;
import java.util.Arrays;

/** Every response token. */
@Published(
        name = "all",
        summary = "Keeps every response token.",
        equation = "m_t = 1",
        source = "DAPO's baseline in arXiv 2506.01939")
public record AllTokens() implements TokenSelector {
    public static AllTokens defaults() {
        return new AllTokens();
    }

    @Override
    public Selection select(Candidates candidates) {
        boolean[] kept = new boolean[candidates.tokens()];
        Arrays.fill(kept, true);
        return Masks.unranked(kept);
    }

    @Override
    public boolean ranks() {
        return false;
    }
}
