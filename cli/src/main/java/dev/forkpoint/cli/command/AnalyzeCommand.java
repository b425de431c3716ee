package dev.forkpoint.cli.command;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.util.JsonFormat;
import dev.forkpoint.cli.ExitCode;
import dev.forkpoint.cli.UsageException;
import dev.forkpoint.cli.local.Backend;
import dev.forkpoint.cli.local.LocalSettings;
import dev.forkpoint.cli.local.Service;
import dev.forkpoint.cli.output.Console;
import dev.forkpoint.cli.output.JsonLines;
import dev.forkpoint.cli.output.Table;
import dev.forkpoint.proto.entropy.v1.AnalysisSettings;
import dev.forkpoint.proto.entropy.v1.AnalyzeResponse;
import dev.forkpoint.proto.entropy.v1.EntropyChange;
import dev.forkpoint.proto.entropy.v1.TokenEntropy;
import dev.forkpoint.proto.policy.v1.PolicySnapshot;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;

/** {@code forkpoint analyze}: what the entropies of a run or a policy say. */
@Command(
        name = "analyze",
        description = {
            "The paper's analyses of token entropies, of a run's stored rollouts or of responses"
                    + " scored by a policy.",
            "histogram: with percentiles and the share below 0.01 nats. tokens: of highest and"
                    + " lowest mean entropy. share: of all entropy that the top tokens hold.",
            "overlap: of the top positions with those of --base. change: against --base by its"
                    + " percentiles. percentiles: over a run's steps. gradient: entropy against the"
                    + " logit gradient."
        })
final class AnalyzeCommand implements Callable<Integer> {

    enum Name {
        histogram,
        tokens,
        share,
        overlap,
        change,
        percentiles,
        gradient
    }

    @ParentCommand
    @SuppressWarnings("NullAway.Init")
    private Forkpoint forkpoint;

    @Parameters(paramLabel = "NAME", description = "One of: ${COMPLETION-CANDIDATES}")
    @SuppressWarnings("NullAway.Init")
    private Name name;

    @Option(
            names = "--run",
            paramLabel = "DIR",
            description = "Run whose stored rollouts are analysed")
    private @Nullable Path run;

    @Option(
            names = "--steps",
            paramLabel = "N-N",
            description = "Steps of the run, as in 3 or 10-20. Default: all")
    private @Nullable String steps;

    @Option(
            names = "--input",
            paramLabel = "FILE",
            description = "Responses as generate --json writes them; needs --policy")
    private @Nullable String input;

    @Option(
            names = "--policy",
            paramLabel = "DIR",
            description = "Scores the responses by this policy, in place of what the run stored")
    private @Nullable String policy;

    @Option(
            names = "--base",
            paramLabel = "DIR",
            description = "Policy that overlap and change compare with, on the same responses")
    private @Nullable String base;

    @Option(
            names = "--rho",
            paramLabel = "R",
            defaultValue = "0.2",
            description = "Share of tokens in the top set. Default: ${DEFAULT-VALUE}")
    private double rho;

    @Option(
            names = "--min-count",
            paramLabel = "N",
            defaultValue = "100",
            description =
                    "Tokens seen less often are left out of tables. Default: ${DEFAULT-VALUE}")
    private int minimumCount;

    @Option(
            names = "--top",
            paramLabel = "N",
            defaultValue = "100",
            description = "Tokens at either end of the table. Default: ${DEFAULT-VALUE}")
    private int tableSize;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private ServiceOptions services;

    @Option(names = "--json", description = "JSON Lines on standard output, and nothing else there")
    private boolean json;

    @Override
    public Integer call() throws InterruptedException {
        SamplingOptions.require(rho > 0 && rho <= 1, "--rho", rho, "above 0, at most 1");
        SamplingOptions.require(minimumCount >= 1, "--min-count", minimumCount, "1 or more");
        SamplingOptions.require(
                tableSize >= 1 && tableSize <= 10_000, "--top", tableSize, "1 to 10000");
        if ((run == null) == (input == null)) {
            throw new UsageException(
                    "found %s of --run and --input (allowed: exactly one)"
                            .formatted(run == null ? "none" : "both"));
        }
        if (input != null && policy == null) {
            throw new UsageException("--input needs --policy, which scores the responses");
        }
        if ((name == Name.overlap || name == Name.change) && base == null) {
            throw new UsageException(name + " needs --base, the policy to compare with");
        }
        if (name == Name.percentiles && run == null) {
            throw new UsageException("percentiles needs --run, whose steps it goes over");
        }
        TreeMap<Integer, Path> files =
                run == null ? new TreeMap<>() : chosen(AnalysisData.steps(run));
        LocalSettings local = new LocalSettings(Service.ENTROPY);
        PolicySnapshot scored = snapshot("--policy", policy, "scored", local);
        PolicySnapshot ofBase = snapshot("--base", base, "base", local);
        AnalysisSettings.Builder settings =
                AnalysisSettings.newBuilder()
                        .setKeepFraction(rho)
                        .setMinimumCount(minimumCount)
                        .setTableSize(tableSize);
        tokenizer(scored, local, settings);
        try (Backend backend = forkpoint.open(services.address(), local, Service.ENTROPY)) {
            if (scored != null) {
                AnalysisData.load(backend, scored);
            }
            if (ofBase != null) {
                AnalysisData.load(backend, ofBase);
            }
            if (name == Name.percentiles) {
                overSteps(backend, files, settings.build(), scored);
            } else {
                print(all(backend, files, settings.build(), scored, ofBase));
            }
            services.ended(backend);
            return ExitCode.DONE;
        }
    }

