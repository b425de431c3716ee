package dev.forkpoint.triton;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.tritonserver.global.tritonserver;
import org.jspecify.annotations.Nullable;

/**
 * Loads everything native, once a process, in the one order that works:
 *
 * <ol>
 *   <li>what libtritonserver.so needs and a CPU machine may lack (CUDA runtime, DCGM, curl,
 *       libxml2, numa): the machine's own if it has it, else a stand-in. The loader then finds each
 *       already there, by its soname;
 *   <li>libtritonserver.so and its JNI glue, through JavaCPP: from the redist jar when that is on
 *       the class path, else the first on the link path, which is /opt/tritonserver/lib of NVIDIA's
 *       image;
 *   <li>libtriton_forkpoint.so, the backend, from the very path that Triton will open it from:
 *       opened from two paths it would be two libraries, and the callbacks would go missing.
 * </ol>
 *
 * <p>System properties: {@code forkpoint.triton.home}, a directory to unpack into; {@code
 * forkpoint.triton.natives}, a directory of rebuilt libraries to take instead of the shipped ones;
 * {@code forkpoint.triton.stubs=true}, stand-ins even where the real libraries exist.
 */
public final class TritonRuntime {

    private static final List<String> NEEDED =
            List.of(
                    "libcudart.so.12",
                    "libdcgm.so.3",
                    "libcurl.so.4",
                    "libxml2.so.2",
                    "libnuma.so.1");
    private static final String BACKEND = "libtriton_forkpoint.so";

    private static @Nullable Path backends;
    private static @Nullable TritonException failure;

    private TritonRuntime() {}

    /**
     * The directory of backends to give to a server.
     *
     * @throws TritonException UNSUPPORTED, saying what is missing, where Triton cannot run; the
     *     same again on every call
     */
    public static synchronized Path load() {
        if (backends != null) {
            return backends;
        }
        if (failure != null) {
            throw failure;
        }
        try {
            backends = loadAll();
            return backends;
        } catch (TritonException e) {
            failure = e;
            throw e;
        } catch (IOException | LinkageError e) {
            String message = String.valueOf(e.getMessage());
            failure =
                    unsupported(
                            message.contains("already loaded in another classloader")
                                    ? "another class loader of this process has loaded it: make"
                                            + " forkpoint-triton and org.bytedeco parent-first"
                                            + " (docs/how-to/triton.md, \"Quarkus\")"
                                    : message,
                            e);
            throw failure;
        }
    }

    /** Why Triton cannot run in this process, or null if it can (then its libraries are loaded). */
    public static @Nullable String whyUnsupported() {
        try {
            load();
            return null;
        } catch (TritonException e) {
            return e.getMessage();
        }
    }

    private static Path loadAll() throws IOException {
        String os = System.getProperty("os.name");
        String arch = System.getProperty("os.arch");
        if (!os.toLowerCase(Locale.ROOT).startsWith("linux") || !arch.equals("amd64")) {
            throw unsupported("it needs linux-x86_64, this is " + os + " on " + arch, null);
        }
        Path home = home();
        boolean redist = redistOnClassPath();
        // JavaCPP's cache keeps what it once linked: one shared with an image of another
        // libtritonserver.so would win over
        // the image's own.
        if (System.getProperty("org.bytedeco.javacpp.cachedir") == null) {
            System.setProperty(
                    "org.bytedeco.javacpp.cachedir",
                    Files.createDirectories(
                                    home.resolve(redist ? "javacpp-redist" : "javacpp-image"))
                            .toString());
        }
        if (!redist
                && !Files.exists(Path.of("/opt/tritonserver/lib/libtritonserver.so"))
                && System.getProperty("org.bytedeco.javacpp.platform.linkpath") == null
                && System.getenv("LD_LIBRARY_PATH") == null) {
            throw unsupported(
                    "no libtritonserver.so: neither org.bytedeco:tritonserver:linux-x86_64-redist on the class path nor"
                            + " /opt/tritonserver/lib of NVIDIA's image",
                    null);
        }
        Loader.load(Loader.class);
        for (String soname : NEEDED) {
            realOrStandIn(soname, home);
        }
        Loader.load(tritonserver.class);
        // One directory a build: replacing the file of a process that runs would give it a second
        // library (see above).
        Path directory = home.resolve("backends-" + sha256(content(BACKEND)).substring(0, 16));
        Path library = unpack(BACKEND, directory.resolve("forkpoint"));
        System.load(library.toString());
        JvmBackend.bind();
        return directory;
    }

