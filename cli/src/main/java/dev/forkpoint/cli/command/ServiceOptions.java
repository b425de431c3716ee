package dev.forkpoint.cli.command;

import dev.forkpoint.cli.UsageException;
import dev.forkpoint.cli.local.Backend;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Where a command finds its services. */
final class ServiceOptions {

    @Option(
            names = "--address",
            paramLabel = "FILE|HOST:PORT,...",
            description = {
                "Use running services: the ready file of serve, NAME=HOST:PORT,... or, where one service is needed, HOST:PORT,...",
                "Default: starts what it needs, and stops it at the end"
            })
    private @Nullable String address;

    /** The option's value. */
    @Nullable String address() {
        return address;
    }

    /** Refuses an option that only local services can follow. */
    void rejectWithAddress(String option, @Nullable Object value) {
        if (address != null && value != null) {
            throw new UsageException(
                    option
                            + " chooses how local services start; running ones (--address) have chosen");
        }
    }

    /** Notices local services that die. */
    Exchange.Liveness liveness(Backend backend) {
        return afterFailure -> {
            if (afterFailure) {
                backend.checkAliveAfterFailure();
            } else {
                backend.checkAlive();
            }
        };
    }

    /** The command did what it should, so that nobody will read the logs of its services. */
    void ended(Backend backend) {
        backend.deleteLogsAtClose();
    }
}
