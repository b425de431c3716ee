package dev.forkpoint.cli.command;

import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Descriptors.FieldDescriptor.JavaType;
import dev.forkpoint.proto.learner.v1.ObjectiveSpec;
import dev.forkpoint.proto.learner.v1.RolloutPlanner;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code forkpoint run}: trains by a recipe. */
@Command(name = "run")
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

    /**
     * The parts that a recipe may name are those of the contract, so that a new one cannot be
     * forgotten.
     */
    @Spec
    void describe(CommandSpec spec) {
        List<String> lines = new ArrayList<>();
        lines.add("Trains by a recipe (YAML of learner.v1.RunSpec).");
        lines.add("");
        lines.add(
                "Parts of reinforcement.objective, with equations in docs/reference/objectives.md:");
        for (FieldDescriptor part : ObjectiveSpec.getDescriptor().getFields()) {
            if (part.getJavaType() == JavaType.MESSAGE) {
                lines.add("  " + part.getName() + ": " + choices(part.getMessageType()));
            }
        }
        lines.add("and of reinforcement.planner: " + choices(RolloutPlanner.getDescriptor()));
        spec.usageMessage().description(lines.toArray(String[]::new));
    }

    private static String choices(Descriptor part) {
        return part.getOneofs().stream()
                .flatMap(oneof -> oneof.getFields().stream())
                .map(FieldDescriptor::getName)
                .collect(Collectors.joining(", "));
    }

    @Override
    public Integer call() throws InterruptedException {
        return Training.run(forkpoint, recipe, null, options);
    }
}
