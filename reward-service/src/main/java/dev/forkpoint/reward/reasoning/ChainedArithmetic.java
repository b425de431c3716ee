package dev.forkpoint.reward.reasoning;

import dev.forkpoint.reward.verifier.CounterRandom;

/** {@code Start with 7. Add 5. Multiply by 3. …}: difficulty + 1 steps. */
final class ChainedArithmetic implements ReasoningTask {
    @Override
    public String name() {
        return "chained-arithmetic";
    }

    @Override
    public Question make(CounterRandom random, int difficulty) {
        int largest = 5 + 5 * difficulty;
        long value = random.between(1, largest);
        StringBuilder text = new StringBuilder("Start with ").append(value).append('.');
        for (int step = 0; step <= difficulty; step++) {
            int number = random.between(2, largest);
            boolean divides = value % number == 0 && value != 0;
            switch (random.below(divides ? 4 : 3)) {
                case 0 -> {
                    text.append(" Add ").append(number).append('.');
                    value += number;
                }
                case 1 -> {
                    text.append(" Subtract ").append(number).append('.');
                    value -= number;
                }
                case 2 -> {
                    int factor = random.between(2, 4);
                    text.append(" Multiply by ").append(factor).append('.');
                    value *= factor;
                }
                default -> {
                    text.append(" Divide by ").append(number).append('.');
                    value /= number;
                }
            }
        }
        return new Question(text.append(" What is the result?").toString(), Long.toString(value));
    }
}
