package dev.forkpoint.cli.study;

import dev.forkpoint.lab.statistics.Bootstrap;
import dev.forkpoint.lab.statistics.Interval;
import dev.forkpoint.lab.statistics.PairedTests;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * What the finished runs of a study say together. The seed is the unit: variations are compared on
 * the seeds that both have, on the same held-out problems.
 *
 * @param study what was asked, with the seeds wanted
 * @param runs finished runs by variation, then seed
 * @param rows one a variation that has a run
 * @param verdicts one a hypothesis, in the study's order
 */
public record StudyResult(
        Study study, Map<String, List<StudyRun>> runs, List<Row> rows, List<Verdict> verdicts) {

    private static final long RESAMPLING_SEED = 0x5EED;

    /**
     * A variation.
     *
     * @param seeds finished
     * @param accuracy over seeds, 95 % by Student's t; with one seed by bootstrap over problems
     * @param resampled the mean with its 95 % interval by bootstrap over seeds and problems
     * @param keptFraction realised, mean over steps and seeds
     * @param entropyShare mean over steps and seeds
     * @param versus comparison with the baseline; empty for itself and without common seeds
     * @param holm Holm-corrected p of Student's paired test; NaN without one
     */
    public record Row(
            String variation,
            int seeds,
            Interval accuracy,
            Interval resampled,
            double keptFraction,
            double entropyShare,
            Optional<Comparison> versus,
            double holm) {}

    /**
     * Two variations on common seeds.
     *
     * @param seeds common
     * @param difference first minus second, in [−1, 1]; 95 % by Student's t over seeds, NaN ends
     *     with one seed
     * @param student p of Student's paired test; NaN with one seed
     * @param signFlip p of the exact sign-flip test over seeds; NaN with one seed
     */
    public record Comparison(int seeds, Interval difference, double student, double signFlip) {}

    /** How a hypothesis came out. */
    public enum Outcome {
        SUPPORTED("supported"),
        NOT_SUPPORTED("not supported"),
        NOT_DECIDED("not decided by this much data"),
        ONE_SEED("cannot be said from one seed"),
        NO_RUNS("not run yet");

        private final String words;

        Outcome(String words) {
            this.words = words;
        }

        public String words() {
            return words;
        }
    }

    /**
     * @param sentence for people, with the figures
     */
    public record Verdict(Study.Hypothesis hypothesis, Outcome outcome, String sentence) {}

    /** Judges the runs that are there. */
    public static StudyResult of(Study study, Map<String, List<StudyRun>> runs) {
        List<String> names =
                study.variations().keySet().stream()
                        .filter(v -> !runs.getOrDefault(v, List.of()).isEmpty())
                        .toList();
        List<Optional<Comparison>> versus = new ArrayList<>();
        for (String v : names) {
            versus.add(
                    v.equals(study.baseline())
                            ? Optional.empty()
                            : compare(
                                    runs.getOrDefault(v, List.of()),
                                    runs.getOrDefault(study.baseline(), List.of())));
        }
        double[] holm =
                PairedTests.holm(
                        versus.stream()
                                .mapToDouble(c -> c.map(Comparison::student).orElse(Double.NaN))
                                .toArray());
        List<Row> rows = new ArrayList<>();
        for (int i = 0; i < names.size(); i++) {
            rows.add(
                    row(
                            names.get(i),
                            runs.getOrDefault(names.get(i), List.of()),
                            versus.get(i),
                            holm[i]));
        }
        return new StudyResult(
                study, runs, rows, study.hypotheses().stream().map(h -> judge(h, runs)).toList());
    }

    private static Row row(
            String name, List<StudyRun> runs, Optional<Comparison> versus, double holm) {
        double[] accuracies = runs.stream().mapToDouble(StudyRun::accuracy).toArray();
        double[][] solved = runs.stream().map(StudyRun::solved).toArray(double[][]::new);
        Interval resampled = Bootstrap.crossed(solved, RESAMPLING_SEED);
        return new Row(
                name,
                runs.size(),
                accuracies.length < 2 ? resampled : PairedTests.studentInterval(accuracies),
                resampled,
                runs.stream().mapToDouble(StudyRun::keptFraction).average().orElse(Double.NaN),
                runs.stream().mapToDouble(StudyRun::entropyShare).average().orElse(Double.NaN),
                versus,
                holm);
    }

    /** First minus second on the seeds that both have; empty where there is none. */
    static Optional<Comparison> compare(List<StudyRun> first, List<StudyRun> second) {
        Map<Integer, Double> others = new TreeMap<>();
        second.forEach(r -> others.put(r.seed(), r.accuracy()));
        double[] differences =
                first.stream()
                        .filter(r -> others.containsKey(r.seed()))
                        .mapToDouble(r -> r.accuracy() - others.getOrDefault(r.seed(), Double.NaN))
                        .toArray();
        if (differences.length == 0) {
            return Optional.empty();
        }
        if (differences.length == 1) {
            return Optional.of(
                    new Comparison(
                            1,
                            new Interval(differences[0], Double.NaN, Double.NaN),
                            Double.NaN,
                            Double.NaN));
        }
        return Optional.of(
                new Comparison(
                        differences.length,
                        PairedTests.studentInterval(differences),
                        PairedTests.student(differences),
                        PairedTests.signFlip(differences, RESAMPLING_SEED)));
    }

    private static Verdict judge(Study.Hypothesis h, Map<String, List<StudyRun>> runs) {
        Optional<Comparison> found =
                compare(
                        runs.getOrDefault(h.higher(), List.of()),
                        runs.getOrDefault(h.lower(), List.of()));
        if (found.isEmpty()) {
            return new Verdict(h, Outcome.NO_RUNS, h.says() + " " + capital(Outcome.NO_RUNS) + ".");
        }
        Comparison c = found.get();
        Outcome outcome = outcome(c, h.margin() / 100);
        String figures =
                c.seeds() == 1
                        ? String.format(
                                Locale.ROOT,
                                "%s minus %s: %+.1f points",
                                h.higher(),
                                h.lower(),
                                100 * c.difference().mean())
                        : String.format(
                                Locale.ROOT,
                                "%s minus %s: %+.1f points, 95 %% interval %+.1f to %+.1f over %d"
                                        + " seeds",
                                h.higher(),
                                h.lower(),
                                100 * c.difference().mean(),
                                100 * c.difference().low(),
                                100 * c.difference().high(),
                                c.seeds());
        String bound =
                h.margin() > 0
                        ? String.format(Locale.ROOT, "; it may be %.1f points below", h.margin())
                        : "";
        return new Verdict(
                h, outcome, "%s %s (%s%s).".formatted(h.says(), capital(outcome), figures, bound));
    }

    private static Outcome outcome(Comparison c, double margin) {
        if (c.seeds() == 1) {
            return Outcome.ONE_SEED;
        }
        if (c.difference().low() > -margin) {
            return Outcome.SUPPORTED;
        }
        return c.difference().high() < -margin ? Outcome.NOT_SUPPORTED : Outcome.NOT_DECIDED;
    }

    private static String capital(Outcome outcome) {
        return Character.toUpperCase(outcome.words.charAt(0)) + outcome.words.substring(1);
    }

    /** All finished runs. */
    Stream<StudyRun> all() {
        return runs.values().stream().flatMap(List::stream);
    }

    /** Most seeds that a comparison with the baseline has. */
    int commonSeeds() {
        return rows.stream()
                .flatMap(r -> r.versus.stream())
                .mapToInt(Comparison::seeds)
                .max()
                .orElse(0);
    }

    /** What these numbers of seeds can and cannot tell. */
    public String limits() {
        int seeds = commonSeeds();
        if (seeds < 2) {
            return "One seed shows nothing of how runs differ: intervals are over problems alone,"
                    + " and no difference between variations can be said from it.";
        }
        return String.format(
                Locale.ROOT,
                "Intervals and p are over %d seeds by Student's t, which takes differences between"
                        + " seeds to be normal; so few seeds can neither show nor deny that. The"
                        + " sign-flip test assumes less, but with %d seeds its smallest p is %.3g%s.",
                seeds,
                seeds,
                PairedTests.smallestSignFlip(seeds),
                PairedTests.smallestSignFlip(seeds) > 0.05
                        ? ", so it cannot reach 0.05 whatever the runs show"
                        : "");
    }
}
