package dev.forkpoint.reward.reasoning;

import dev.forkpoint.reward.verifier.CounterRandom;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** One kind of problem: how it is made at a difficulty, and what answers it. */
interface ReasoningTask {
    /**
     * A problem.
     *
     * @param question what is asked, without the instruction how to answer
     * @param gold a right answer
     */
    record Question(String question, String gold) {}

    String name();

    /**
     * @param difficulty 1 to 10: more steps, larger numbers
     */
    Question make(CounterRandom random, int difficulty);

    /**
     * Judges a bare answer.
     *
     * @param problem the problem's question as it was made, from which everything is read that the
     *     answer must fit
     * @param gold a right answer
     * @return null if it is right, otherwise what is wrong
     */
    default @Nullable String problemOf(String answer, String problem, String gold) {
        return normal(answer).equals(normal(gold)) ? null : "is not " + gold;
    }

    /**
     * Without white space and leading zeros' difference: words and numbers as they are compared.
     */
    static String normal(String text) {
        return text.strip().replaceAll("\\s+", " ").replaceAll("^\\+", "");
    }

    /** All kinds, in the order of their names. */
    static List<ReasoningTask> all() {
        return List.of(
                new BooleanEvaluation(),
                new ChainedArithmetic(),
                new GridPaths(),
                new LinearEquation(),
                new ModularArithmetic(),
                new SortingWithConstraints());
    }
}
