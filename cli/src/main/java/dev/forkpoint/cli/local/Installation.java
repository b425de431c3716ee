package dev.forkpoint.cli.local;

import dev.forkpoint.cli.FailureException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Where the product's own files are.
 *
 * @param root folder that holds {@code recipes/}, {@code models/} and {@code NAME-service/}
 */
public record Installation(Path root) {

    public Installation {
        root = root.toAbsolutePath().normalize();
    }

    /** The folder named by {@code -Dforkpoint.home}, else the checkout that the classes lie in. */
    public static Installation find() {
        String home = System.getProperty("forkpoint.home");
        if (home != null && !home.isEmpty()) {
            return new Installation(Path.of(home));
        }
        try {
            Path place =
                    Path.of(
                            Installation.class
                                    .getProtectionDomain()
                                    .getCodeSource()
                                    .getLocation()
                                    .toURI());
            for (Path folder = place; folder != null; folder = folder.getParent()) {
                if (Files.isDirectory(folder.resolve("recipes"))) {
                    return new Installation(folder);
                }
            }
        } catch (URISyntaxException e) {
            throw new FailureException("cannot tell where Forkpoint is installed", e);
        }
        return new Installation(Path.of(""));
    }

    /** A bundled recipe. */
    public Path recipe(String name) {
        return root.resolve("recipes").resolve(name + ".yaml");
    }

    /** Whether a service is built. */
    public boolean has(Service service) {
        return Files.isRegularFile(jar(service));
    }

    /** What starts a service. */
    public Path jar(Service service) {
        return root.resolve(service.label() + "-service/target/quarkus-app/quarkus-run.jar");
    }
}
