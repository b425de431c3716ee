package dev.forkpoint.service.stream;

import io.netty.channel.ChannelPipeline;
import io.netty.handler.flush.FlushConsolidationHandler;
import io.quarkus.vertx.http.runtime.filters.Filters;
import io.vertx.core.net.impl.ConnectionBase;
import io.vertx.ext.web.RoutingContext;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;

/**
 * Sends the messages that one turn of an event loop writes to a connection together. Vert.x flushes
 * each by itself: a system call, and a reader woken, for every message.
 */
@ApplicationScoped
public class FlushConsolidation {

    private static final int BEFORE_ALL_ROUTES = 1001;

    /** Messages after which a turn flushes all the same. */
    private static final int MOST_TOGETHER = 256;

    void register(@Observes Filters filters) {
        filters.register(FlushConsolidation::install, BEFORE_ALL_ROUTES);
    }

    static void install(RoutingContext context) {
        if (context.request().connection() instanceof ConnectionBase connection) {
            ChannelPipeline pipeline = connection.channel().pipeline();
            if (pipeline.get(FlushConsolidationHandler.class) == null) {
                pipeline.addFirst(new FlushConsolidationHandler(MOST_TOGETHER, true));
            }
        }
        context.next();
    }
}
