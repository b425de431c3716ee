package dev.forkpoint.learner.run;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** Every metric that a step writes is on the page. */
class MetricsReferenceDocTest {
    private static final Pattern PUT =
            Pattern.compile("put\\(\\s*\"([a-z0-9_]+(?:/[a-z0-9_]+)*)\"");

    @Test
    void pageNamesEveryMetric() throws IOException {
        Path root = Path.of("").toAbsolutePath();
        while (root != null && !Files.isDirectory(root.resolve("docs/reference"))) {
            root = root.getParent();
        }
        if (root == null) {
            throw new AssertionError("no docs/reference above the working directory");
        }
        String page = Files.readString(root.resolve("docs/reference/metrics.md"));
        Path source =
                root.resolve(
                        "learner-service/src/main/java/dev/forkpoint/learner/run/MetricsOfStep.java");
        Matcher put = PUT.matcher(Files.readString(source));
        TreeSet<String> missing = new TreeSet<>();
        int found = 0;
        while (put.find()) {
            found++;
            if (!page.contains("`" + put.group(1) + "`")) {
                missing.add(put.group(1));
            }
        }
        assertThat(found).isGreaterThan(30);
        assertThat(missing).isEmpty();
    }
}
