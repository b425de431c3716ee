package dev.forkpoint.cli.local;

import dev.forkpoint.cli.ServiceDoubles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;

/**
 * A service process for tests: the service doubles behind the same start contract as a real
 * service. Environment FAKE_FAIL=LABEL makes the service of that name end before it is ready.
 */
public final class FakeService {

    private FakeService() {}

    public static void main(String[] arguments) throws IOException, InterruptedException {
        Path ready = Path.of(System.getProperty("forkpoint.ready-file"));
        String label = ready.getFileName().toString().replace(".ready.json", "");
        Properties settings = new Properties();
        System.getProperties()
                .forEach(
                        (key, value) -> {
                            if (key.toString().startsWith("forkpoint.")) {
                                settings.put(key, value);
                            }
                        });
        System.out.println(label + " starts with " + settings);
        if (label.equals(System.getenv("FAKE_FAIL"))) {
            System.out.println("cannot start: the moon is full");
            System.exit(3);
        }
        ServiceDoubles doubles =
                new ServiceDoubles(Integer.parseInt(System.getProperty("quarkus.http.port")));
        doubles.endless = true;
        String root = System.getProperty("forkpoint.learner.run-root");
        if (root != null) {
            doubles.runDirectory = Files.createDirectories(Path.of(root, "fake run")).toString();
        }
        Path part = ready.resolveSibling(label + ".part");
        Files.writeString(
                part,
                "{\"service\":\"%s\",\"host\":\"127.0.0.1\",\"port\":%d,\"pid\":%d}"
                        .formatted(label, doubles.port(), ProcessHandle.current().pid()));
        Files.move(part, ready, StandardCopyOption.ATOMIC_MOVE);
        ProcessHandle.of(Long.getLong("forkpoint.parent-pid"))
                .orElseThrow()
                .onExit()
                .thenRun(() -> Runtime.getRuntime().halt(0));
        Runtime.getRuntime()
                .addShutdownHook(
                        new Thread(
                                () ->
                                        System.out.println(
                                                label + " drained, stops: " + doubles.stops)));
        new CountDownLatch(1).await();
    }
}
