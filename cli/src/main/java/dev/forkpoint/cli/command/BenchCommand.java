package dev.forkpoint.cli.command;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code forkpoint bench}: measurements. */
@Command(
        name = "bench",
        description = {
            "Measures on a given policy and given sizes; prints figures, settings, machine and spread.",
            "generate, score and learn run in this process; step, grpc and verify go through services."
        },
        subcommands = {
            BenchGenerateCommand.class,
            BenchScoreCommand.class,
            BenchLearnCommand.class,
            BenchStepCommand.class,
            BenchVerifyCommand.class,
            BenchGrpcCommand.class
        })
final class BenchCommand implements Runnable {

    @ParentCommand
    @SuppressWarnings("NullAway.Init")
    private Forkpoint forkpoint;

    @Spec
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "Missing what to measure");
    }

    Forkpoint forkpoint() {
        return forkpoint;
    }
}
