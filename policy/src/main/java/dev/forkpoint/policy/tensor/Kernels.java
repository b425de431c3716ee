package dev.forkpoint.policy.tensor;

import com.sun.jna.NativeLibrary;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * The operators of kernels.c, which libtorch knows as {@code forkpoint::*} from the moment their
 * library is loaded. For Linux on x86-64.
 */
final class Kernels {

    private static final String RESOURCE = "/native/linux-x86_64/libforkpoint_kernels.so";

    /** Held, since JNA unloads what nobody holds. */
    private static @Nullable NativeLibrary library;

    private Kernels() {}

    /** Whether they are made for this system. */
    static boolean supported() {
        return System.getProperty("os.name", "").equals("Linux")
                && System.getProperty("os.arch", "")
                        .toLowerCase(Locale.ROOT)
                        .matches("amd64|x86_64");
    }

    /**
     * Loads them, once a process, after libtorch.
     *
     * @throws IllegalStateException if they cannot be loaded
     */
    static synchronized void load() {
        if (library != null) {
            return;
        }
        try (InputStream in = Kernels.class.getResourceAsStream(RESOURCE)) {
            if (in == null) {
                throw new IllegalStateException(RESOURCE + ": missing from the policy library");
            }
            Path copy = Files.createTempFile("forkpoint-kernels", ".so");
            try {
                Files.copy(in, copy, StandardCopyOption.REPLACE_EXISTING);
                library = NativeLibrary.getInstance(copy.toString());
            } catch (UnsatisfiedLinkError e) {
                throw new IllegalStateException(
                        copy
                                + ": not loaded: "
                                + e.getMessage()
                                + " (allowed: a java.io.tmpdir from which libraries may be loaded)",
                        e);
            } finally {
                Files.delete(copy);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
