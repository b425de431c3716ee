package dev.forkpoint.learner.run;

import dev.forkpoint.policy.tensor.Script;
import java.util.SortedMap;
import java.util.TreeMap;

/** Versions of what computes, for records. */
final class Versions {

    private Versions() {}

    static SortedMap<String, String> all() {
        SortedMap<String, String> versions = new TreeMap<>();
        String own = Versions.class.getPackage().getImplementationVersion();
        versions.put("forkpoint", own == null ? "development" : own);
        versions.put("java", Runtime.version().toString());
        versions.putAll(Script.versions());
        versions.put("os", System.getProperty("os.name") + " " + System.getProperty("os.arch"));
        return versions;
    }
}
