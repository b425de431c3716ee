package dev.forkpoint.policy.tensor;

import com.sun.jna.NativeLibrary;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Locale;

/**
 * The operators of kernels.c, which libtorch knows as {@code forkpoint::*} from the moment their
 * library is loaded. For Linux on x86-64.
 */
final class Kernels {

    private static final String RESOURCE = "/native/linux-x86_64/libforkpoint_kernels.so";

    /** Set once they are there: of all class loaders of a process the first loads them. */
    private static final String LOADED = "forkpoint.kernels.loaded";

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
    static void load() {
        synchronized (Runtime.getRuntime()) {
            if (System.getProperty(LOADED) == null) {
                loadCopy();
                System.setProperty(LOADED, "true");
            }
        }
    }

    private static void loadCopy() {
        try (InputStream in = Kernels.class.getResourceAsStream(RESOURCE)) {
            if (in == null) {
                throw new IllegalStateException(RESOURCE + ": missing from the policy library");
            }
            Path copy = Files.createTempFile("forkpoint-kernels", ".so");
            try {
                Files.copy(in, copy, StandardCopyOption.REPLACE_EXISTING);
                var unused = NativeLibrary.getInstance(copy.toString());
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
