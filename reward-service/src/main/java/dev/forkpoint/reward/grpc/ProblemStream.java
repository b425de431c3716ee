package dev.forkpoint.reward.grpc;

import dev.forkpoint.proto.reward.v1.GenerateProblemsResponse;
import dev.forkpoint.reward.schedule.Lanes;
import dev.forkpoint.reward.verifier.CostClass;
import dev.forkpoint.reward.verifier.TaskFamily;
import dev.forkpoint.service.error.ErrorMapping;
import dev.forkpoint.service.error.ServiceException;
import io.grpc.stub.ServerCallStreamObserver;
import io.vertx.core.Context;
import io.vertx.core.Vertx;
import java.time.Duration;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.LongFunction;
import org.jspecify.annotations.Nullable;

/**
 * Sends a family's problems in batches, the next one computed only when the caller can take it.
 * State is touched on the stream's event loop alone, problems are computed on a lane.
 */
final class ProblemStream {
    private static final int BATCH = 256;

    private final ServerCallStreamObserver<GenerateProblemsResponse> out;
    private final LongFunction<dev.forkpoint.reward.verifier.Problem> problems;
    private final Lanes lanes;
    private final @Nullable Context context;
    private final long end;
    private long next;
    private boolean computing;
    private boolean ended;

    private ProblemStream(
            ServerCallStreamObserver<GenerateProblemsResponse> out,
            LongFunction<dev.forkpoint.reward.verifier.Problem> problems,
            long start,
            long count,
            Lanes lanes) {
        this.out = out;
        this.problems = problems;
        this.lanes = lanes;
        this.context = Vertx.currentContext();
        this.next = start;
        this.end = start + count;
    }

    /**
     * Begins to send {@code count} problems from {@code start}; called on the stream's event loop.
     */
    static void open(
            ServerCallStreamObserver<GenerateProblemsResponse> out,
            TaskFamily.Generator generator,
            TaskFamily.Split split,
            long seed,
            long start,
            long count,
            boolean demonstrations,
            Lanes lanes) {
        LongFunction<dev.forkpoint.reward.verifier.Problem> problems =
                index -> generator.problem(split, seed, index, demonstrations);
        ProblemStream stream = new ProblemStream(out, problems, start, count, lanes);
        out.setOnCancelHandler(() -> stream.onLoop(() -> stream.ended = true));
        out.setOnReadyHandler(() -> stream.onLoop(stream::pump));
        stream.onLoop(stream::pump);
    }

    private void onLoop(Runnable step) {
        if (context == null) {
            synchronized (this) {
                step.run();
            }
        } else {
            context.runOnContext(ignored -> step.run());
        }
    }

    private void pump() {
        if (ended || computing || !out.isReady()) {
            return;
        }
        computing = true;
        long from = next;
        long to = Math.min(end, from + BATCH);
        try {
            lanes.submit(CostClass.COMPUTE, () -> compute(from, to));
        } catch (RejectedExecutionException full) {
            fail(ServiceException.overloaded("too many requests", Duration.ofSeconds(1)));
        }
    }

    private void compute(long from, long to) {
        try {
            GenerateProblemsResponse.Builder batch = GenerateProblemsResponse.newBuilder();
            for (long i = from; i < to; i++) {
                batch.addProblems(Translation.problem(problems.apply(i)));
            }
            onLoop(() -> send(batch.build(), to));
        } catch (RuntimeException e) {
            onLoop(() -> fail(Translation.failure(e)));
        }
    }

    private void send(GenerateProblemsResponse batch, long to) {
        computing = false;
        if (ended) {
            return;
        }
        out.onNext(batch);
        next = to;
        if (next == end) {
            ended = true;
            out.onCompleted();
        } else {
            pump();
        }
    }

    private void fail(RuntimeException e) {
        if (!ended) {
            ended = true;
            out.onError(ErrorMapping.toServiceException(e).toGrpc());
        }
    }
}
