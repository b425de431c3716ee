package dev.forkpoint.service.stream;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.forkpoint.service.error.ServiceException;
import dev.forkpoint.service.stream.StreamSession.Answers;
import dev.forkpoint.service.stream.StreamSession.Work;
import io.grpc.stub.StreamObserver;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CyclicBarrier;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(300)
class StreamSessionTest {

    private static final int WINDOW = 4;

    private final FakeServerCall<String> call = new FakeServerCall<>();
    private final Map<String, Answers<String>> started = new HashMap<>();
    private final List<String> cancelled = new ArrayList<>();
    private final StreamObserver<String> requests =
            StreamSession.open(call, WINDOW, new Recorder());

    /** Requests are their own ids; `-x` cancels x. */
    private final class Recorder implements StreamSession.Handler<String, String> {
        @Override
        public @Nullable String cancelledId(String message) {
            return message.startsWith("-") ? message.substring(1) : null;
        }

        @Override
        public String requestId(String message) {
            return message;
        }

        @Override
        public Work start(String message, Answers<String> answers) {
            if (message.equals("bad")) {
                throw new IllegalArgumentException("field: bad");
            }
            started.put(message, answers);
            return () -> {
                cancelled.add(message);
                answers.dropped();
            };
        }

        @Override
        public String failure(String requestId, ServiceException e) {
            return requestId + "!" + e.code() + " " + e.reason();
        }
    }

    private Answers<String> running(String id) {
        return Objects.requireNonNull(started.get(id), id);
    }

    @Test
    void answersInTheOrderOfFinishingAndAsksForOneMoreEach() {
        requests.onNext("a");
        requests.onNext("b");
        running("b").last("B");
        running("a").partial("A1");
        running("a").last("A2");

        assertThat(call.sent).containsExactly("B", "A1", "A2");
        assertThat(call.requested).isEqualTo(WINDOW + 2);
    }

    @Test
    void anAnswerThatCannotBeWrittenHoldsUpNoneAfterIt() {
        requests.onNext("a");
        call.broken = true;
        assertThatThrownBy(() -> running("a").partial("A1")).hasMessage("not written: A1");
        call.broken = false;
        running("a").last("A2");

        assertThat(call.sent).containsExactly("A2");
    }

    @Test
    void refusesAnIdThatIsRunningAndAcceptsItAgainAfterwards() {
        requests.onNext("a");
        requests.onNext("a");
        assertThat(call.sent).containsExactly("a!ALREADY_EXISTS DUPLICATE_REQUEST_ID");
        running("a").last("A");
        requests.onNext("a");
        running("a").last("again");
        assertThat(call.sent).endsWith("A", "again");
    }

    @Test
    void refusesIdsThatAreEmptyOrLong() {
        requests.onNext("");
        requests.onNext("x".repeat(129));
        assertThat(call.sent)
                .allMatch(answer -> answer.endsWith("INVALID_ARGUMENT INVALID_FIELD"))
                .hasSize(2);
        assertThat(started).isEmpty();
    }

    @Test
    void answersAFailureOfTheStartAndLivesOn() {
        requests.onNext("bad");
        requests.onNext("good");
        running("good").last("GOOD");
        assertThat(call.sent).containsExactly("bad!INVALID_ARGUMENT INVALID_FIELD", "GOOD");
    }

    @Test
    void cancelReachesTheWorkAndUnknownIdsAreIgnored() {
        requests.onNext("a");
        requests.onNext("-a");
        requests.onNext("-never");
        assertThat(cancelled).containsExactly("a");
        assertThat(call.sent).isEmpty();
        // two cancels and the request that was given up
        assertThat(call.requested).isEqualTo(WINDOW + 3);
    }

    @Test
    void halfClosingLetsWhatRunsFinish() {
        requests.onNext("a");
        requests.onNext("b");
        requests.onCompleted();
        running("a").last("A");
        assertThat(call.completed).isFalse();
        running("b").failed(new IllegalStateException("defect"));
        assertThat(call.sent).containsExactly("A", "b!INTERNAL INTERNAL");
        assertThat(call.completed).isTrue();
    }

    @Test
    void slowReaderHoldsBackFurtherRequests() {
        call.setReady(false);
        for (int i = 0; i < WINDOW; i++) {
            requests.onNext("r" + i);
            running("r" + i).last("R" + i);
        }
        assertThat(call.sent).isEmpty();
        assertThat(call.requested).as("nothing more is asked for").isEqualTo(WINDOW);

        call.setReady(true);
        assertThat(call.sent).containsExactly("R0", "R1", "R2", "R3");
        assertThat(call.requested).isEqualTo(2 * WINDOW);
    }

    @Test
    void clientThatVanishesCancelsAllAndLaterAnswersAreIgnored() {
        requests.onNext("a");
        requests.onNext("b");
        running("a").last("A");
        call.cancelByClient();
        assertThat(cancelled).containsExactly("b");
        running("b").last("B");
        requests.onNext("c");
        assertThat(call.sent).containsExactly("A");
        assertThat(started).doesNotContainKey("c");
    }

    @Test
    void onlyTheFirstLastAnswerCounts() {
        requests.onNext("a");
        running("a").last("A");
        running("a").last("B");
        running("a").partial("C");
        running("a").failed(new RuntimeException());
        assertThat(call.sent).containsExactly("A");
        assertThat(call.requested).isEqualTo(WINDOW + 1);
    }

    @Test
    void lastAnswerIsNeverLostToHalfClosing() throws Exception {
        for (int round = 0; round < 2000; round++) {
            FakeServerCall<String> raced = new FakeServerCall<>();
            StreamObserver<String> stream = StreamSession.open(raced, WINDOW, new Recorder());
            stream.onNext("a");
            Answers<String> answers = running("a");
            CyclicBarrier together = new CyclicBarrier(2);
            Thread worker =
                    new Thread(
                            () -> {
                                try {
                                    together.await();
                                } catch (Exception e) {
                                    throw new IllegalStateException(e);
                                }
                                answers.last("A");
                            });
            worker.start();
            together.await();
            stream.onCompleted();
            worker.join();
            assertThat(raced.sent).as("round %d", round).containsExactly("A");
            assertThat(raced.completed).as("round %d", round).isTrue();
        }
    }

    @Test
    void answersFromManyThreadsAllArrive() throws Exception {
        int n = 400;
        for (int i = 0; i < n; i++) {
            requests.onNext("r" + i);
        }
        List<Thread> workers = new ArrayList<>();
        for (int w = 0; w < 4; w++) {
            int first = w;
            Thread t =
                    new Thread(
                            () -> {
                                for (int i = first; i < n; i += 4) {
                                    running("r" + i).partial("p" + i);
                                    running("r" + i).last("l" + i);
                                }
                            });
            workers.add(t);
            t.start();
        }
        for (Thread t : workers) {
            t.join();
        }
        requests.onCompleted();
        assertThat(call.sent).hasSize(2 * n).doesNotHaveDuplicates();
        for (int i = 0; i < n; i++) {
            assertThat(call.sent.indexOf("p" + i)).isLessThan(call.sent.indexOf("l" + i));
        }
        assertThat(call.completed).isTrue();
        assertThat(call.requested).isEqualTo(WINDOW + n);
    }
}
