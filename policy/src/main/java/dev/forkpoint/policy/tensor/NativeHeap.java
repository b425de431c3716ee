package dev.forkpoint.policy.tensor;

import com.sun.jna.Function;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * glibc's heap, in which libtorch's tensors lie. As it comes, malloc gives large blocks back to the
 * kernel at every free, and the kernel zeroes them page by page at every malloc: more than half of
 * a training step. So malloc is told to keep them. A heap that keeps everything grows for hours,
 * since tensors of ever new sizes leave gaps: so now and then what is free goes back at once.
 * Elsewhere than on glibc this does nothing.
 */
public final class NativeHeap {

    private static final long TRIM_INTERVAL_NANOS = 30_000_000_000L;

    private static final AtomicLong nextTrim = new AtomicLong(System.nanoTime());

    private NativeHeap() {}

    /** Once a process, before libtorch allocates. */
    static void keepFreedMemory() {
        Function mallopt = function("mallopt");
        if (mallopt == null) {
            System.getLogger(NativeHeap.class.getName())
                    .log(
                            System.Logger.Level.INFO,
                            "no mallopt in this C library: freed memory goes back to the kernel");
            return;
        }
        mallopt.invokeInt(new Object[] {-3, 1 << 30}); // M_MMAP_THRESHOLD
        mallopt.invokeInt(new Object[] {-1, Integer.MAX_VALUE}); // M_TRIM_THRESHOLD
        mallopt.invokeInt(new Object[] {-2, 64 << 20}); // M_TOP_PAD
        mallopt.invokeInt(new Object[] {-8, 1}); // M_ARENA_MAX
    }

    /**
     * Gives free memory back to the kernel, at most every 30 s: the next step pays for touching its
     * pages anew, about 0.2 s a GiB. For the end of an update or of a policy's life.
     */
    public static void trimNowAndThen() {
        long due = nextTrim.get();
        long now = System.nanoTime();
        if (now - due >= 0 && nextTrim.compareAndSet(due, now + TRIM_INTERVAL_NANOS)) {
            trim();
        }
    }

    /** Whether this C library has what is needed. */
    static boolean available() {
        return function("malloc_trim") != null;
    }

    static void trim() {
        Function trim = function("malloc_trim");
        if (trim != null) {
            trim.invokeInt(new Object[] {0L});
        }
    }

    private static @Nullable Function function(String name) {
        if (!System.getProperty("os.name", "").equals("Linux")) {
            return null;
        }
        try {
            return Function.getFunction("c", name);
        } catch (UnsatisfiedLinkError e) {
            return null;
        }
    }
}
