package dev.forkpoint.service.lifecycle;

import io.quarkus.runtime.Quarkus;
import io.quarkus.vertx.http.HttpServer;
import io.quarkus.vertx.http.HttpServerStart;
import io.quarkus.vertx.http.HttpsServerStart;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.ObservesAsync;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Optional;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.jboss.logging.Logger;

/**
 * Ties a service to whoever started it: writes where it listens to {@code forkpoint.ready-file},
 * and leaves when the process {@code forkpoint.parent-pid} is gone, however that one ended.
 */
@ApplicationScoped
public class ReadyFile {

    private static final Logger LOG = Logger.getLogger(ReadyFile.class);

    private final Optional<Path> file;
    private final Optional<Long> parentPid;
    private final String service;

    ReadyFile(
            @ConfigProperty(name = "forkpoint.ready-file") Optional<Path> file,
            @ConfigProperty(name = "forkpoint.parent-pid") Optional<Long> parentPid,
            @ConfigProperty(name = "quarkus.application.name") String service) {
        this.file = file;
        this.parentPid = parentPid;
        this.service = service;
    }

    void listening(@ObservesAsync HttpServerStart start, HttpServer server) throws IOException {
        write(start.options().getHost(), server.getPort());
    }

    void listening(@ObservesAsync HttpsServerStart start, HttpServer server) throws IOException {
        write(start.options().getHost(), server.getSecurePort());
    }

    private void write(String host, int port) throws IOException {
        if (file.isPresent()) {
            Path to = file.get().toAbsolutePath();
            Path beside = to.resolveSibling(to.getFileName() + ".part");
            Files.writeString(
                    beside,
                    String.format(
                            "{\"service\":\"%s\",\"host\":\"%s\",\"port\":%d,\"pid\":%d}%n",
                            service.replace("forkpoint-", "").replace("-service", ""),
                            host,
                            port,
                            ProcessHandle.current().pid()));
            Files.move(
                    beside,
                    to,
                    StandardCopyOption.ATOMIC_MOVE,
                    StandardCopyOption.REPLACE_EXISTING);
        }
        parentPid.ifPresent(ReadyFile::leaveWith);
    }

    private static void leaveWith(long pid) {
        ProcessHandle.of(pid)
                .map(ProcessHandle::onExit)
                .orElseThrow(
                        () -> new IllegalStateException("forkpoint.parent-pid: no process " + pid))
                .thenRun(
                        () -> {
                            LOG.warnf("parent process is gone: leaving parentPid=%d", pid);
                            Quarkus.asyncExit();
                        });
    }
}
