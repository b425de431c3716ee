package dev.forkpoint.reward.reasoning;

import dev.forkpoint.reward.verifier.BoxedAnswer;
import dev.forkpoint.reward.verifier.CostClass;
import dev.forkpoint.reward.verifier.InvalidItemException;
import dev.forkpoint.reward.verifier.Item;
import dev.forkpoint.reward.verifier.OptionSpec;
import dev.forkpoint.reward.verifier.Verdict;
import dev.forkpoint.reward.verifier.Verifier;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Judges answers to the problems of {@link ReasoningFamily}: the last box, or the bare answer. */
public final class ReasoningVerifier implements Verifier {
    private static final int MAX_ANSWER = 10_000;
    private static final int MAX_PROBLEM = 100_000;

    @Override
    public String name() {
        return ReasoningFamily.NAME;
    }

    @Override
    public String summary() {
        return "The boxed answer solves the task's problem; any right answer counts, not only the gold.";
    }

    @Override
    public List<OptionSpec> options() {
        return List.of();
    }

    @Override
    public boolean needsGold() {
        return true;
    }

    @Override
    public CostClass costClass() {
        return CostClass.CHEAP;
    }

    @Override
    public Verdict verify(Item item) {
        ReasoningTask task =
                ReasoningFamily.task(
                        item.task().choice("kind", "", Set.copyOf(ReasoningFamily.TASKS.keySet())));
        String problem = item.task().text("problem");
        if (problem.length() > MAX_PROBLEM) {
            throw new InvalidItemException(
                    "task.problem",
                    "%d characters (allowed: %d)".formatted(problem.length(), MAX_PROBLEM));
        }
        String gold = item.requireGold();
        if (gold.isBlank()) {
            return Verdict.unparsableGold("the gold is empty");
        }
        String answer = answer(item);
        if (answer == null || answer.isBlank()) {
            return Verdict.noAnswer("no boxed answer");
        }
        if (answer.length() > MAX_ANSWER) {
            return Verdict.unparsableAnswer(
                    answer, "%d characters (allowed: %d)".formatted(answer.length(), MAX_ANSWER));
        }
        String wrong = task.problemOf(answer, problem, gold);
        return Verdict.of(
                wrong == null, answer, task.name(), wrong == null ? "solves the problem" : wrong);
    }

    private static @Nullable String answer(Item item) {
        if (item.form() == Item.Form.ANSWER) {
            return item.prediction();
        }
        String visible = BoxedAnswer.afterThinking(item.prediction());
        return visible == null ? null : BoxedAnswer.last(visible);
    }
}
