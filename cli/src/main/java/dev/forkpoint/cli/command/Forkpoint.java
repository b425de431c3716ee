package dev.forkpoint.cli.command;

import dev.forkpoint.cli.ExitCode;
import dev.forkpoint.cli.local.Addresses;
import dev.forkpoint.cli.local.Backend;
import dev.forkpoint.cli.local.Installation;
import dev.forkpoint.cli.local.LocalServices;
import dev.forkpoint.cli.local.LocalSettings;
import dev.forkpoint.cli.local.Service;
import dev.forkpoint.cli.output.Console;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;

/** The command itself, and what its sub-commands share. */
@Command(
        name = "forkpoint",
        description =
                "Reinforcement learning with verifiable rewards in which only forking tokens carry"
                        + " gradient.",
        mixinStandardHelpOptions = true,
        versionProvider = Forkpoint.Version.class,
        scope = ScopeType.INHERIT,
        synopsisSubcommandLabel = "COMMAND",
        sortOptions = false,
        usageHelpAutoWidth = true,
        exitCodeListHeading = "%nExit codes:%n",
        exitCodeList = {
            "0:done",
            "1:failed",
            "2:bad usage or input",
            "130:interrupted (state saved)"
        },
        subcommands = {
            QuickstartCommand.class,
            RunCommand.class,
            ResumeCommand.class,
            PretrainCommand.class,
            ServeCommand.class,
            GenerateCommand.class,
            ScoreCommand.class,
            VerifyCommand.class,
            EvalCommand.class,
            AblateCommand.class,
            AnalyzeCommand.class,
            BenchCommand.class,
            LoadCommand.class,
            DoctorCommand.class
        })
public final class Forkpoint implements Runnable {

    private final Console console;
    private final Installation installation;
    private final List<LocalServices> running = new CopyOnWriteArrayList<>();
    private volatile boolean endsInOrder;

    @Spec
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    public Forkpoint(Console console, Installation installation) {
        this.console = console;
        this.installation = installation;
    }

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "Missing command");
    }

    /** Where commands write. */
    public Console console() {
        return console;
    }

    /** Where the product's files are. */
    public Installation installation() {
        return installation;
    }

    /**
     * Whether the running command answers an interrupt by saving and stopping, which takes a while.
     */
    public boolean endsInOrder() {
        return endsInOrder;
    }

    /** Ends local services at once, for when the command does not. */
    public void killServices() {
        running.forEach(LocalServices::kill);
    }

    /**
     * After a command that did not end well: says where its services logged, or removes logs that
     * nobody will need.
     */
    public void settleLogs(int exitCode) {
        for (LocalServices services : running) {
            if (services.logsMoved()) {
                continue;
            }
            if (exitCode == ExitCode.FAILED) {
                console.note("The services logged to " + services.logFolder());
            } else {
                services.deleteLogs();
            }
        }
    }

    /** The command may take its time to end after an interrupt. */
    void endInOrder() {
        endsInOrder = true;
    }

    /**
     * The services of a command: those at {@code address}, or local ones.
     *
     * @param address value of {@code --address}
     * @param local what to start without one
     */
    Backend open(@Nullable String address, LocalSettings local, Service... needed)
            throws InterruptedException {
        if (address != null) {
            return Backend.connect(Addresses.parse(address, List.of(needed)));
        }
        endInOrder();
        Backend backend = Backend.start(installation, local);
        LocalServices services = backend.local();
        if (services != null) {
            running.add(services);
        }
        return backend;
    }

    /** Version of the jar. */
    static final class Version implements IVersionProvider {

        @Override
        public String[] getVersion() {
            return new String[] {"forkpoint " + of()};
        }

        static String of() {
            String version = Forkpoint.class.getPackage().getImplementationVersion();
            return version == null ? "development" : version;
        }
    }
}
