package dev.forkpoint.service.stream;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOutboundHandlerAdapter;
import io.vertx.core.Handler;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpClientOptions;
import io.vertx.core.http.HttpClientRequest;
import io.vertx.core.http.HttpClientResponse;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.core.http.HttpVersion;
import io.vertx.core.net.impl.ConnectionBase;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class FlushConsolidationTest {

    private static final int MESSAGES = 100;

    @Test
    void messagesOfOneTurnGoOutTogether() throws Exception {
        assertThat(flushes(RoutingContext::next)).as("without").isGreaterThanOrEqualTo(MESSAGES);
        assertThat(flushes(FlushConsolidation::install)).as("with").isLessThan(10);
    }

    /** What reaches the socket of a server that writes all messages in one turn. */
    private static int flushes(Handler<RoutingContext> before) throws Exception {
        Vertx vertx = Vertx.vertx();
        try {
            AtomicInteger flushes = new AtomicInteger();
            Router router = Router.router(vertx);
            router.route().handler(before);
            router.route()
                    .handler(
                            context -> {
                                count(context, flushes);
                                HttpServerResponse response = context.response().setChunked(true);
                                // not while the request is read, when Vert.x itself waits
                                vertx.runOnContext(ignored -> write(response));
                            });
            HttpServer server =
                    vertx.createHttpServer()
                            .requestHandler(router)
                            .listen(0, "127.0.0.1")
                            .toCompletionStage()
                            .toCompletableFuture()
                            .get(30, TimeUnit.SECONDS);
            HttpClientOptions asGrpcClients =
                    new HttpClientOptions()
                            .setProtocolVersion(HttpVersion.HTTP_2)
                            .setHttp2ClearTextUpgrade(false);
            String body =
                    vertx.createHttpClient(asGrpcClients)
                            .request(HttpMethod.GET, server.actualPort(), "127.0.0.1", "/")
                            .compose(HttpClientRequest::send)
                            .compose(HttpClientResponse::body)
                            .toCompletionStage()
                            .toCompletableFuture()
                            .get(30, TimeUnit.SECONDS)
                            .toString();
            assertThat(body).hasSize(MESSAGES);
            return flushes.get();
        } finally {
            vertx.close().toCompletionStage().toCompletableFuture().get(30, TimeUnit.SECONDS);
        }
    }

    private static void write(HttpServerResponse response) {
        for (int i = 0; i < MESSAGES; i++) {
            var unused = response.write("x");
        }
        var unused = response.end();
    }

    private static void count(RoutingContext context, AtomicInteger flushes) {
        ((ConnectionBase) context.request().connection())
                .channel()
                .pipeline()
                .addFirst(
                        new ChannelOutboundHandlerAdapter() {
                            @Override
                            public void flush(ChannelHandlerContext c) {
                                flushes.incrementAndGet();
                                c.flush();
                            }
                        });
    }
}
