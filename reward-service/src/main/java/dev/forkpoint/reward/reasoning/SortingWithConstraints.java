package dev.forkpoint.reward.reasoning;

import dev.forkpoint.reward.verifier.CounterRandom;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Sort numbers, ascending or descending, the even ones before the odd ones or the other way round:
 * 3 + difficulty numbers.
 */
final class SortingWithConstraints implements ReasoningTask {
    @Override
    public String name() {
        return "sorting";
    }

    @Override
    public Question make(CounterRandom random, int difficulty) {
        List<Integer> numbers = new ArrayList<>();
        for (int i = 0; i < 3 + difficulty; i++) {
            numbers.add(random.between(1, 20 + 20 * difficulty));
        }
        boolean descending = random.below(2) == 0;
        boolean evenFirst = random.below(2) == 0;
        Comparator<Integer> order =
                descending ? Comparator.reverseOrder() : Comparator.naturalOrder();
        Comparator<Integer> parity = Comparator.comparing(number -> (number % 2 == 0) != evenFirst);
        List<Integer> sorted =
                numbers.stream()
                        .sorted(difficulty == 1 ? order : parity.thenComparing(order))
                        .toList();
        String constraint =
                difficulty == 1
                        ? ""
                        : evenFirst
                                ? ", all even numbers before all odd ones"
                                : ", all odd numbers before all even ones";
        String question =
                "Sort "
                        + join(numbers)
                        + " in "
                        + (descending ? "descending" : "ascending")
                        + " order"
                        + constraint
                        + ". Answer with the numbers separated by commas.";
        return new Question(question, join(sorted));
    }

    private static String join(List<Integer> numbers) {
        return String.join(", ", numbers.stream().map(String::valueOf).toList());
    }

    @Override
    public @Nullable String problemOf(String answer, String problem, String gold) {
        String bare = answer.strip().replaceAll("^\\[|\\]$", "").replaceAll("[\\s,]+", " ").strip();
        return bare.equals(gold.replaceAll("[\\s,]+", " ")) ? null : "is not " + gold;
    }
}
