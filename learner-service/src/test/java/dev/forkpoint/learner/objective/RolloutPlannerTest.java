package dev.forkpoint.learner.objective;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class RolloutPlannerTest {
    private static RolloutPlanner.State state(
            int round, int prompts, int size, RolloutPlanner.Prompt... sampled) {
        return new RolloutPlanner.State(round, prompts, size, List.of(sampled));
    }

    private static RolloutPlanner.Prompt prompt(long key, int responses, int correct) {
        return new RolloutPlanner.Prompt(key, responses, correct);
    }

    @Test
    void plainAsksOnceForTheWholeStep() {
        RolloutPlanner planner = PlainPlanner.defaults();
        assertThat(planner.next(state(0, 3, 8)))
                .isEqualTo(new RolloutPlanner.Request(3, 8, Map.of()));
        assertThat(planner.next(state(1, 3, 8, prompt(0, 8, 8))).isNothing()).isTrue();
        assertThat(planner.accepts(prompt(0, 8, 8), 8)).isTrue();
    }

    @Test
    void dynamicSamplingReplacesPromptsThatAreAllCorrectOrAllWrong() {
        RolloutPlanner planner = new DynamicSamplingPlanner(3);
        RolloutPlanner.Prompt[] sampled = {
            prompt(0, 4, 4), prompt(1, 4, 0), prompt(2, 4, 1), prompt(3, 4, 3)
        };
        assertThat(planner.next(state(1, 4, 4, sampled)))
                .isEqualTo(new RolloutPlanner.Request(2, 4, Map.of()));
        assertThat(List.of(sampled).stream().map(p -> planner.accepts(p, 4)))
                .containsExactly(false, false, true, true);
    }

    @Test
    void dynamicSamplingGoesOnWithWhatItHasAfterItsRounds() {
        RolloutPlanner planner = new DynamicSamplingPlanner(3);
        assertThat(planner.next(state(3, 4, 4, prompt(0, 4, 4))).isNothing()).isTrue();
        assertThat(planner.next(state(1, 1, 4, prompt(0, 4, 2))).isNothing()).isTrue();
    }

    @Test
    void horaSpendsExactlyTheStepsBudget() {
        RolloutPlanner planner = new HoraPlanner(2, 3);
        Map<Long, int[]> sampled = new TreeMap<>();
        int total = 0;
        for (int round = 0; ; round++) {
            List<RolloutPlanner.Prompt> prompts = new ArrayList<>();
            sampled.forEach((key, n) -> prompts.add(prompt(key, n[0], n[1])));
            RolloutPlanner.Request request =
                    planner.next(new RolloutPlanner.State(round, 4, 5, prompts));
            if (request.isNothing()) {
                break;
            }
            for (int i = 0; i < request.newPrompts(); i++) {
                sampled.put((long) i, new int[] {request.responsesEach(), i % 2});
                total += request.responsesEach();
            }
            for (Map.Entry<Long, Integer> more : request.moreResponses().entrySet()) {
                Objects.requireNonNull(sampled.get(more.getKey()))[0] += more.getValue();
                total += more.getValue();
            }
        }
        assertThat(total).isEqualTo(4 * 5);
    }

    @Test
    void horaMaximisesTheSumOfHitUtilities() {
        RolloutPlanner.Prompt[] sampled = {
            prompt(0, 4, 0), prompt(1, 4, 3), prompt(2, 4, 1), prompt(3, 2, 2)
        };
        int batch = 5;
        RolloutPlanner.Request request = new HoraPlanner(2, batch).next(state(1, 4, 8, sampled));
        double reached = 0;
        for (RolloutPlanner.Prompt p : sampled) {
            reached += utility(p, request.moreResponses().getOrDefault(p.key(), 0));
        }
        assertThat(reached).isCloseTo(best(sampled, 0, batch), within(1e-12));
    }

    /** Best sum by trying every allocation. */
    private static double best(RolloutPlanner.Prompt[] prompts, int from, int left) {
        if (from == prompts.length) {
            return left == 0 ? 0 : Double.NEGATIVE_INFINITY;
        }
        double best = Double.NEGATIVE_INFINITY;
        for (int b = 0; b <= left; b++) {
            best = Math.max(best, utility(prompts[from], b) + best(prompts, from + 1, left - b));
        }
        return best;
    }

    /** 1 − B(1+s, 1+n−s+b) / B(1+s, 1+n−s), with B(x, y) = Γ(x)Γ(y)/Γ(x+y) of whole numbers. */
    private static double utility(RolloutPlanner.Prompt p, int b) {
        int alpha = 1 + p.correct();
        int beta = 1 + p.responses() - p.correct();
        return 1 - Math.exp(logBeta(alpha, beta + b) - logBeta(alpha, beta));
    }

    private static double logBeta(int x, int y) {
        return logFactorial(x - 1) + logFactorial(y - 1) - logFactorial(x + y - 1);
    }

    private static double logFactorial(int n) {
        double sum = 0;
        for (int i = 2; i <= n; i++) {
            sum += Math.log(i);
        }
        return sum;
    }
}
