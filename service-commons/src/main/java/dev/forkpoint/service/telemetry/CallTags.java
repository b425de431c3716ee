package dev.forkpoint.service.telemetry;

import io.opentelemetry.context.Context;
import io.opentelemetry.context.Scope;
import org.jboss.logging.MDC;
import org.jspecify.annotations.Nullable;

/** Run, step and trace of one thread, for work that it lets another do. */
public final class CallTags {

    private final @Nullable Object runId = MDC.get(StepTrace.RUN_ID);
    private final @Nullable Object step = MDC.get(StepTrace.STEP);
    private final Context trace = Context.current();

    private CallTags() {}

    /** Those of the calling thread. */
    public static CallTags capture() {
        return new CallTags();
    }

    /** Does the work under them. */
    public void run(Runnable work) {
        put(StepTrace.RUN_ID, runId);
        put(StepTrace.STEP, step);
        try (Scope scope = trace.makeCurrent()) {
            work.run();
        } finally {
            MDC.remove(StepTrace.STEP);
            MDC.remove(StepTrace.RUN_ID);
        }
    }

    private static void put(String key, @Nullable Object value) {
        if (value != null) {
            MDC.put(key, value);
        }
    }
}
