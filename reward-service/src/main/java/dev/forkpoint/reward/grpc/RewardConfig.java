package dev.forkpoint.reward.grpc;

import dev.forkpoint.reward.judge.JudgeEndpoint;
import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/** Settings of the reward service. */
@ConfigMapping(prefix = "forkpoint.reward")
public interface RewardConfig {
    /** Unanswered items of one stream; more wait with the caller. */
    @WithDefault("2048")
    int streamWindow();

    /** Items that may wait in each cost class; more are refused as OVERLOADED. */
    @WithDefault("65536")
    int queueCapacity();

    /** Threads for cheap and for computing verifiers, each; default: the cores. */
    OptionalInt threads();

    /** Threads for verifiers that wait for other processes. */
    @WithDefault("16")
    int externalThreads();

    /** Running programs: the verifier {@code code}. */
    Sandbox sandbox();

    /** Judges over HTTP: the verifier {@code judge}. */
    Judge judge();

    /** Settings of the sandbox. */
    interface Sandbox {
        /** Whether programs are run. Where they cannot be isolated, the service does not start. */
        @WithDefault("false")
        boolean enabled();

        /** The bubblewrap program. */
        @WithDefault("bwrap")
        String bubblewrap();

        /** The prlimit program of util-linux. */
        @WithDefault("/usr/bin/prlimit")
        String prlimit();

        /** The Python that runs programs; without it there is no language python. */
        @WithDefault("/usr/bin/python3")
        String python();

        /** The java of a JDK, 17 or later; without it there is no language java. */
        @WithDefault("/usr/bin/java")
        String java();

        /** Paths beside /usr that programs may read, such as a JDK elsewhere. */
        Optional<List<Path>> readOnlyPaths();

        /** CPU time of one test, whole seconds. */
        @WithDefault("10s")
        Duration cpu();

        /** Wall time of one test. */
        @WithDefault("20s")
        Duration wall();

        /** Address space of one process of a test. */
        @WithDefault("2147483648")
        long memoryBytes();

        /** What a test may write, and the size of a file. */
        @WithDefault("67108864")
        long diskBytes();

        /** Processes and threads of a test. */
        @WithDefault("64")
        int processes();

        /** Standard output of a test; more ends it. */
        @WithDefault("1048576")
        int outputBytes();
    }

    /** Settings of judges. */
    interface Judge {
        /** The judges that requests may name. No other address is ever called. */
        Map<String, Endpoint> endpoints();

        /** Time for one verification, all attempts together. */
        @WithDefault("30s")
        Duration deadline();

        /** Attempts of one verification. */
        @WithDefault("3")
        int attempts();

        /** Scores that are remembered, for each judge. */
        @WithDefault("10000")
        int cacheEntries();
    }

    /** A judge. */
    interface Endpoint {
        /** The address that is posted to. */
        URI url();

        /** chat: OpenAI-compatible completions; json: question, gold and response as they are. */
        @WithDefault("chat")
        JudgeEndpoint.Format format();

        /** The model that a chat judge is asked for. */
        @WithDefault("default")
        String model();

        /** A file that holds the bearer token. */
        Optional<Path> keyFile();

        /** Requests a second. */
        @WithDefault("20")
        int perSecond();

        /** What a chat judge is told to do. */
        @WithDefault(
                "Judge whether the response answers the question as the reference does: score 1 if it does, 0 if it does not.")
        String prompt();
    }
}
