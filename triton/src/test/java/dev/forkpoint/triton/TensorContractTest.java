package dev.forkpoint.triton;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.forkpoint.triton.RolloutRequest.Chunks;
import dev.forkpoint.triton.RolloutRequest.Fork;
import dev.forkpoint.triton.RolloutRequest.Sampling;
import dev.forkpoint.triton.TritonException.Code;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@SuppressWarnings("NullAway")
class TensorContractTest {

    private static final String CONFIG =
            TensorContract.modelConfig("policy", "forkpoint", "KIND_CPU", Map.of("engine", "toy"));

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
    void aRequestSurvivesTheWayThroughTensors(long seed) {
        Random random = new Random(seed);
        RolloutRequest request =
                new RolloutRequest(
                        "id-" + seed,
                        random.ints(1 + random.nextInt(50), 0, 1000).toArray(),
                        random.nextLong(),
                        new Sampling(
                                random.nextInt(3),
                                random.nextBoolean() ? 1 : 0.9,
                                random.nextInt(3),
                                random.nextBoolean() ? 0 : 0.05,
                                random.nextBoolean() ? null : new Fork(1.5, 0.672)),
                        1 + random.nextInt(100),
                        random.ints(random.nextInt(3), 0, 1000).toArray(),
                        random.nextBoolean(),
                        new Chunks(random.nextInt(3), random.nextInt(3)),
                        random.nextInt(3),
                        random.nextInt(5) - 2);
        RolloutRequest back =
                TensorContract.decode(
                        request.id(), TensorContract.encode(request), request.timeoutMicros());
        assertThat(back).usingRecursiveComparison().isEqualTo(request);
    }

    @Test
    void whatStandsAtItsDefaultIsNotSent() {
        assertThat(TensorContract.encode(RolloutRequest.of("", new int[] {1}, 1, 1)))
                .extracting(Tensor::name)
                .containsExactly("prompt_ids", "seed", "max_tokens");
    }

    @Test
    void anOutputShorterThanTheTokensIsAnErrorThatNamesIt() {
        List<Tensor> response = response();
        response.set(1, Tensor.floats("log_probs", -1));
        assertThatThrownBy(() -> TensorContract.decodeResponse(response))
                .isInstanceOfSatisfying(
                        TritonException.class, e -> assertThat(e.code()).isEqualTo(Code.INTERNAL))
                .hasMessageContaining("log_probs: 1 values");
        response.remove(1);
        assertThatThrownBy(() -> TensorContract.decodeResponse(response))
                .hasMessageContaining("log_probs: missing");
    }

    @Test
    void entropiesThatAreMissingOrEmptyAreAbsentAndNotZero() {
        List<Tensor> response = response();
        assertThat(TensorContract.decodeResponse(response).chunk().entropies())
                .containsExactly(0.5f, 0.25f);
        response.set(2, Tensor.floats("entropies"));
        assertThat(TensorContract.decodeResponse(response).chunk().entropies()).isNull();
        response.remove(2);
        assertThat(TensorContract.decodeResponse(response).chunk().entropies()).isNull();
        assertThat(TensorContract.decodeResponse(response).stats())
                .isEqualTo(RolloutSink.Stats.UNKNOWN);
    }

    private static List<Tensor> response() {
        return new ArrayList<>(
                List.of(
                        Tensor.ints("token_ids", 5, 6),
                        Tensor.floats("log_probs", -1, -2),
                        Tensor.floats("entropies", 0.5f, 0.25f),
                        Tensor.longs("policy_versions", 3, 3),
                        Tensor.ints("finish_reason", 3)));
    }

    @Test
    void acceptsItsOwnConfiguration() {
        TensorContract.check(CONFIG);
    }

    @ParameterizedTest
    @CsvSource({
        "'\"tensor_contract\":{\"string_value\":\"1\"}', '\"tensor_contract\":{\"string_value\":\"2\"}', tensor_contract",
        "'\"decoupled\":true', '\"decoupled\":false', decoupled",
        "'{\"name\":\"seed\",\"data_type\":\"TYPE_INT64\"', '{\"name\":\"seed\",\"data_type\":\"TYPE_INT32\"', input seed",
        "'\"name\":\"top_k\"', '\"name\":\"topk\"', input top_k",
        "'{\"name\":\"token_ids\",\"data_type\":\"TYPE_INT32\",\"dims\":[-1]}',"
                + " '{\"name\":\"token_ids\",\"data_type\":\"TYPE_INT32\",\"dims\":[1]}', output token_ids",
    })
    void refusesAModelWhoseTensorsDoNotFitAndNamesWhichOnes(
            String part, String replacement, String named) {
        assertThat(CONFIG).contains(part);
        assertThatThrownBy(() -> TensorContract.check(CONFIG.replace(part, replacement)))
                .isInstanceOfSatisfying(
                        TritonException.class,
                        e -> assertThat(e.code()).isEqualTo(Code.UNSUPPORTED))
                .hasMessageContaining(named);
    }

    @Test
    void everyErrorCodeSurvivesTheWayThroughTritonsNumbersAndThroughText() {
        for (Code code : Code.values()) {
            TritonException error = new TritonException(code, "why");
            assertThat(TritonException.ofWireText(error.wireText()).code()).isEqualTo(code);
            assertThat(TritonException.of(code.number(), error.wireText()).code()).isEqualTo(code);
            assertThat(TritonException.of(code.number(), error.wireText())).hasMessage("why");
        }
        assertThat(TritonException.ofWireText("anything else").code()).isEqualTo(Code.UNKNOWN);
        assertThat(TritonException.of(4, "busy").code()).isEqualTo(Code.UNAVAILABLE);
    }
}
