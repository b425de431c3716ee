package dev.forkpoint.cli;

import dev.forkpoint.cli.command.Failures;
import dev.forkpoint.cli.command.Forkpoint;
import dev.forkpoint.cli.local.Installation;
import dev.forkpoint.cli.output.Console;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import picocli.CommandLine;
import picocli.CommandLine.ParameterException;

/** Entry point of {@code forkpoint}. */
public final class Main {

    /** Longest time between a signal and the end: saving a run and draining its services. */
    private static final int INTERRUPT_GRACE_SECONDS = 150;

    private Main() {}

    /** Runs a command and ends the process with its exit code. */
    public static void main(String[] arguments) {
        Thread main = Thread.currentThread();
        CountDownLatch finished = new CountDownLatch(1);
        AtomicInteger exitCode = new AtomicInteger(ExitCode.INTERRUPTED);
        Forkpoint forkpoint = new Forkpoint(Console.system(), Installation.find());
        // A signal interrupts the main thread, whose command then ends in order: it saves, stops
        // the
        // services and returns its exit code. The JVM's own would be 130 or 143 without any of
        // that.
        Runtime.getRuntime()
                .addShutdownHook(
                        new Thread(
                                () -> {
                                    if (finished.getCount() > 0) {
                                        main.interrupt();
                                        awaitQuietly(finished, forkpoint);
                                        Runtime.getRuntime().halt(exitCode.get());
                                    }
                                },
                                "forkpoint-interrupt"));
        exitCode.set(execute(forkpoint, arguments));
        finished.countDown();
        System.exit(exitCode.get());
    }

    /** Runs a command and returns its exit code. */
    public static int execute(Forkpoint forkpoint, String... arguments) {
        Console console = forkpoint.console();
        CommandLine commandLine =
                new CommandLine(forkpoint)
                        .setOut(new PrintWriter(console.out(), true, StandardCharsets.UTF_8))
                        .setErr(new PrintWriter(console.err(), true, StandardCharsets.UTF_8))
                        .setCaseInsensitiveEnumValuesAllowed(true)
                        .setParameterExceptionHandler(Main::badUsage)
                        .setExecutionExceptionHandler(
                                (exception, command, result) -> {
                                    int failed = Failures.report(console, exception);
                                    forkpoint.settleLogs(failed);
                                    return failed;
                                });
        int code = commandLine.execute(arguments);
        console.out().flush();
        console.err().flush();
        return code;
    }

    private static int badUsage(ParameterException exception, String[] arguments) {
        CommandLine command = exception.getCommandLine();
        command.getErr().println("forkpoint: " + exception.getMessage());
        CommandLine.UnmatchedArgumentException.printSuggestions(exception, command.getErr());
        command.getErr()
                .println("Try '%s --help'.".formatted(command.getCommandSpec().qualifiedName(" ")));
        return ExitCode.USAGE;
    }

    private static void awaitQuietly(CountDownLatch finished, Forkpoint forkpoint) {
        try {
            if (!finished.await(
                    forkpoint.endsInOrder() ? INTERRUPT_GRACE_SECONDS : 5, TimeUnit.SECONDS)) {
                forkpoint.killServices();
            }
        } catch (InterruptedException e) {
            forkpoint.killServices();
        }
    }
}
