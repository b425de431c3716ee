package dev.forkpoint.learner.objective;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/**
 * Keeps the tables of {@code docs/reference/objectives.md} equal to the registry. {@code
 * -Dforkpoint.writeDocs=true} writes them.
 */
class ObjectiveReferenceDocTest {
    private static final String BEGIN = "<!-- parts: written by ObjectiveReferenceDocTest -->\n";
    private static final String END = "<!-- end of parts -->\n";

    @Test
    void pageListsEveryPartWithEquationSourceAndOptions() throws IOException {
        Path page = docs().resolve("reference/objectives.md");
        String text = Files.readString(page);
        int begin = text.indexOf(BEGIN) + BEGIN.length();
        int end = text.indexOf(END);
        String expected = tables();
        if (Boolean.getBoolean("forkpoint.writeDocs")) {
            Files.writeString(page, text.substring(0, begin) + expected + text.substring(end));
            return;
        }
        assertThat(text.substring(begin, end)).isEqualTo(expected);
    }

    @Test
    void extendingShowsTheFilesAsTheyAre() throws IOException {
        String text = Files.readString(docs().resolve("extending.md"));
        Path source =
                docs().resolve("../learner-service/src/main/java/dev/forkpoint/learner/objective");
        assertThat(text).contains(Files.readString(source.resolve("LeaveOneOut.java")));
    }

    private static Path docs() {
        Path folder = Path.of("").toAbsolutePath();
        while (folder != null && !Files.isDirectory(folder.resolve("docs/reference"))) {
            folder = folder.getParent();
        }
        if (folder == null) {
            throw new AssertionError("no docs/reference above the working directory");
        }
        return folder.resolve("docs");
    }

    private static String tables() {
        StringBuilder out = new StringBuilder();
        for (Parts.Kind kind : Parts.Kind.values()) {
            String title = kind.title();
            out.append("\n## ")
                    .append(Character.toUpperCase(title.charAt(0)))
                    .append(title.substring(1))
                    .append("\n");
            for (Parts.Part part : Parts.of(kind)) {
                out.append("\n### `").append(part.name()).append("`\n\n");
                out.append(part.published().summary()).append("\n\n");
                out.append("    ").append(part.published().equation()).append("\n\n");
                out.append("Source: ").append(part.published().source()).append(".\n");
                if (!part.options().isEmpty()) {
                    out.append("\n| option | meaning | when absent |\n| --- | --- | --- |\n");
                    for (Parts.PartOption option : part.options()) {
                        out.append("| `")
                                .append(option.name())
                                .append("` | ")
                                .append(option.meaning().replace("|", "\\|"))
                                .append(" | ")
                                .append(option.absent())
                                .append(" |\n");
                    }
                }
            }
        }
        return out.append("\n").toString();
    }
}
