package dev.forkpoint.learner.run;

import com.google.common.primitives.Floats;
import dev.forkpoint.learner.objective.Step;
import dev.forkpoint.learner.objective.StepObjective;
import dev.forkpoint.learner.objective.TokenStatistics;
import dev.forkpoint.learner.objective.UpdateStatistics;
import dev.forkpoint.learner.step.Mismatch;
import dev.forkpoint.learner.step.SourceOverlap;
import dev.forkpoint.policy.GradientStatistics;
import dev.forkpoint.policy.selection.Selection;
import dev.forkpoint.proto.learner.v1.StepMetrics;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.TreeMap;

/** Gathers the metrics of one step; docs/reference/metrics.md has every name and unit. */
final class MetricsOfStep {

    private final Map<String, Double> values = new TreeMap<>();
    private long sampledTokens;
    private long selectableTokens;
    private long keptTokens;
    private int updates;
    private int skipped;
    private double loss;
    private double gradientNorm;
    private double gradientNormMax;
    private double learningRate;
    private double currentOverlap;
    private int currentOverlaps;
    private TokenStatistics tokens = TokenStatistics.NONE;

    /**
     * Takes what is known before selection: rewards, lengths, groups, mismatch.
     *
     * @param policyVersion what sampled the step
     * @param staleness versions between that and the one the step's first update starts from
     */
    MetricsOfStep(
            List<List<Episode>> groups,
            StepAssembly assembly,
            long policyVersion,
            long staleness,
            OptionalDouble keepFraction) {
        List<Episode> all = groups.stream().flatMap(List::stream).toList();
        double[] rewards =
                all.stream()
                        .filter(Episode::rewarded)
                        .mapToDouble(e -> e.verification().orElseThrow().getReward())
                        .toArray();
        put("reward/mean", Arrays.stream(rewards).average().orElse(Double.NaN));
        put("reward/std", std(rewards));
        put(
                "reward/correct_fraction",
                share(all.stream().filter(Episode::correct).count(), all.size()));
        put("groups/count", groups.size());
        put(
                "groups/all_correct",
                groups.stream().filter(g -> g.stream().allMatch(Episode::correct)).count());
        put(
                "groups/none_correct",
                groups.stream().filter(g -> g.stream().noneMatch(Episode::correct)).count());
        put("groups/signalless", assembly.counts().groupsWithoutSignal());
        put("groups/dropped", assembly.counts().droppedGroups());
        put("groups/single", assembly.counts().singleGroups());
        put("responses/unrewarded", assembly.counts().unrewardedResponses());
        put("responses/empty", assembly.counts().emptyResponses());
        put(
                "responses/truncated_fraction",
                share(all.stream().filter(Episode::truncated).count(), all.size()));
        int[] lengths = all.stream().mapToInt(Episode::length).sorted().toArray();
        put("length/mean", Arrays.stream(lengths).average().orElse(0));
        put("length/min", lengths.length == 0 ? 0 : lengths[0]);
        put("length/max", lengths.length == 0 ? 0 : lengths[lengths.length - 1]);
        put("policy/version", policyVersion);
        put("policy/staleness", staleness);
        sampledTokens = Arrays.stream(lengths).sum();
        mismatch(all, keepFraction);
    }

    /** How far the engine's log-probs and choices are from those of entropy-service. */
    private void mismatch(List<Episode> all, OptionalDouble keepFraction) {
        Mismatch.Collector collector = new Mismatch.Collector();
        List<Float> engine = new ArrayList<>();
        List<Float> scored = new ArrayList<>();
        for (Episode e : all) {
            if (e.scores().isEmpty()) {
                continue;
            }
            for (int t = 0; t < e.length(); t++) {
                collector.add(e.scores().get().getLogProbs(t), e.rollout().getLogProbs(t));
            }
            if (e.rollout().getEntropiesCount() == e.length()) {
                engine.addAll(e.rollout().getEntropiesList());
                scored.addAll(e.scores().get().getEntropiesList());
            }
        }
        Mismatch mismatch = collector.mismatch();
        if (mismatch.tokens() > 0) {
            put("mismatch/tokens", mismatch.tokens());
            put("mismatch/logprob_mean_abs", mismatch.meanAbs());
            put("mismatch/logprob_max_abs", mismatch.maxAbs());
            put("mismatch/kl_k1", mismatch.k1());
            put("mismatch/kl_k3", mismatch.k3());
            put("mismatch/effective_sample_share", mismatch.effectiveSampleShare());
        }
        if (!engine.isEmpty() && keepFraction.isPresent()) {
            put(
                    "source/overlap_rollout_recomputed",
                    SourceOverlap.of(
                            Floats.toArray(engine),
                            Floats.toArray(scored),
                            keepFraction.getAsDouble()));
        }
    }

