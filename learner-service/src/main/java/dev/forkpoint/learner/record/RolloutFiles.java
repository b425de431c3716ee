package dev.forkpoint.learner.record;

import com.jerolba.carpet.CarpetReader;
import com.jerolba.carpet.CarpetWriter;
import com.jerolba.carpet.ColumnNamingStrategy;
import com.jerolba.carpet.FieldMatchingStrategy;
import com.jerolba.carpet.io.FileSystemOutputFile;
import dev.forkpoint.policy.checkpoint.AtomicFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.apache.parquet.hadoop.ParquetFileWriter;
import org.apache.parquet.hadoop.metadata.CompressionCodecName;

/**
 * The rollouts of a run, one Parquet file a step: {@code step-000001.parquet}, columns in
 * snake_case. A file appears whole or not at all, and a resumed run writes those of its later steps
 * again.
 */
public final class RolloutFiles {
    /** A step's file, or with a leading dot what a killed process left half written. */
    private static final Pattern NAME = Pattern.compile("(\\.?)step-(\\d{1,9})\\.parquet(\\..*)?");

    private final Path folder;

    /** Rollouts in a folder, which is made when the first step is written. */
    public RolloutFiles(Path folder) {
        this.folder = folder;
    }

    /** The file of a step, from 1. */
    public Path file(int step) {
        return folder.resolve(String.format("step-%06d.parquet", step));
    }

    /** Writes a step's rollouts, in place of what stands there. */
    public void write(int step, List<RolloutRow> rows) throws IOException {
        AtomicFiles.file(
                file(step),
                to -> {
                    // GZIP is the JDK's own; the other codecs unpack native libraries into a
                    // temporary folder.
                    try (CarpetWriter<RolloutRow> writer =
                            new CarpetWriter.Builder<>(
                                            new FileSystemOutputFile(to.toFile()), RolloutRow.class)
                                    .withColumnNamingStrategy(ColumnNamingStrategy.SNAKE_CASE)
                                    .withCompressionCodec(CompressionCodecName.GZIP)
                                    .withWriteMode(ParquetFileWriter.Mode.OVERWRITE)
                                    .build()) {
                        writer.write(rows);
                    }
                });
    }

    /** Reads a step's rollouts. */
    public List<RolloutRow> read(int step) throws IOException {
        return new CarpetReader<>(file(step).toFile(), RolloutRow.class)
                .withFieldMatchingStrategy(FieldMatchingStrategy.SNAKE_CASE)
                .toList();
    }

    /**
     * Deletes the files of steps after the last one that counts, and what was left half written.
     */
    public void truncate(int lastStep) throws IOException {
        if (!Files.isDirectory(folder)) {
            return;
        }
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.toList()) {
                Matcher name = NAME.matcher(file.getFileName().toString());
                if (name.matches()
                        && (!name.group(1).isEmpty()
                                || Integer.parseInt(name.group(2)) > lastStep)) {
                    Files.delete(file);
                }
            }
        }
    }
}
