package dev.forkpoint.cli.command;

import dev.forkpoint.cli.UsageException;
import dev.forkpoint.proto.policy.v1.SamplingParameters;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Option;

/** Options of how tokens are drawn. */
final class SamplingOptions {

    @Option(
            names = "--temperature",
            paramLabel = "T",
            defaultValue = "1",
            description =
                    "Decoding temperature; 0 takes the likeliest token. Log-prob and entropy are at T (at 1 when greedy). Default: ${DEFAULT-VALUE}")
    double temperature;

    @Option(
            names = "--top-p",
            paramLabel = "P",
            defaultValue = "1",
            description = "Nucleus sampling, in (0, 1]. Default: ${DEFAULT-VALUE} (off)")
    double topP;

    @Option(
            names = "--top-k",
            paramLabel = "K",
            defaultValue = "0",
            description = "Only the K likeliest tokens. Default: ${DEFAULT-VALUE} (off)")
    int topK;

    @Option(
            names = "--min-p",
            paramLabel = "P",
            defaultValue = "0",
            description =
                    "Only tokens with at least P times the likeliest token's probability, in [0, 1). Default: ${DEFAULT-VALUE} (off)")
    double minP;

    @Option(
            names = "--stop",
            paramLabel = "TEXT",
            description = "Text that ends a response, part of it; may be given again")
    List<String> stop = new ArrayList<>();

    /** As a message. */
    SamplingParameters parameters(int maxTokens) {
        require(maxTokens >= 1, "--max-tokens", maxTokens, "1 or more");
        require(
                temperature >= 0 && Double.isFinite(temperature),
                "--temperature",
                temperature,
                "0 or more");
        require(topP > 0 && topP <= 1, "--top-p", topP, "above 0, at most 1");
        require(topK >= 0, "--top-k", topK, "0 or more");
        require(minP >= 0 && minP < 1, "--min-p", minP, "0 or more, below 1");
        return SamplingParameters.newBuilder()
                .setMaxTokens(maxTokens)
                .setTemperature(temperature)
                .setTopP(topP)
                .setTopK(topK)
                .setMinP(minP)
                .addAllStopTexts(stop)
                .build();
    }

    static void require(boolean right, String option, Object found, String allowed) {
        if (!right) {
            throw new UsageException(option + ": " + found + " (allowed: " + allowed + ")");
        }
    }
}
