package dev.forkpoint.reward.grpc;

import dev.forkpoint.reward.countdown.CountdownFamily;
import dev.forkpoint.reward.countdown.CountdownVerifier;
import dev.forkpoint.reward.math.MathVerifier;
import dev.forkpoint.reward.text.ExactVerifier;
import dev.forkpoint.reward.text.FormatVerifier;
import dev.forkpoint.reward.text.NumericVerifier;
import dev.forkpoint.reward.verifier.TaskFamily;
import dev.forkpoint.reward.verifier.Verifier;
import java.util.List;

/** The verifiers and task families that every reward service has. */
final class BuiltIn {

    private BuiltIn() {}

    static List<Verifier> verifiers() {
        return List.of(
                new CountdownVerifier(),
                new MathVerifier(),
                new ExactVerifier(),
                new NumericVerifier(),
                new FormatVerifier());
    }

    static List<TaskFamily> families() {
        return List.of(new CountdownFamily());
    }
}
