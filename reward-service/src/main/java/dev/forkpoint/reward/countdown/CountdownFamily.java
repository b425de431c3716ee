package dev.forkpoint.reward.countdown;

import dev.forkpoint.reward.countdown.Countdown.Puzzle;
import dev.forkpoint.reward.verifier.CounterRandom;
import dev.forkpoint.reward.verifier.Fields;
import dev.forkpoint.reward.verifier.OptionSpec;
import dev.forkpoint.reward.verifier.Problem;
import dev.forkpoint.reward.verifier.TaskFamily;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Countdown problems {@code n1 n2 n3 -> target :}, and noisy searches to learn from. */
public final class CountdownFamily implements TaskFamily {
    /** Name of the family and of its verifier. */
    public static final String NAME = "countdown";

    private static final long PUZZLE_STREAM = 1;
    private static final long DEMONSTRATION_STREAM = 2;

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public String summary() {
        return "Reach a target with three numbers, each used once, and + - * /; one problem in eight is held out.";
    }

    @Override
    public List<OptionSpec> options() {
        return List.of(
                new OptionSpec("largest", "largest number of a problem, 2 to 20; default 20"),
                new OptionSpec(
                        "solution_share",
                        "demonstrations: probability that an attempt is the known solution, 0 to 1; default 0.1"),
                new OptionSpec("attempts", "demonstrations: attempts at most, 1 to 16; default 3"));
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
        options.requireOnly(Set.of("largest", "solution_share", "attempts"));
        int largest = (int) options.whole("largest", 20, 2, 20);
        double solutionShare = options.number("solution_share", 0.1, 0, 1);
        int attempts = (int) options.whole("attempts", 3, 1, 16);
        return (split, seed, index, demonstration) -> {
            boolean heldOut = split == Split.HELD_OUT;
            long half = heldOut ? 1 : 0;
            Puzzle puzzle =
                    Countdown.puzzle(
                            CounterRandom.of(PUZZLE_STREAM, seed, half, index), heldOut, largest);
            String response =
                    demonstration
                            ? Countdown.demonstration(
                                    puzzle,
                                    CounterRandom.of(DEMONSTRATION_STREAM, seed, half, index),
                                    solutionShare,
                                    attempts)
                            : null;
            List<Integer> numbers = Arrays.stream(puzzle.numbers()).boxed().toList();
            return new Problem(
                    index,
                    puzzle.prompt(),
                    puzzle.solution().expression(),
                    Map.of("numbers", numbers, "target", puzzle.target()),
                    response,
                    NAME);
        };
    }
}