    /** Takes threshold, kept fraction and entropies of the whole step. */
    void selected(StepObjective objective) {
        Step step = objective.step();
        float[] sorted = step.entropy().clone();
        Arrays.sort(sorted);
        double sum = 0;
        for (float h : sorted) {
            sum += h;
        }
        put("entropy/mean", sum / sorted.length);
        for (int p = 0; p <= 100; p += 5) {
            put(
                    String.format("entropy/p%02d", p),
                    sorted[(int) Math.round(p / 100.0 * (sorted.length - 1))]);
        }
        selectableTokens = sorted.length;
        Selection selection = objective.selection();
        if (selection == null) {
            return; // source CURRENT: each update selects for itself
        }
        keptTokens = selection.keptCount();
        put("entropy/threshold", selection.threshold());
        double kept = 0;
        for (int t = 0; t < step.tokens(); t++) {
            kept += selection.kept()[t] ? step.entropy()[t] : 0;
        }
        put("mask/kept_entropy_share", sum > 0 ? kept / sum : 0);
        put("mask/kept_gradient_share", objective.keptGradientShare());
    }

    /** Takes one update. */
    void updated(UpdateStatistics statistics, GradientStatistics gradient, double rate) {
        updates++;
        loss += statistics.loss();
        gradientNorm += gradient.globalNorm();
        gradientNormMax = Math.max(gradientNormMax, gradient.globalNorm());
        gradient.groupNorm()
                .forEach((name, norm) -> values.merge("gradient/norm/" + name, norm, Double::sum));
        learningRate = rate;
        tokens = tokens.plus(statistics.tokens());
        if (!values.containsKey("mask/kept_entropy_share")) {
            keptTokens += statistics.counts().keptTokens();
        }
    }

    /** Takes the overlap of an update's choice by current entropies with that by the step's. */
    void overlapsCurrent(double overlap) {
        currentOverlap += overlap;
        currentOverlaps++;
    }

    /** Takes one update that was not finite. */
    void skipped() {
        skipped++;
    }

    int skippedUpdates() {
        return skipped;
    }

    long sampledTokens() {
        return sampledTokens;
    }

    long keptTokens() {
        return keptTokens;
    }

    /** NaN when nothing could be selected. */
    double keptFraction() {
        return selectableTokens == 0 ? Double.NaN : (double) keptTokens / selectableTokens;
    }

    /** Takes the times of the step. */
    void timed(StepClock clock, long sampled) {
        put("time/sample_seconds", clock.sampleSeconds());
        put("time/update_seconds", clock.updateSeconds());
        put("time/publish_seconds", clock.publishSeconds());
        put("time/step_seconds", clock.seconds());
        put("throughput/tokens_per_second", sampled / clock.seconds());
        put("throughput/sample_tokens_per_second", sampled / clock.sampleSeconds());
        Runtime memory = Runtime.getRuntime();
        put("memory/heap_mib", (memory.totalMemory() - memory.freeMemory()) / 1048576.0);
    }

    StepMetrics build(int number) {
        put("updates/count", updates);
        put("updates/skipped", skipped);
        put("mask/kept_tokens", keptTokens);
        put("mask/kept_fraction", keptFraction());
        put("mask/tokens", selectableTokens);
        if (currentOverlaps > 0) {
            put("source/overlap_current", currentOverlap / currentOverlaps);
        }
        if (updates > 0) {
            put("loss", loss / updates);
            put("gradient/norm", gradientNorm / updates);
            put("gradient/norm_max", gradientNormMax);
            values.replaceAll((name, v) -> name.startsWith("gradient/norm/") ? v / updates : v);
            put("optimizer/learning_rate", learningRate);
        }
        if (tokens.tokens() > 0) {
            put("clip/low_fraction", share(tokens.boundLow(), tokens.tokens()));
            put("clip/high_fraction", share(tokens.boundHigh(), tokens.tokens()));
            put("ratio/min", tokens.smallestRatio());
            put("ratio/max", tokens.largestRatio());
            put("kl/k1", tokens.sumK1() / tokens.tokens());
            put("kl/k3", tokens.sumK3() / tokens.tokens());
        }
        StepMetrics.Builder out = StepMetrics.newBuilder().setStep(number);
        values.forEach(
                (name, value) -> {
                    if (Double.isFinite(value)) {
                        out.putValues(name, value);
                    }
                });
        return out.build();
    }

    private void put(String name, double value) {
        values.put(name, value);
    }

    private static double share(long part, long all) {
        return all == 0 ? 0 : (double) part / all;
    }

    private static double std(double[] values) {
        double mean = Arrays.stream(values).average().orElse(0);
        double sum = 0;
        for (double v : values) {
            sum += (v - mean) * (v - mean);
        }
        return values.length < 2 ? 0 : Math.sqrt(sum / (values.length - 1));
    }
}
