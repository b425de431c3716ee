package dev.forkpoint.learner.grpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.forkpoint.policy.TinyModels;
import dev.forkpoint.proto.learner.v1.AccumulateRequest;
import dev.forkpoint.proto.learner.v1.AccumulateResponse;
import dev.forkpoint.proto.learner.v1.ApplyUpdateRequest;
import dev.forkpoint.proto.learner.v1.ApplyUpdateResponse;
import dev.forkpoint.proto.learner.v1.CloseTrainerRequest;
import dev.forkpoint.proto.learner.v1.CreateTrainerRequest;
import dev.forkpoint.proto.learner.v1.GetTrainerRequest;
import dev.forkpoint.proto.learner.v1.LearnerServiceGrpc;
import dev.forkpoint.proto.learner.v1.ObjectiveSpec;
import dev.forkpoint.proto.learner.v1.OptimizerSpec;
import dev.forkpoint.proto.learner.v1.PublishPolicyRequest;
import dev.forkpoint.proto.learner.v1.PublishPolicyResponse;
import dev.forkpoint.proto.learner.v1.Sequence;
import dev.forkpoint.proto.learner.v1.SubmitSequencesRequest;
import dev.forkpoint.proto.learner.v1.SubmitSequencesResponse;
import io.grpc.ManagedChannel;
import io.grpc.netty.NettyChannelBuilder;
import io.quarkus.test.common.QuarkusTestResource;
import io.quarkus.test.common.QuarkusTestResourceLifecycleManager;
import io.quarkus.test.common.http.TestHTTPResource;
import io.quarkus.test.junit.QuarkusTest;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.eclipse.microprofile.config.ConfigProvider;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A driver's own loop over a real socket, on a tiny random policy. */
@QuarkusTest
@QuarkusTestResource(value = LearnerServiceTest.Policies.class, restrictToAnnotatedClass = true)
@SuppressWarnings("NullAway.Init")
class LearnerServiceTest {

