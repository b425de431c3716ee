package dev.forkpoint.reward.reasoning;

import dev.forkpoint.reward.verifier.CounterRandom;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** {@code Evaluate (true and not (false or true)).}: nested to a depth of 1 + difficulty / 2. */
final class BooleanEvaluation implements ReasoningTask {
    private record Formula(String text, boolean value) {}

    @Override
    public String name() {
        return "boolean-evaluation";
    }

    @Override
    public Question make(CounterRandom random, int difficulty) {
        Formula formula = formula(random, 1 + (difficulty + 1) / 2);
        return new Question(
                "Evaluate " + formula.text() + ". Answer true or false.",
                Boolean.toString(formula.value()));
    }

    private static Formula formula(CounterRandom random, int depth) {
        if (depth == 0) {
            boolean value = random.below(2) == 0;
            return new Formula(Boolean.toString(value), value);
        }
        Formula left = formula(random, depth - 1);
        if (random.below(4) == 0) {
            return new Formula("not " + left.text(), !left.value());
        }
        Formula right = formula(random, depth - 1);
        return switch (random.below(3)) {
            case 0 ->
                    new Formula(
                            "(" + left.text() + " and " + right.text() + ")",
                            left.value() && right.value());
            case 1 ->
                    new Formula(
                            "(" + left.text() + " or " + right.text() + ")",
                            left.value() || right.value());
            default ->
                    new Formula(
                            "(" + left.text() + " xor " + right.text() + ")",
                            left.value() ^ right.value());
        };
    }

    @Override
    public @Nullable String problemOf(String answer, String problem, String gold) {
        return ReasoningTask.super.problemOf(answer.toLowerCase(Locale.ROOT), problem, gold);
    }
}
