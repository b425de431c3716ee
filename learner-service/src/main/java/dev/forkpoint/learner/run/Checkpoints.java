package dev.forkpoint.learner.run;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.forkpoint.learner.trainer.PolicyTrainer;
import dev.forkpoint.policy.PolicyFormatException;
import dev.forkpoint.policy.checkpoint.AtomicFiles;
import dev.forkpoint.policy.checkpoint.Manifest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.jboss.logging.Logger;

/**
 * Checkpoints of a run: a folder each, written beside and renamed, with a manifest of SHA-256; an
 * older one leaves only when the newer is safe on disk.
 */
final class Checkpoints {

    private static final Logger LOG = Logger.getLogger(Checkpoints.class);
    private static final ObjectMapper JSON = new ObjectMapper();

    private final Path folder;
    private final int keep;

    Checkpoints(Path folder, int keep) {
        this.folder = folder;
        this.keep = keep;
    }

    void save(PolicyTrainer trainer, RunProgress progress) throws IOException {
        Path target = folder.resolve(String.format("step-%06d", progress.step()));
        if (Files.exists(target)) {
            return; // the same step's state: nothing new to save
        }
        AtomicFiles.directory(
                target,
                draft -> {
                    trainer.save(draft.resolve("trainer.bin"));
                    Files.write(draft.resolve("progress.json"), JSON.writeValueAsBytes(progress));
                    Manifest.of(draft).write(draft);
                });
        List<Path> all = newestFirst();
        for (Path old : all.subList(Math.min(keep, all.size()), all.size())) {
            AtomicFiles.delete(old);
        }
    }

    /**
     * Restores the newest checkpoint that is whole; damaged ones are passed over with a warning.
     */
    Optional<RunProgress> restore(PolicyTrainer trainer) throws IOException {
        for (Path checkpoint : newestFirst()) {
            try {
                Manifest.read(checkpoint).verify(checkpoint);
            } catch (PolicyFormatException e) {
                LOG.warnf("checkpoint passed over: %s", e.getMessage());
                continue;
            }
            trainer.restore(checkpoint.resolve("trainer.bin"));
            return Optional.of(
                    JSON.readValue(
                            checkpoint.resolve("progress.json").toFile(), RunProgress.class));
        }
        return Optional.empty();
    }

    private List<Path> newestFirst() throws IOException {
        try (Stream<Path> all = Files.list(folder)) {
            return all.filter(p -> p.getFileName().toString().startsWith("step-"))
                    .sorted(Comparator.reverseOrder())
                    .toList();
        }
    }
}
