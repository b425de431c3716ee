package dev.forkpoint.triton;

import java.io.IOException;
import org.bytedeco.javacpp.Loader;

/** Says whether Triton can run on this machine, for {@code forkpoint doctor}: exit code 0 or 1. */
public final class TritonCheck {

    private TritonCheck() {}

    public static void main(String[] arguments) throws IOException {
        String missing = TritonRuntime.whyUnsupported();
        System.out.println(
                missing == null
                        ? "Triton runs inside the JVM (presets of tritonserver "
                                + Loader.getVersion("org.bytedeco", "tritonserver")
                                + ")"
                        : missing);
        System.exit(missing == null ? 0 : 1);
    }
}
