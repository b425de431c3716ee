package dev.forkpoint.service.store;

import java.nio.file.Path;
import java.util.Optional;

/**
 * Where a snapshot lies on this machine.
 *
 * @param directory of the full model, in Hugging Face layout
 * @param adapter directory of the adapter over it, in PEFT layout
 */
public record PolicyFiles(Path directory, Optional<Path> adapter) {

    /** A full model. */
    public static PolicyFiles of(Path directory) {
        return new PolicyFiles(directory, Optional.empty());
    }
}
