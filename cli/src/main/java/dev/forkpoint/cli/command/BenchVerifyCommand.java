package dev.forkpoint.cli.command;

import com.google.rpc.Status;
import dev.forkpoint.cli.ExitCode;
import dev.forkpoint.cli.local.Backend;
import dev.forkpoint.cli.local.LocalSettings;
import dev.forkpoint.cli.local.Service;
import dev.forkpoint.proto.reward.v1.VerifyItem;
import dev.forkpoint.proto.reward.v1.VerifyRequest;
import dev.forkpoint.proto.reward.v1.VerifyResponse;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;

/** {@code forkpoint bench verify}. */
@Command(
        name = "verify",
        description = "Verifications a second of the rows of a file, through reward-service.")
final class BenchVerifyCommand implements Callable<Integer> {

    /** Fewest verifications of a repetition. */
    private static final int LEAST = 60_000;

    @ParentCommand
    @SuppressWarnings("NullAway.Init")
    private BenchCommand bench;

    @Option(
            names = "--input",
            paramLabel = "FILE",
            required = true,
            description = "Rows as for verify; - reads standard input")
    @SuppressWarnings("NullAway.Init")
    private String input;

    @Option(
            names = "--verifier",
            paramLabel = "NAME",
            defaultValue = "math",
            description = "Default: ${DEFAULT-VALUE}")
    @SuppressWarnings("NullAway.Init")
    private String verifier;

    @Option(
            names = "--threads",
            paramLabel = "N",
            defaultValue = "1",
            description = "Threads that verify. Default: ${DEFAULT-VALUE}")
    private int threads;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private BenchOptions options;

    @Override
    public Integer call() throws InterruptedException {
        options.check();
        SamplingOptions.require(threads >= 1, "--threads", threads, "1 or more");
        List<InputLines.Line> rows = InputLines.read(input);
        List<VerifyItem.Builder> items = new ArrayList<>();
        rows.forEach(row -> items.add(VerifyCommand.item(row).setVerifier(verifier)));
        LocalSettings local =
                new LocalSettings(Service.REWARD)
                        .with("forkpoint.reward.threads", Integer.toString(threads));
        ServiceOptions services = new ServiceOptions();
        try (Backend backend = bench.forkpoint().open(null, local, Service.REWARD)) {
            VerifyCommand.requireVerifier(backend, verifier);
            // a short file is gone through again and again, so that what is measured is warm
            int rounds = (LEAST + items.size() - 1) / items.size();
            long[] micros = new long[rounds * items.size()];
            List<Double> seconds =
                    options.measure(() -> verify(backend, services, rows, items, micros));
            Arrays.sort(micros);
            services.ended(backend);
            new BenchReport("verify", "verifications_per_s", micros.length, seconds)
                    .figure("p50_us", micros[(micros.length - 1) / 2])
                    .figure("p99_us", micros[(int) Math.ceil(0.99 * micros.length) - 1])
                    .memoryOf(backend.local())
                    .setting("input", input)
                    .setting("rows", items.size())
                    .setting("rounds", rounds)
                    .setting("verifier", verifier)
                    .setting("threads", threads)
                    .print(bench.forkpoint().console(), options.json);
            return ExitCode.DONE;
        }
    }

    private static void verify(
            Backend backend,
            ServiceOptions services,
            List<InputLines.Line> rows,
            List<VerifyItem.Builder> items,
            long[] micros)
            throws InterruptedException {
        Exchange.run(
                Protocols.VERIFY,
                backend.channels(Service.REWARD),
                IntStream.range(0, micros.length)
                        .mapToObj(
                                i ->
                                        VerifyRequest.newBuilder()
                                                .setItem(
                                                        items.get(i % items.size())
                                                                .setRequestId(Integer.toString(i)))
                                                .build())
                        .iterator(),
                Protocols.WINDOW,
                services.liveness(backend),
                new Exchange.Answers<VerifyResponse>() {
                    @Override
                    public void complete(long index, VerifyResponse answer) {
                        micros[(int) index] = answer.getVerification().getMicros();
                    }

                    @Override
                    public void failed(long index, Status status) {
                        throw Failures.exception(
                                status, rows.get((int) index % rows.size()).source());
                    }
                });
    }
}
