package dev.forkpoint.cli.command;

import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;

/** {@code forkpoint run}: trains by a recipe. */
@Command(name = "run", description = "Trains by a recipe (YAML of learner.v1.RunSpec).")
final class RunCommand implements Callable<Integer> {

    @ParentCommand
    @SuppressWarnings("NullAway.Init")
    private Forkpoint forkpoint;

    @Parameters(paramLabel = "RECIPE", description = "The recipe")
    @SuppressWarnings("NullAway.Init")
    private Path recipe;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private TrainingOptions options;

    @Override
    public Integer call() throws InterruptedException {
        return Training.run(forkpoint, recipe, null, options);
    }
}
