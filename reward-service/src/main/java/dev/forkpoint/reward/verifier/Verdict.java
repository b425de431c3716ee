package dev.forkpoint.reward.verifier;

import java.util.List;
import java.util.Objects;
import java.util.OptionalDouble;

/**
 * A verifier's answer.
 *
 * @param code what was found
 * @param score the reward; NaN exactly for {@link VerdictCode#UNPARSABLE_GOLD}, read it through
 *     {@link #reward()}
 * @param extracted the answer found in the prediction, cut to {@value #MAX_EXTRACTED} characters;
 *     empty if there is none
 * @param reason one line: why
 * @param rule the rule that decided, a stable name such as {@code rational} or {@code identity}
 * @param probabilistic true if equality was tested at seeded random points; false if the decision
 *     is exact
 * @param parts the parts of a weighted reward, otherwise empty
 */
public record Verdict(
        VerdictCode code,
        double score,
        String extracted,
        String reason,
        String rule,
        boolean probabilistic,
        List<RewardPart> parts) {

    static final int MAX_EXTRACTED = 4096;

    public Verdict {
        Objects.requireNonNull(code, "code");
        if ((code == VerdictCode.UNPARSABLE_GOLD) != Double.isNaN(score)) {
            throw new IllegalArgumentException(
                    "score: %s with %s (NaN exactly for UNPARSABLE_GOLD)".formatted(score, code));
        }
        if (extracted.length() > MAX_EXTRACTED) {
            int end =
                    Character.isHighSurrogate(extracted.charAt(MAX_EXTRACTED - 1))
                            ? MAX_EXTRACTED - 1
                            : MAX_EXTRACTED;
            extracted = extracted.substring(0, end);
        }
        parts = List.copyOf(parts);
    }

    /** CORRECT with reward 1, decided exactly. */
    public static Verdict correct(String extracted, String rule, String reason) {
        return new Verdict(VerdictCode.CORRECT, 1, extracted, reason, rule, false, List.of());
    }

    /** INCORRECT with reward 0, decided exactly. */
    public static Verdict incorrect(String extracted, String rule, String reason) {
        return new Verdict(VerdictCode.INCORRECT, 0, extracted, reason, rule, false, List.of());
    }

    /** CORRECT or INCORRECT, reward 1 or 0. */
    public static Verdict of(boolean correct, String extracted, String rule, String reason) {
        return correct ? correct(extracted, rule, reason) : incorrect(extracted, rule, reason);
    }

    /** NO_ANSWER with reward 0. */
    public static Verdict noAnswer(String reason) {
        return new Verdict(VerdictCode.NO_ANSWER, 0, "", reason, "extraction", false, List.of());
    }

    /** UNPARSABLE_ANSWER with reward 0. */
    public static Verdict unparsableAnswer(String extracted, String reason) {
        return new Verdict(
                VerdictCode.UNPARSABLE_ANSWER, 0, extracted, reason, "syntax", false, List.of());
    }

    /** UNPARSABLE_GOLD, without reward. */
    public static Verdict unparsableGold(String reason) {
        return new Verdict(
                VerdictCode.UNPARSABLE_GOLD, Double.NaN, "", reason, "gold", false, List.of());
    }

    /** TOO_COSTLY with reward 0. */
    public static Verdict tooCostly(String extracted, String reason) {
        return new Verdict(
                VerdictCode.TOO_COSTLY, 0, extracted, reason, "budget", false, List.of());
    }

    /** A graded reward; CORRECT where it equals the best that the verifier gives. */
    public static Verdict graded(
            boolean best, double reward, String extracted, String rule, String reason) {
        return new Verdict(
                best ? VerdictCode.CORRECT : VerdictCode.INCORRECT,
                reward,
                extracted,
                reason,
                rule,
                false,
                List.of());
    }

    /** The reward; absent exactly for {@link VerdictCode#UNPARSABLE_GOLD}. */
    public OptionalDouble reward() {
        return Double.isNaN(score) ? OptionalDouble.empty() : OptionalDouble.of(score);
    }

    /** The same verdict, marked as found by identity testing at random points. */
    public Verdict asProbabilistic() {
        return new Verdict(code, score, extracted, reason, rule, true, parts);
    }
}
