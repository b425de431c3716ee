package dev.forkpoint.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The launcher script in a checkout of its own, with stand-ins for java and mvn. */
@Timeout(60)
class LauncherTest {

    @TempDir Path folder;
    private Path checkout;
    private Path tools;

    private record Result(int code, String out, String err) {}

    @BeforeEach
    void lay() throws IOException {
        checkout = Files.createDirectories(folder.resolve("a check out"));
        tools = Files.createDirectories(folder.resolve("bin"));
        Files.copy(Cli.ROOT.resolve("forkpoint"), checkout.resolve("forkpoint"));
        for (String file :
                List.of(
                        "pom.xml",
                        "cli/src/main/java/A.java",
                        "cli/src/test/java/T.java",
                        "proto/python/client.py")) {
            write(checkout.resolve(file), "x");
        }
        for (String tool :
                List.of(
                        "bash",
                        "dirname",
                        "readlink",
                        "find",
                        "sed",
                        "mktemp",
                        "touch",
                        "rm",
                        "tail",
                        "cat",
                        "mkdir")) {
            link(tool);
        }
        // Prints how it was called; the launcher replaces itself by it.
        tool(
                "java",
                "case \"$*\" in *-XshowSettings*) echo \"    java.specification.version = ${FAKE_JAVA:-17}\" >&2 ;;"
                        + " *) echo \"OMP=$OMP_WAIT_POLICY\"; for a in \"$@\"; do echo \"[$a]\"; done ;; esac");
    }

    private void mvn(String body) throws IOException {
        tool("mvn", body);
    }

    /** A Maven that makes the products. */
    private void goodMvn() throws IOException {
        mvn(
                "echo built >> ../mvn.log; mkdir -p cli/target; touch cli/target/forkpoint-cli.jar;"
                        + " for s in rollout entropy reward learner; do"
                        + " mkdir -p $s-service/target/quarkus-app;"
                        + " touch $s-service/target/quarkus-app/quarkus-run.jar; done");
    }

    private void tool(String name, String body) throws IOException {
        write(tools.resolve(name), "#!/bin/bash\n" + body + "\n");
        assertThat(tools.resolve(name).toFile().setExecutable(true)).isTrue();
    }

    private void link(String tool) throws IOException {
        for (String place : List.of("/bin", "/usr/bin")) {
            if (Files.exists(Path.of(place, tool))) {
                Files.createSymbolicLink(tools.resolve(tool), Path.of(place, tool));
                return;
            }
        }
    }

    private static void write(Path file, String text) throws IOException {
        Files.createDirectories(file.getParent());
        Files.writeString(file, text);
    }

    private Result run(Path script, Map<String, String> environment, String... arguments)
            throws Exception {
        List<String> command = new ArrayList<>(List.of(script.toString()));
        command.addAll(List.of(arguments));
        File out = folder.resolve("out").toFile();
        File err = folder.resolve("err").toFile();
        ProcessBuilder builder =
                new ProcessBuilder(command)
                        .directory(folder.toFile())
                        .redirectOutput(out)
                        .redirectError(err);
        builder.environment().clear();
        builder.environment().put("PATH", tools.toString());
        builder.environment().putAll(environment);
        int code = builder.start().waitFor();
        return new Result(
                code,
                Files.readString(out.toPath(), StandardCharsets.UTF_8),
                Files.readString(err.toPath(), StandardCharsets.UTF_8));
    }

    private Result run(String... arguments) throws Exception {
        return run(checkout.resolve("forkpoint"), Map.of(), arguments);
    }

    private long builds() throws IOException {
        Path log = folder.resolve("mvn.log");
        return Files.exists(log) ? Files.readAllLines(log).size() : 0;
    }

    private void change(String file) throws IOException {
        write(checkout.resolve(file), "changed");
        Files.setLastModifiedTime(
                checkout.resolve(file), FileTime.from(Instant.now().plusSeconds(5)));
    }

    @Test
    void buildsOnceSaysSoAndHandsTheArgumentsOver() throws Exception {
        goodMvn();
        Result first = run("run", "a b", "--set", "x=*");
        assertThat(first.code()).as(first.err()).isZero();
        assertThat(first.err()).contains("building (first time, a few minutes)");
        assertThat(first.out())
                .contains("OMP=passive")
                .contains("[-Dforkpoint.home=" + checkout.toRealPath() + "]")
                .contains("[-Dforkpoint.terminal=]")
                .endsWith("[run]\n[a b]\n[--set]\n[x=*]\n");

        Result second = run("run");
        assertThat(second.err()).isEmpty();
        assertThat(builds()).isEqualTo(1);
    }

    @Test
    void buildsAgainWhenASourceChangedButNotForTestsOrExamples() throws Exception {
        goodMvn();
        run("x");
        change("cli/src/test/java/T.java");
        change("proto/python/client.py");
        run("x");
        assertThat(builds()).isEqualTo(1);
        change("cli/src/main/java/A.java");
        Result again = run("x");
        assertThat(again.err()).contains("building what has changed");
        assertThat(builds()).isEqualTo(2);
    }

    @Test
    void buildsAgainWhenAProductIsMissing() throws Exception {
        goodMvn();
        run("x");
        Files.delete(checkout.resolve("reward-service/target/quarkus-app/quarkus-run.jar"));
        run("x");
        assertThat(builds()).isEqualTo(2);
    }

    @Test
    void isFoundThroughALinkAndRespectsTheCallersWaitPolicy() throws Exception {
        goodMvn();
        Path link =
                Files.createSymbolicLink(folder.resolve("fp"), Path.of("a check out/forkpoint"));
        Result result = run(link, Map.of("OMP_WAIT_POLICY", "active"), "doctor");
        assertThat(result.out())
                .contains("OMP=active")
                .contains("[-Dforkpoint.home=" + checkout.toRealPath() + "]");
    }

    @Test
    void whatIsMissingIsSaidInOneLine() throws Exception {
        Result noMaven = run("x");
        assertThat(noMaven.code()).isEqualTo(1);
        assertThat(noMaven.err())
                .isEqualTo("forkpoint: mvn not found: install Maven 3.8 or newer\n");

        Result oldJava = run(checkout.resolve("forkpoint"), Map.of("FAKE_JAVA", "11"), "x");
        assertThat(oldJava.code()).isEqualTo(1);
        assertThat(oldJava.err()).contains("Java 11").contains("install a JDK 17 or newer");
        assertThat(run(checkout.resolve("forkpoint"), Map.of("FAKE_JAVA", "1.8"), "x").err())
                .contains("Java 1.8")
                .contains("is too old");

        Files.delete(tools.resolve("java"));
        Result noJava = run("x");
        assertThat(noJava.err())
                .isEqualTo("forkpoint: java not found: install a JDK 17 or newer\n");
    }

    @Test
    void aBuildThatFailsShowsItsEndAndIsTriedAgain() throws Exception {
        mvn("echo 'ERROR: missing semicolon'; exit 1");
        Result failed = run("x");
        assertThat(failed.code()).isEqualTo(1);
        assertThat(failed.err()).contains("missing semicolon").contains("all of its output is in");
        assertThat(failed.out()).isEmpty();
        goodMvn();
        assertThat(run("x").code()).isZero();
        assertThat(builds()).isEqualTo(1);
    }
}
