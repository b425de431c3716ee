package dev.forkpoint.learner.record;

import static org.assertj.core.api.Assertions.assertThat;

import io.quarkus.test.junit.QuarkusTest;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The Parquet library resolves record classes by a class loader of its own; within the service they
 * are Quarkus'.
 */
@QuarkusTest
class RolloutFilesInServiceTest {
    @TempDir Path folder;

    @Test
    void recordsAreFoundByTheServicesClassLoader() throws IOException {
        RolloutFiles files = new RolloutFiles(folder);
        RolloutRow row =
                new RolloutRow(
                        1,
                        0,
                        "p",
                        "g",
                        0,
                        1,
                        List.of(1),
                        List.of(2),
                        List.of(-1f),
                        null,
                        List.of(0.5f),
                        null,
                        null,
                        1.0,
                        null,
                        null,
                        true,
                        "CORRECT",
                        "STOP");
        files.write(1, List.of(row));
        assertThat(files.read(1)).containsExactly(row);
    }
}
