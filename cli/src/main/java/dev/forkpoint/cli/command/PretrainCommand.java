package dev.forkpoint.cli.command;

import dev.forkpoint.cli.UsageException;
import dev.forkpoint.cli.recipe.Recipe;
import dev.forkpoint.proto.learner.v1.RunSpec;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;

/** {@code forkpoint pretrain}: supervised training. */
@Command(
        name = "pretrain",
        description =
                "Supervised next-token training by a recipe; recipes/pretrain-countdown.yaml made the bundled policy.")
final class PretrainCommand implements Callable<Integer> {

    @ParentCommand
    @SuppressWarnings("NullAway.Init")
    private Forkpoint forkpoint;

    @Parameters(paramLabel = "RECIPE", description = "The recipe, with the key supervised")
    @SuppressWarnings("NullAway.Init")
    private Path recipe;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    private TrainingOptions options;

    @Override
    public Integer call() throws InterruptedException {
        RunSpec spec = Recipe.load(recipe, options.assignments);
        if (!spec.hasSupervised()) {
            throw new UsageException(
                    recipe + ": has no supervised part; use: forkpoint run " + recipe);
        }
        return Training.run(forkpoint, spec, recipe, options);
    }
}
