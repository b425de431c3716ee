package dev.forkpoint.cli.command;

import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;

/** {@code forkpoint quickstart}: the main job on the bundled policy. */
@Command(
        name = "quickstart",
        description = {
            "Trains the bundled policy on Countdown with the top-20 %% mask through the four services.",
            "Evaluates on held-out problems before and after, and writes a report."
        })
final class QuickstartCommand implements Callable<Integer> {

    @ParentCommand
    @SuppressWarnings("NullAway.Init")
    private Forkpoint forkpoint;

    @Option(
            names = "--seed",
            paramLabel = "N",
            description = "Seed of every random choice. Default: the recipe's")
    private @Nullable Long seed;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private TrainingOptions options;

    @Override
    public Integer call() throws InterruptedException {
        return Training.run(
                forkpoint, forkpoint.installation().recipe("quickstart"), seed, options);
    }
}
