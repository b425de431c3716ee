package dev.forkpoint.reward.reasoning;

import dev.forkpoint.reward.verifier.CounterRandom;
import dev.forkpoint.reward.verifier.Fields;
import dev.forkpoint.reward.verifier.InvalidItemException;
import dev.forkpoint.reward.verifier.OptionSpec;
import dev.forkpoint.reward.verifier.Problem;
import dev.forkpoint.reward.verifier.TaskFamily;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * Problems of several kinds, of a chosen difficulty. One problem in eight, by a hash of its text,
 * is held out.
 */
public final class ReasoningFamily implements TaskFamily {
    /** Name of the family and of its verifier. */
    public static final String NAME = "reasoning-tasks";

    static final Map<String, ReasoningTask> TASKS = new TreeMap<>();

    private static final long STREAM = 3;
    private static final String INSTRUCTION = "\nPut your final answer within \\boxed{}.";

    static {
        ReasoningTask.all().forEach(task -> TASKS.put(task.name(), task));
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public String summary() {
        return "Short reasoning problems with one checkable answer: "
                + String.join(", ", TASKS.keySet())
                + ".";
    }

    @Override
    public List<OptionSpec> options() {
        return List.of(
                new OptionSpec("kinds", "which kinds, in turn; default all: " + TASKS.keySet()),
                new OptionSpec("difficulty", "1 (easiest) to 10; default 3"));
    }

    @Override
    public String verifier() {
        return NAME;
    }

    @Override
    public boolean hasDemonstrations() {
        return true;
    }

    @Override
    public Generator generator(Fields options) {
        options.requireOnly(Set.of("kinds", "difficulty"));
        List<String> kinds = List.copyOf(options.texts("kinds", List.copyOf(TASKS.keySet())));
        for (String kind : kinds) {
            if (!TASKS.containsKey(kind)) {
                throw new InvalidItemException(
                        "options.kinds", "\"%s\" (allowed: %s)".formatted(kind, TASKS.keySet()));
            }
        }
        if (kinds.isEmpty()) {
            throw new InvalidItemException(
                    "options.kinds", "empty (allowed: %s)".formatted(TASKS.keySet()));
        }
        int difficulty = (int) options.whole("difficulty", 3, 1, 10);
        return (split, seed, index, demonstration) -> {
            String kind = kinds.get((int) (index % kinds.size()));
            ReasoningTask task = task(kind);
            CounterRandom random =
                    CounterRandom.of(STREAM, seed, split.ordinal(), index, difficulty);
            ReasoningTask.Question question;
            do {
                question = task.make(random, difficulty);
            } while (isHeldOut(question.question()) != (split == Split.HELD_OUT));
            String response = demonstration ? "\\boxed{" + question.gold() + "}" : null;
            return new Problem(
                    index,
                    question.question() + INSTRUCTION,
                    question.gold(),
                    Map.of("kind", kind, "problem", question.question()),
                    response,
                    NAME);
        };
    }

    static ReasoningTask task(String kind) {
        ReasoningTask task = TASKS.get(kind);
        if (task == null) {
            throw new InvalidItemException(
                    "task.kind", "\"%s\" (allowed: %s)".formatted(kind, TASKS.keySet()));
        }
        return task;
    }

    private static boolean isHeldOut(String question) {
        return CounterRandom.mix(question.hashCode()) >>> 61 == 0;
    }
}