    /** One policy, and a folder for what is written. */
    public static final class Policies implements QuarkusTestResourceLifecycleManager {
        @Override
        public Map<String, String> start() {
            try {
                Path root = Files.createTempDirectory("learner-test").toRealPath();
                TinyModels.write(root.resolve("policy"), 1, "a b c d e f g h".split(" "));
                return Map.of(
                        "quarkus.http.test-port", "0",
                        "forkpoint.learner.run-root", root.resolve("runs").toString(),
                        "forkpoint.policy.allowed-uris", root.toUri().toString());
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        @Override
        public void stop() {}
    }

    @TestHTTPResource("/")
    URL url;

    private ManagedChannel channel;
    private LearnerServiceGrpc.LearnerServiceBlockingStub learner;
    private int calls;

    @BeforeEach
    void connect() {
        channel =
                NettyChannelBuilder.forAddress(url.getHost(), url.getPort()).usePlaintext().build();
        learner = LearnerServiceGrpc.newBlockingStub(channel);
    }

    @AfterEach
    void disconnect() throws InterruptedException {
        channel.shutdownNow().awaitTermination(5, TimeUnit.SECONDS);
    }

    private String next() {
        return getClass().getSimpleName() + System.nanoTime() + "-" + calls++;
    }

    private CreateTrainerRequest.Builder creation() {
        return CreateTrainerRequest.newBuilder()
                .setRequestId(next())
                .setPolicy(
                        ConfigProvider.getConfig()
                                .getValue("forkpoint.policy.allowed-uris", String.class)
                                .concat("policy"))
                .setOptimizer(OptimizerSpec.newBuilder().setLearningRate(1e-2));
    }

    private static Sequence.Builder sequence(String id, Integer... ids) {
        return Sequence.newBuilder()
                .setSequenceId(id)
                .setPromptLength(2)
                .addAllTokenIds(List.of(ids));
    }

    private SubmitSequencesResponse submit(String trainer, Sequence... sequences) {
        return learner.submitSequences(
                SubmitSequencesRequest.newBuilder()
                        .setRequestId(next())
                        .setTrainerId(trainer)
                        .addAllSequences(List.of(sequences))
                        .build());
    }

    private AccumulateResponse accumulate(String trainer, List<String> ids, List<String> update) {
        return learner.accumulate(
                AccumulateRequest.newBuilder()
                        .setRequestId(next())
                        .setTrainerId(trainer)
                        .addAllSequenceIds(ids)
                        .addAllUpdateSequenceIds(update)
                        .build());
    }

    private ApplyUpdateResponse apply(String trainer) {
        return learner.applyUpdate(
                ApplyUpdateRequest.newBuilder().setRequestId(next()).setTrainerId(trainer).build());
    }

    private void close(String trainer) {
        learner.closeTrainer(CloseTrainerRequest.newBuilder().setTrainerId(trainer).build());
    }

    @Test
    void coefficientsRaiseWhatTheyAreNegativeFor() throws Exception {
        String trainer = learner.createTrainer(creation().build()).getTrainerId();
        Sequence wanted =
                sequence("s", 3, 4, 5, 6, 7).addAllCoefficients(List.of(-1f, 0f, -1f)).build();
        double first = 0;
        double last = 0;
        for (int i = 0; i < 5; i++) {
            assertThat(submit(trainer, wanted).getKeptTokens()).isEqualTo(2);
            last = accumulate(trainer, List.of(), List.of()).getLoss();
            first = i == 0 ? last : first;
            assertThat(apply(trainer).getUpdates()).isEqualTo(i + 1L);
        }

        assertThat(last).isLessThan(first);
        PublishPolicyRequest publish =
                PublishPolicyRequest.newBuilder()
                        .setRequestId("publish-once")
                        .setTrainerId(trainer)
                        .build();
        PublishPolicyResponse published = learner.publishPolicy(publish);
        assertThat(learner.publishPolicy(publish)).isEqualTo(published);
        assertThat(Path.of(URI.create(published.getPolicy().getUri())).resolve("config.json"))
                .isRegularFile();
        assertThat(
                        learner.getTrainer(
                                        GetTrainerRequest.newBuilder()
                                                .setTrainerId(trainer)
                                                .build())
                                .getPublishedVersion())
                .isZero();
        close(trainer);
    }

    private static Sequence rewarded(String id, String group, double reward, Integer... ids) {
        Sequence.Builder s = sequence(id, ids).setGroupId(group).setReward(reward);
        for (int t = 2; t < ids.length; t++) {
            s.addOldLogProbs(-2f - t * 0.1f).addEntropies(((ids[t] * 7 + t) % 11) * 0.1f);
        }
        return s.setCorrect(reward > 0).build();
    }

    @Test
    void anUpdateCutIntoCallsHasTheGradientOfTheWhole() {
        Sequence[] step = {
            rewarded("a", "g", 1, 3, 4, 5, 6, 7, 8),
            rewarded("b", "g", 0, 3, 4, 6, 6),
            rewarded("c", "h", 1, 3, 5, 7, 6, 5),
            rewarded("d", "h", 0, 3, 5, 8, 8, 9, 4, 3)
        };
        List<String> all = List.of("a", "b", "c", "d");

        String whole =
                learner.createTrainer(
                                creation().setObjective(ObjectiveSpec.getDefaultInstance()).build())
                        .getTrainerId();
        SubmitSequencesResponse selected = submit(whole, step);
        double loss = accumulate(whole, List.of(), List.of()).getLoss();
        double norm = apply(whole).getGradientNorm();
        close(whole);

        String cut =
                learner.createTrainer(
                                creation().setObjective(ObjectiveSpec.getDefaultInstance()).build())
                        .getTrainerId();
        submit(cut, step);
        double parts = 0;
        for (String one : all) {
            parts += accumulate(cut, List.of(one), all).getLoss();
        }
        double cutNorm = apply(cut).getGradientNorm();
        close(cut);

        assertThat(selected.getResponseTokens()).isEqualTo(14);
        assertThat(selected.getKeptTokens()).isEqualTo(3); // ⌈0.2 · 14⌉
        assertThat(norm).isPositive();
        assertThat(parts).isCloseTo(loss, within(1e-6));
        assertThat(cutNorm).isCloseTo(norm, within(1e-5 * norm));
    }

    @Test
    void whatIsWrongIsNamedAndChangesNothing() {
        String trainer = learner.createTrainer(creation().build()).getTrainerId();

        assertThatThrownBy(() -> apply(trainer)).hasMessageContaining("nothing was accumulated");
        assertThatThrownBy(
                        () ->
                                submit(
                                        trainer,
                                        sequence("s", 3, 4, 5).addCoefficients(1).build(),
                                        sequence("t", 3, 4, 5, 6).addCoefficients(1).build()))
                .hasMessageContaining("sequences[1].coefficients");
        assertThatThrownBy(() -> submit(trainer, sequence("s", 3, 4, 4000).build()))
                .hasMessageContaining("4000");
        assertThatThrownBy(() -> accumulate(trainer, List.of("unknown"), List.of()))
                .hasMessageContaining("NOT_FOUND");
        assertThatThrownBy(() -> apply("nobody")).hasMessageContaining("NOT_FOUND");
        assertThatThrownBy(
                        () ->
                                learner.createTrainer(
                                        creation()
                                                .setOptimizer(OptimizerSpec.getDefaultInstance())
                                                .build()))
                .hasMessageContaining("optimizer.learning_rate");
        close(trainer);
    }
}
