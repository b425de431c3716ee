package dev.forkpoint.cli.command;

import com.google.rpc.Status;
import com.jerolba.carpet.CarpetReader;
import com.jerolba.carpet.FieldMatchingStrategy;
import dev.forkpoint.cli.FailureException;
import dev.forkpoint.cli.UsageException;
import dev.forkpoint.cli.local.Backend;
import dev.forkpoint.cli.local.Service;
import dev.forkpoint.cli.study.StoredRollout;
import dev.forkpoint.proto.entropy.v1.AnalyzedResponse;
import dev.forkpoint.proto.entropy.v1.EntropyServiceGrpc;
import dev.forkpoint.proto.entropy.v1.LoadPolicyRequest;
import dev.forkpoint.proto.entropy.v1.ScoreRequest;
import dev.forkpoint.proto.entropy.v1.ScoreResponse;
import dev.forkpoint.proto.entropy.v1.SequenceToScore;
import dev.forkpoint.proto.entropy.v1.TokenScores;
import dev.forkpoint.proto.policy.v1.PolicySnapshot;
import dev.forkpoint.proto.policy.v1.TokenIds;
import io.grpc.ManagedChannel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Responses to analyse, and scores for those that have none. */
final class AnalysisData {

    private static final Pattern STEP = Pattern.compile("step-(\\d{1,9})\\.parquet");

    private AnalysisData() {}

    /** Files of a run's steps. */
    static TreeMap<Integer, Path> steps(Path run) {
        TreeMap<Integer, Path> steps = new TreeMap<>();
        try (Stream<Path> files = Files.list(run.resolve("rollouts"))) {
            for (Path file : files.toList()) {
                Matcher name = STEP.matcher(file.getFileName().toString());
                if (name.matches()) {
                    steps.put(Integer.parseInt(name.group(1)), file);
                }
            }
        } catch (IOException e) {
            throw new UsageException(
                    "--run: " + run + " has no rollouts that can be read: " + e.getMessage(), e);
        }
        if (steps.isEmpty()) {
            throw new UsageException("--run: " + run + " has no finished step in rollouts/");
        }
        return steps;
    }

    /** Responses of a step, empty ones left out. */
    static List<StoredRollout> read(Path file) {
        try {
            return new CarpetReader<>(file.toFile(), StoredRollout.class)
                    .withFieldMatchingStrategy(FieldMatchingStrategy.SNAKE_CASE).toList().stream()
                            .filter(r -> !r.tokenIds().isEmpty())
                            .toList();
        } catch (IOException | RuntimeException e) {
            throw new FailureException(file + " cannot be read: " + e.getMessage(), e);
        }
    }

    /** Responses as {@code forkpoint generate --json} writes them. */
    static List<StoredRollout> lines(String file) {
        return InputLines.read(file).stream()
                .map(line -> StoredRollout.bare(line.ids("prompt_ids"), line.ids("token_ids")))
                .toList();
    }

    /** Loads a policy for scoring. */
    static void load(Backend backend, PolicySnapshot policy) {
        for (ManagedChannel channel : backend.channels(Service.ENTROPY)) {
            EntropyServiceGrpc.newBlockingStub(channel)
                    .withDeadlineAfter(RolloutCalls.LOAD_SECONDS, TimeUnit.SECONDS)
                    .loadPolicy(LoadPolicyRequest.newBuilder().setPolicy(policy).build());
        }
    }

    /**
     * As they are sent.
     *
     * @param scored by this policy; absent: as stored
     * @param base whose entropies they are compared with
     */
    static List<AnalyzedResponse> responses(
            Backend backend,
            ServiceOptions services,
            List<StoredRollout> rows,
            @Nullable PolicySnapshot scored,
            @Nullable PolicySnapshot base)
            throws InterruptedException {
        List<AnalyzedResponse.Builder> out = new ArrayList<>();
        List<TokenScores> scores = scored == null ? null : score(backend, services, rows, scored);
        List<TokenScores> ofBase = base == null ? null : score(backend, services, rows, base);
        for (int i = 0; i < rows.size(); i++) {
            AnalyzedResponse.Builder r =
                    AnalyzedResponse.newBuilder().addAllTokenIds(rows.get(i).tokenIds());
            if (scores != null) {
                r.addAllEntropies(scores.get(i).getEntropiesList())
                        .addAllLogProbs(scores.get(i).getLogProbsList())
                        .addAllCollisionProbabilities(
                                scores.get(i).getCollisionProbabilitiesList());
            } else {
                stored(r, rows.get(i));
            }
            if (ofBase != null) {
                r.addAllBaseEntropies(ofBase.get(i).getEntropiesList());
            }
            out.add(r);
        }
        return out.stream().map(AnalyzedResponse.Builder::build).toList();
    }

    private static void stored(AnalyzedResponse.Builder r, StoredRollout row) {
        List<Float> entropy = row.entropy();
        if (entropy == null) {
            throw new UsageException(
                    "the stored rollouts have no entropies (the engine reported none); name a"
                            + " --policy to score them");
        }
        r.addAllEntropies(entropy);
        List<Float> collision = row.collisionProbability();
        if (collision != null) {
            r.addAllCollisionProbabilities(collision)
                    .addAllLogProbs(row.oldLogProb() == null ? row.logProb() : row.oldLogProb());
        }
    }

    private static List<TokenScores> score(
            Backend backend,
            ServiceOptions services,
            List<StoredRollout> rows,
            PolicySnapshot policy)
            throws InterruptedException {
        TokenScores[] scores = new TokenScores[rows.size()];
        Exchange.run(
                Protocols.SCORE,
                backend.channels(Service.ENTROPY),
                IntStream.range(0, rows.size())
                        .mapToObj(i -> request(rows.get(i), i, policy))
                        .iterator(),
                Protocols.WINDOW,
                services.liveness(backend),
                new Exchange.Answers<ScoreResponse>() {
                    @Override
                    public void complete(long index, ScoreResponse answer) {
                        scores[(int) index] = answer.getScores();
                    }

                    @Override
                    public void failed(long index, Status status) {
                        throw Failures.exception(
                                status, "response " + index + " under " + policy.getUri());
                    }
                });
        return List.of(scores);
    }

    private static ScoreRequest request(StoredRollout row, int id, PolicySnapshot policy) {
        return ScoreRequest.newBuilder()
                .setSequence(
                        SequenceToScore.newBuilder()
                                .setRequestId(Integer.toString(id))
                                .setIds(
                                        TokenIds.newBuilder()
                                                .addAllIds(row.promptIds())
                                                .addAllIds(row.tokenIds()))
                                .setFirstPosition(row.promptIds().size())
                                .setPolicyId(policy.getPolicyId())
                                .setPolicyVersion(policy.getVersion()))
                .build();
    }
}
