package dev.forkpoint.reward.reasoning;

import dev.forkpoint.reward.verifier.CounterRandom;

/** {@code What is the remainder of (12 * 7 + 5) divided by 9?}: difficulty + 1 terms. */
final class ModularArithmetic implements ReasoningTask {
    @Override
    public String name() {
        return "modular-arithmetic";
    }

    @Override
    public Question make(CounterRandom random, int difficulty) {
        int modulus = random.between(3, 5 + 3 * difficulty);
        int range = 10 * difficulty;
        long value = random.between(1, range);
        StringBuilder text = new StringBuilder().append(value);
        for (int i = 0; i < difficulty; i++) {
            int number = random.between(2, range + 2);
            if (random.below(2) == 0) {
                text.append(" + ").append(number);
                value += number;
            } else {
                int factor = random.between(2, 9);
                text.append(" + ").append(number).append(" * ").append(factor);
                value += (long) number * factor;
            }
        }
        return new Question(
                "What is the remainder when " + text + " is divided by " + modulus + "?",
                Long.toString(value % modulus));
    }
}
