package dev.forkpoint.service.telemetry;

import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.context.Context;
import io.opentelemetry.context.Scope;
import org.jboss.logging.MDC;
import org.jspecify.annotations.Nullable;

/**
 * One step of a run on this thread, from its beginning to {@link #close}: its log lines carry run
 * and step, its calls pass them on, and with tracing on it is one trace with a span for each phase.
 */
public final class StepTrace implements AutoCloseable {

    /** Keys in log lines, and of what calls pass on. */
    static final String RUN_ID = "runId";

    static final String STEP = "step";

    private final Telemetry telemetry;
    private final Span step;
    private final Context ofStep;
    private @Nullable Span phase;
    private @Nullable Scope scope;

    private StepTrace(Telemetry telemetry, String runId, int number) {
        this.telemetry = telemetry;
        step =
                telemetry
                        .tracer()
                        .spanBuilder("step")
                        .setNoParent()
                        .setAttribute(Telemetry.RUN_ID, runId)
                        .setAttribute(Telemetry.STEP, (long) number)
                        .startSpan();
        ofStep = step.storeInContext(Context.root());
        MDC.put(RUN_ID, runId);
        MDC.put(STEP, Integer.toString(number));
    }

    /** Begins with the phase. */
    public static StepTrace begin(Telemetry telemetry, String runId, int number, String phase) {
        StepTrace trace = new StepTrace(telemetry, runId, number);
        trace.phase(phase);
        return trace;
    }

    /** The phase before ends, this one begins. */
    @SuppressWarnings("MustBeClosedChecker") // the next phase, or close(), closes the scope
    public void phase(String name) {
        endPhase();
        Span next = telemetry.tracer().spanBuilder(name).setParent(ofStep).startSpan();
        phase = next;
        scope = next.storeInContext(ofStep).makeCurrent();
    }

    private void endPhase() {
        if (scope != null) {
            scope.close();
            scope = null;
        }
        if (phase != null) {
            phase.end();
            phase = null;
        }
    }

    /** The step did not come to its end. */
    public void failed(Throwable cause) {
        step.setStatus(StatusCode.ERROR, String.valueOf(cause.getMessage()));
    }

    @Override
    public void close() {
        endPhase();
        step.end();
        MDC.remove(STEP);
        MDC.remove(RUN_ID);
    }
}
