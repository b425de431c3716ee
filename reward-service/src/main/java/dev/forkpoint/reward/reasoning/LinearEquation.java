package dev.forkpoint.reward.reasoning;

import dev.forkpoint.reward.verifier.CounterRandom;

/**
 * {@code Solve 3x + 5 = 2x - 7 for x.}: whole coefficients and a whole solution, their size growing
 * with the difficulty.
 */
final class LinearEquation implements ReasoningTask {
    @Override
    public String name() {
        return "linear-equation";
    }

    @Override
    public Question make(CounterRandom random, int difficulty) {
        int range = 3 + 4 * difficulty;
        int solution = random.between(-range, range);
        int left = random.between(2, range);
        int right = difficulty == 1 ? 0 : random.between(0, left - 1);
        int leftConstant = random.between(-range, range);
        int rightConstant = (left - right) * solution + leftConstant;
        String rightSide =
                right == 0 ? Integer.toString(rightConstant) : side(right, rightConstant);
        String question = "Solve " + side(left, leftConstant) + " = " + rightSide + " for x.";
        return new Question(question, Integer.toString(solution));
    }

    private static String side(int factor, int constant) {
        String x = factor == 1 ? "x" : factor + "x";
        return constant == 0 ? x : x + (constant > 0 ? " + " : " - ") + Math.abs(constant);
    }

    @Override
    public @org.jspecify.annotations.Nullable String problemOf(
            String answer, String problem, String gold) {
        String bare = answer.strip().replaceFirst("^x\\s*=\\s*", "");
        return ReasoningTask.super.problemOf(bare, problem, gold);
    }
}