    private static boolean redistOnClassPath() {
        return TritonRuntime.class
                        .getClassLoader()
                        .getResource("org/bytedeco/tritonserver/linux-x86_64/libtritonserver.so")
                != null;
    }

    private static void realOrStandIn(String soname, Path home) throws IOException {
        if (!Boolean.getBoolean("forkpoint.triton.stubs")) {
            try {
                Loader.loadGlobal(soname); // by soname: the loader's own search path
                return;
            } catch (UnsatisfiedLinkError absent) {
                // A stand-in would answer for the real one to every library of this process that
                // asks by its soname.
                if (soname.startsWith("libcudart")
                        && Files.exists(Path.of("/proc/driver/nvidia/version"))) {
                    throw unsupported(
                            "this machine has an NVIDIA driver but no "
                                    + soname
                                    + " on the loader's path: install the"
                                    + " CUDA 12 runtime, or run with -Dforkpoint.triton.stubs=true where nothing in this"
                                    + " process uses the GPU",
                            absent);
                }
            }
        }
        System.load(unpack(soname, home.resolve("stand-ins")).toString());
    }

    /** A directory that is ours alone: libraries are loaded from it. */
    private static Path home() throws IOException {
        String configured = System.getProperty("forkpoint.triton.home");
        Object user = Files.getAttribute(Path.of("/proc/self"), "unix:uid");
        Path home =
                configured == null || configured.isEmpty()
                        ? Path.of(System.getProperty("java.io.tmpdir"), "forkpoint-triton-" + user)
                        : Path.of(configured);
        if (!Files.exists(home)) {
            Files.createDirectories(
                    home,
                    PosixFilePermissions.asFileAttribute(
                            PosixFilePermissions.fromString("rwx------")));
        }
        Object owner = Files.getAttribute(home, "unix:uid");
        if (!owner.equals(user)) {
            throw unsupported(
                    home
                            + " belongs to user "
                            + owner
                            + ", this process to user "
                            + user
                            + ": set -Dforkpoint.triton.home to a directory of your own",
                    null);
        }
        return home.toRealPath();
    }

    private static Path unpack(String name, Path directory) throws IOException {
        Files.createDirectories(directory);
        Path target = directory.resolve(name);
        byte[] content = content(name);
        if (Files.exists(target) && Arrays.equals(Files.readAllBytes(target), content)) {
            return target;
        }
        // A new file moved into place: overwriting one that some process has mapped would crash it.
        Path fresh = Files.createTempFile(directory, name, ".tmp");
        Files.write(fresh, content);
        try {
            Files.move(fresh, target, StandardCopyOption.ATOMIC_MOVE);
        } catch (AtomicMoveNotSupportedException e) {
            throw new IOException(directory + ": files cannot be moved atomically here", e);
        }
        return target;
    }

    private static byte[] content(String name) throws IOException {
        String rebuilt = System.getProperty("forkpoint.triton.natives");
        if (rebuilt != null) {
            return Files.readAllBytes(Path.of(rebuilt, name));
        }
        try (InputStream in =
                TritonRuntime.class.getResourceAsStream("/native/linux-x86_64/" + name)) {
            if (in == null) {
                throw new IOException("no native/linux-x86_64/" + name + " on the class path");
            }
            return in.readAllBytes();
        }
    }

    private static String sha256(byte[] content) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(content));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }

    private static TritonException unsupported(String why, @Nullable Throwable cause) {
        return new TritonException(
                TritonException.Code.UNSUPPORTED,
                "Triton cannot run in this process: " + why,
                cause);
    }
}