    private TreeMap<Integer, Path> chosen(TreeMap<Integer, Path> all) {
        if (steps == null) {
            return all;
        }
        if (!steps.matches("\\d{1,9}(-\\d{1,9})?")) {
            throw new UsageException("--steps: found " + steps + " (allowed: N or N-N)");
        }
        String[] ends = steps.split("-", 2);
        int from = Integer.parseInt(ends[0]);
        int to = Integer.parseInt(ends[ends.length - 1]);
        TreeMap<Integer, Path> some =
                from > to ? new TreeMap<>() : new TreeMap<>(all.subMap(from, true, to, true));
        if (some.isEmpty()) {
            throw new UsageException(
                    "--steps: %s has no stored step (the run has %d to %d)"
                            .formatted(steps, all.firstKey(), all.lastKey()));
        }
        return some;
    }

    /** Roles have lineages of their own, so that two folders of the same name do not meet. */
    private @Nullable PolicySnapshot snapshot(
            String option, @Nullable String folder, String role, LocalSettings local) {
        if (folder == null) {
            return null;
        }
        Path path = PolicyFolder.require(option, folder, forkpoint.installation());
        local.allow(path);
        PolicySnapshot snapshot = PolicyFolder.snapshot(path);
        return snapshot.toBuilder().setPolicyId("analyze-" + role).build();
    }

    /** The tokenizer of the policy that scores, or of the run's first policy. */
    private void tokenizer(
            @Nullable PolicySnapshot scored,
            LocalSettings local,
            AnalysisSettings.Builder settings) {
        if (scored != null) {
            settings.setTokenizer(scored);
            return;
        }
        if (run == null) {
            return;
        }
        Path policies = run.toAbsolutePath().normalize().resolve("policies");
        try (Stream<Path> all = Files.list(policies)) {
            all.filter(p -> Files.exists(p.resolve("tokenizer.json")))
                    .sorted()
                    .findFirst()
                    .ifPresent(
                            p -> {
                                local.allow(p);
                                settings.setTokenizer(PolicyFolder.snapshot(p));
                            });
        } catch (java.io.IOException e) {
            // the table stays without text
        }
    }

    private AnalyzeResponse all(
            Backend backend,
            Map<Integer, Path> files,
            AnalysisSettings settings,
            @Nullable PolicySnapshot scored,
            @Nullable PolicySnapshot ofBase)
            throws InterruptedException {
        try (AnalysisCall call = new AnalysisCall(backend, settings)) {
            if (input != null) {
                call.send(
                        AnalysisData.responses(
                                backend, services, AnalysisData.lines(input), scored, ofBase));
            }
            for (Path file : files.values()) {
                call.send(
                        AnalysisData.responses(
                                backend, services, AnalysisData.read(file), scored, ofBase));
            }
            return call.finish();
        }
    }

    private void overSteps(
            Backend backend,
            Map<Integer, Path> files,
            AnalysisSettings settings,
            @Nullable PolicySnapshot scored)
            throws InterruptedException {
        List<String> head = new ArrayList<>(List.of("step"));
        for (int p = 0; p <= 100; p += 5) {
            head.add("p" + p);
        }
        Table table = new Table(head.toArray(String[]::new));
        for (Map.Entry<Integer, Path> file : files.entrySet()) {
            AnalyzeResponse r =
                    all(backend, Map.of(file.getKey(), file.getValue()), settings, scored, null);
            if (json) {
                ObjectNode line = JsonLines.object();
                line.put("step", file.getKey());
                line.put("tokens", r.getTokens());
                ObjectNode values = line.putObject("percentiles");
                for (int i = 0; i < r.getPercentilesCount(); i++) {
                    values.put(
                            Integer.toString((int) r.getPercentiles(i)), r.getPercentileValues(i));
                }
                new JsonLines(forkpoint.console().out()).write(line);
            } else {
                List<String> row = new ArrayList<>(List.of(Integer.toString(file.getKey())));
                r.getPercentileValuesList().forEach(v -> row.add(nats(v)));
                table.row(row.toArray(String[]::new));
            }
        }
        if (!json) {
            forkpoint.console().out().print(table);
        }
    }

