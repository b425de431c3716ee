package dev.forkpoint.cli.command;

import dev.forkpoint.cli.UsageException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Options of commands that start a run. */
final class TrainingOptions {

    private static final DateTimeFormatter STAMP =
            DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss", Locale.ROOT);

    @Option(
            names = "--set",
            paramLabel = "PATH=VALUE",
            description =
                    "Changes the recipe, as in reinforcement.objective.selector.top.keep_fraction=0.1; may be given again")
    List<String> assignments = new ArrayList<>();

    @Option(
            names = "--run-dir",
            paramLabel = "DIR",
            description = "Directory of the run, new or empty. Default: runs/NAME-TIME")
    @Nullable String runDirectory;

    @Option(
            names = "--dry-run",
            description = "Checks the recipe and prints it with every default filled in")
    boolean dryRun;

    @Option(
            names = "--engine",
            paramLabel = "NAME",
            description = "Rollout engine: triton, direct or remote. Default: the service's own")
    @Nullable String engine;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    ServiceOptions services;

    @Option(names = "--json", description = "JSON Lines on standard output, and nothing else there")
    boolean json;

    /** The run's directory. */
    Path directory(String name) {
        if (runDirectory == null) {
            return Path.of(
                            "runs",
                            name + "-" + STAMP.format(LocalDateTime.now(ZoneId.systemDefault())))
                    .toAbsolutePath();
        }
        Path directory = Path.of(runDirectory).toAbsolutePath().normalize();
        if (Files.exists(directory)) {
            if (!Files.isDirectory(directory)) {
                throw new UsageException("--run-dir: " + directory + " is not a directory");
            }
            try (Stream<Path> entries = Files.list(directory)) {
                if (entries.findAny().isPresent()) {
                    throw new UsageException(
                            "--run-dir: %s is not empty; choose another, or go on with: forkpoint resume %s"
                                    .formatted(directory, directory));
                }
            } catch (IOException e) {
                throw new UsageException(
                        "--run-dir: cannot read " + directory + ": " + e.getMessage(), e);
            }
        }
        return directory;
    }
}
