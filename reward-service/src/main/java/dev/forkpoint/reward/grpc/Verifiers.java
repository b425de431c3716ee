package dev.forkpoint.reward.grpc;

import dev.forkpoint.reward.countdown.CountdownVerifier;
import dev.forkpoint.reward.judge.JudgeVerifier;
import dev.forkpoint.reward.math.MathVerifier;
import dev.forkpoint.reward.reasoning.ReasoningVerifier;
import dev.forkpoint.reward.sandbox.CodeVerifier;
import dev.forkpoint.reward.text.ExactVerifier;
import dev.forkpoint.reward.text.FormatVerifier;
import dev.forkpoint.reward.text.LengthVerifier;
import dev.forkpoint.reward.text.MultipleChoiceVerifier;
import dev.forkpoint.reward.text.NumericVerifier;
import dev.forkpoint.reward.text.RegexVerifier;
import dev.forkpoint.reward.text.RepetitionVerifier;
import dev.forkpoint.reward.text.WeightedVerifier;
import dev.forkpoint.reward.verifier.Verifier;
import dev.forkpoint.reward.verifier.VerifierRegistry;
import java.util.ArrayList;
import java.util.List;

/** All verifiers of the service. */
public final class Verifiers {
    private Verifiers() {}

    /** A registry of all verifiers, with the sandbox off and no judge. */
    public static VerifierRegistry all() {
        return all(CodeVerifier.off(), new JudgeVerifier(List.of()));
    }

    /** A registry of all verifiers, the weighted one over all others. */
    static VerifierRegistry all(CodeVerifier code, JudgeVerifier judge) {
        List<Verifier> plain =
                List.of(
                        code,
                        judge,
                        new CountdownVerifier(),
                        new ExactVerifier(),
                        new FormatVerifier(),
                        new LengthVerifier(),
                        new MathVerifier(),
                        MathVerifier.boxed(),
                        new MultipleChoiceVerifier(),
                        new NumericVerifier(),
                        new ReasoningVerifier(),
                        new RegexVerifier(),
                        new RepetitionVerifier());
        List<Verifier> all = new ArrayList<>(plain);
        all.add(new WeightedVerifier(new VerifierRegistry(plain)));
        return new VerifierRegistry(all);
    }
}