    private void print(AnalyzeResponse r) {
        PrintStream out = forkpoint.console().out();
        if (json) {
            try {
                new JsonLines(out)
                        .write(
                                JsonMapper.builder()
                                        .build()
                                        .readTree(
                                                JsonFormat.printer()
                                                        .preservingProtoFieldNames()
                                                        .print(r)));
            } catch (InvalidProtocolBufferException | JsonProcessingException e) {
                throw new IllegalStateException(e);
            }
            return;
        }
        switch (name) {
            case histogram -> out.print(histogram(r));
            case tokens -> {
                out.print(tokens("highest", r.getHighestList()));
                out.print(tokens("lowest", r.getLowestList()));
            }
            case share ->
                    out.printf(
                            Locale.ROOT,
                            "the top %s of tokens (from %s nats) hold %.1f %% of all entropy%n",
                            percent(rho),
                            nats(r.getThreshold()),
                            100 * r.getTopEntropyShare());
            case overlap ->
                    out.printf(
                            Locale.ROOT,
                            "%.2f %% of the top %s of positions are in the top %s of the base"
                                    + " policy too%n",
                            100 * r.getBase().getTopOverlap(),
                            percent(rho),
                            percent(rho));
            case change -> out.print(changes(r.getBase().getChangesList()));
            case gradient -> out.print(gradient(r));
            case percentiles -> throw new IllegalStateException("printed step by step");
        }
        out.printf(
                Locale.ROOT,
                "%d tokens of %d responses, mean %s nats%s%n",
                r.getTokens(),
                r.getResponses(),
                nats(r.getMean()),
                r.getExact() ? "" : "; percentiles by sketch, top sets from a sample");
    }

    private static String percent(double share) {
        return String.format(Locale.ROOT, "%s %%", Math.round(share * 1e4) / 100.0);
    }

    private static String nats(double value) {
        return String.format(Locale.ROOT, "%.4f", value);
    }

    private static String histogram(AnalyzeResponse r) {
        Table bins = new Table("from, nats", "to, nats", "tokens", "share, %");
        for (int i = 0; i < r.getHistogramCountsCount(); i++) {
            bins.row(
                    i == 0 ? "0" : String.format(Locale.ROOT, "%.2e", r.getHistogramBounds(i - 1)),
                    i == r.getHistogramBoundsCount()
                            ? ""
                            : String.format(Locale.ROOT, "%.2e", r.getHistogramBounds(i)),
                    Long.toString(r.getHistogramCounts(i)),
                    String.format(
                            Locale.ROOT, "%.2f", 100.0 * r.getHistogramCounts(i) / r.getTokens()));
        }
        Table percentiles = new Table("percentile", "entropy, nats");
        for (int i = 0; i < r.getPercentilesCount(); i++) {
            percentiles.row(
                    Integer.toString((int) r.getPercentiles(i)), nats(r.getPercentileValues(i)));
        }
        return bins
                + percentiles.toString()
                + String.format(
                        Locale.ROOT,
                        "%.2f %% of tokens below 0.01 nats%n",
                        100 * r.getShareBelowHundredth());
    }

    private static String tokens(String end, List<TokenEntropy> rows) {
        Table table = new Table(end, "id", "mean entropy, nats", "seen");
        for (TokenEntropy t : rows) {
            table.row(
                    Console.printable(t.getText()).replace(' ', '\u2423'),
                    Integer.toUnsignedString(t.getTokenId()),
                    nats(t.getMean()),
                    Long.toString(t.getCount()));
        }
        return table.toString();
    }

    private static String changes(List<EntropyChange> rows) {
        Table table = new Table("base percentile", "tokens", "base entropy, nats", "change, nats");
        for (EntropyChange c : rows) {
            table.row(
                    String.format(
                            Locale.ROOT,
                            "%.0f – %.0f",
                            c.getFromPercentile(),
                            c.getFromPercentile() + 5),
                    Long.toString(c.getCount()),
                    nats(c.getBaseMean()),
                    String.format(Locale.ROOT, "%+.4f", c.getChange()));
        }
        return table.toString();
    }

    private String gradient(AnalyzeResponse r) {
        if (!r.hasGradient()) {
            throw new UsageException(
                    "the stored rollouts have no collision probabilities; name a --policy to score"
                            + " them");
        }
        return String.format(
                Locale.ROOT,
                "correlation of entropy with the norm of d log p / d z: %.4f%ncorrelation of"
                        + " entropy with -log p: %.4f%nthe top %s by entropy hold %.1f %% of the"
                        + " squared norm; %.1f %% of them are in the top %s by the norm%n",
                r.getGradient().getCorrelation(),
                r.getGradient().getSurprisalCorrelation(),
                percent(rho),
                100 * r.getGradient().getTopGradientShare(),
                100 * r.getGradient().getTopOverlap(),
                percent(rho));
    }
}
