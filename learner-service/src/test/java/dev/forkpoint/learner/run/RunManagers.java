package dev.forkpoint.learner.run;

import dev.forkpoint.learner.peer.Peers;
import dev.forkpoint.service.store.SnapshotSource;
import java.lang.reflect.Proxy;
import java.nio.file.Path;
import org.jspecify.annotations.NullUnmarked;

/** Managers for tests that look at runs but start none. */
@NullUnmarked
public final class RunManagers {

    private RunManagers() {}

    /** Knows the runs below a folder. */
    public static RunManager over(Path runRoot) {
        LearnerConfig config =
                (LearnerConfig)
                        Proxy.newProxyInstance(
                                LearnerConfig.class.getClassLoader(),
                                new Class<?>[] {LearnerConfig.class},
                                (proxy, method, arguments) -> {
                                    if (method.getName().equals("runRoot")) {
                                        return runRoot;
                                    }
                                    throw new UnsupportedOperationException(method.getName());
                                });
        return new RunManager(config, (SnapshotSource) null, (Peers) null);
    }
}
