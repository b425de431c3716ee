package dev.forkpoint.reward.verifier;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A problem of a task family.
 *
 * @param index its place in the sequence
 * @param prompt the prompt's text
 * @param gold the gold answer
 * @param task fields for the verifier
 * @param demonstration a response to learn from; null unless asked for
 * @param verifier the verifier of its answers
 */
public record Problem(
        long index,
        String prompt,
        String gold,
        Map<String, Object> task,
        @Nullable String demonstration,
        String verifier) {}
