package dev.forkpoint.reward.sandbox;

import dev.forkpoint.reward.verifier.BoxedAnswer;
import dev.forkpoint.reward.verifier.CostClass;
import dev.forkpoint.reward.verifier.Fields;
import dev.forkpoint.reward.verifier.InvalidItemException;
import dev.forkpoint.reward.verifier.Item;
import dev.forkpoint.reward.verifier.OptionSpec;
import dev.forkpoint.reward.verifier.Verdict;
import dev.forkpoint.reward.verifier.Verifier;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Runs the response's program on unit tests, each in a sandbox of its own. */
public final class CodeVerifier implements Verifier {
    private static final int MAX_TESTS = 256;
    private static final int MAX_PROGRAM = 200_000;
    private static final int MAX_TEST = 1_000_000;
    private static final SecureRandom RANDOM = new SecureRandom();

    /**
     * Runs the program and then the test, and says so with a word that the program was not told.
     * What the program prints is dropped.
     */
    private static final String PYTHON_DRIVER =
            """
            import os, sys
            word = sys.stdin.readline().strip()
            out = os.dup(1)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            scope = {"__name__": "__main__"}
            try:
                exec(compile(open("/box/program.py").read(), "program.py", "exec"), scope)
            except SystemExit:
                pass
            exec(compile(open("/box/test.py").read(), "test.py", "exec"), scope)
            os.write(out, word.encode())
            """;

    private final @Nullable Sandbox sandbox;
    private final Sandbox.Limits limits;
    private final Map<String, String> interpreters;

    /**
     * @param sandbox where programs run; null where running programs is off
     * @param interpreters program that runs a language, for each of python and java that there is
     */
    public CodeVerifier(
            @Nullable Sandbox sandbox, Sandbox.Limits limits, Map<String, String> interpreters) {
        this.sandbox = sandbox;
        this.limits = limits;
        this.interpreters = Map.copyOf(interpreters);
    }

    /** A verifier that says that running programs is off. */
    public static CodeVerifier off() {
        return new CodeVerifier(
                null,
                new Sandbox.Limits(Duration.ZERO, Duration.ZERO, 0, 0, 0, 0),
                Map.of("python", "", "java", ""));
    }

    /**
     * A verifier for those of the two languages whose program runs in the sandbox.
     *
     * @throws IllegalStateException if neither does
     */
    public static CodeVerifier on(
            Sandbox sandbox, Sandbox.Limits limits, String python, String java) {
        Map<String, String> interpreters = new TreeMap<>();
        if (sandbox.has(List.of(python, "-I", "-c", ""), limits)) {
            interpreters.put("python", python);
        }
        List<String> version = new ArrayList<>(java(java, limits));
        version.set(version.size() - 1, "-version");
        if (sandbox.has(version, limits)) {
            interpreters.put("java", java);
        }
        if (interpreters.isEmpty()) {
            throw new IllegalStateException(
                    "forkpoint.reward.sandbox: neither python (%s) nor java (%s) runs in the sandbox; a JDK outside of /usr is named in read-only-paths"
                            .formatted(python, java));
        }
        return new CodeVerifier(sandbox, limits, interpreters);
    }

    /** The languages that it runs. */
    public Set<String> languages() {
        return interpreters.keySet();
    }

    /** Settings of JDKs that distributions keep under /etc. */
    public static List<Path> javaSettings() {
        try (Stream<Path> etc = Files.list(Path.of("/etc"))) {
            return etc.filter(path -> path.getFileName().toString().startsWith("java")).toList();
        } catch (IOException none) {
            return List.of();
        }
    }

    @Override
    public String name() {
        return "code";
    }

    @Override
    public String summary() {
        return "The response's program passes unit tests, run in a sandbox. Off unless forkpoint.reward.sandbox.enabled.";
    }

    @Override
    public List<OptionSpec> options() {
        return List.of(
                new OptionSpec("language", "python or java; default python"),
                new OptionSpec(
                        "reward",
                        "all: 1 if every test passes; share: the share of tests that pass; default all"));
    }

    @Override
    public boolean needsGold() {
        return false;
    }

    @Override
    public CostClass costClass() {
        return CostClass.EXTERNAL;
    }

    @Override
    public Verdict verify(Item item) {
        if (sandbox == null) {
            throw new InvalidItemException(
                    "verifier",
                    "\"code\" is off on this service (forkpoint.reward.sandbox.enabled)");
        }
        String language = item.options().choice("language", "python", interpreters.keySet());
        boolean share =
                item.options().choice("reward", "all", Set.of("all", "share")).equals("share");
        List<Fields> tests = item.task().maps("tests");
        if (tests.isEmpty() || tests.size() > MAX_TESTS) {
            throw new InvalidItemException(
                    "task.tests", "%d tests (allowed: 1 to %d)".formatted(tests.size(), MAX_TESTS));
        }
        for (Fields test : tests) {
            check(test);
        }
        String program = program(item, language);
        if (program == null) {
            return Verdict.noAnswer("no program: no fenced code in the response");
        }
        if (program.length() > MAX_PROGRAM) {
            return Verdict.unparsableAnswer(
                    "",
                    "a program of %d characters (allowed: %d)"
                            .formatted(program.length(), MAX_PROGRAM));
        }
        List<String> failures = new ArrayList<>();
        for (int i = 0; i < tests.size(); i++) {
            String failure = failure(sandbox, language, program, tests.get(i));
            if (failure != null) {
                failures.add("test " + (i + 1) + ": " + failure);
                if (!share) {
                    break;
                }
            }
        }
        boolean all = failures.isEmpty();
        double reward = share ? 1 - (double) failures.size() / tests.size() : all ? 1 : 0;
        return Verdict.graded(
                all,
                reward,
                program,
                "tests",
                all ? "%d tests passed".formatted(tests.size()) : failures.get(0));
    }

    private static void check(Fields test) {
        test.requireOnly(Set.of("stdin", "stdout", "assertion"));
        boolean assertion = test.has("assertion");
        if (assertion == test.has("stdout") || (assertion && test.has("stdin"))) {
            throw new InvalidItemException(
                    "task.tests",
                    "a test that is neither (allowed: stdout with or without stdin, or assertion alone)");
        }
        for (String name : List.of("stdin", "stdout", "assertion")) {
            int length = test.text(name, "").length();
            if (length > MAX_TEST) {
                throw new InvalidItemException(
                        "task.tests." + name,
                        "%d characters (allowed: %d)".formatted(length, MAX_TEST));
            }
        }
    }

    /** The bare answer, or the last fenced block behind the thinking; null if there is none. */
    private static @Nullable String program(Item item, String language) {
        String text = item.prediction();
        if (item.form() == Item.Form.RESPONSE) {
            String visible = BoxedAnswer.afterThinking(text);
            if (visible == null) {
                return null;
            }
            text = visible;
        }
        String fence = "```";
        int end = text.lastIndexOf(fence);
        int start = end <= 0 ? -1 : text.lastIndexOf(fence, end - 1);
        if (start < 0) {
            return item.form() == Item.Form.ANSWER && !text.isBlank() ? text : null;
        }
        String block = text.substring(start + fence.length(), end);
        int line = block.indexOf('\n');
        String label = line < 0 ? "" : block.substring(0, line).strip();
        boolean named =
                label.isEmpty()
                        || label.toLowerCase(java.util.Locale.ROOT)
                                .startsWith(language.substring(0, 2));
        return line >= 0 && named ? block.substring(line + 1) : null;
    }

    /** Why a test fails, or null if it passes. */
    private @Nullable String failure(Sandbox box, String language, String program, Fields test) {
        String interpreter = String.valueOf(interpreters.get(language));
        if (test.has("assertion")) {
            String word = HexFormat.of().formatHex(bytes());
            Sandbox.Result result =
                    language.equals("python")
                            ? box.run(
                                    List.of(interpreter, "-I", "/box/driver.py"),
                                    Map.of(
                                            "driver.py", PYTHON_DRIVER,
                                            "program.py", program,
                                            "test.py", test.text("assertion")),
                                    word + "\n",
                                    limits)
                            : box.run(
                                    java(interpreter, limits),
                                    Map.of("Main.java", javaTest(program, test.text("assertion"))),
                                    word + "\n",
                                    limits);
            String ended = ended(result);
            return ended != null
                    ? ended
                    : result.output().endsWith(word) ? null : "ended before the assertions";
        }
        Sandbox.Result result =
                language.equals("python")
                        ? box.run(
                                List.of(interpreter, "-I", "/box/main.py"),
                                Map.of("main.py", program),
                                test.text("stdin", ""),
                                limits)
                        : box.run(
                                java(interpreter, limits),
                                Map.of("Main.java", program),
                                test.text("stdin", ""),
                                limits);
        String ended = ended(result);
        if (ended != null) {
            return ended;
        }
        return lines(result.output()).equals(lines(test.text("stdout"))) ? null : "other output";
    }

    private static byte[] bytes() {
        byte[] bytes = new byte[16];
        RANDOM.nextBytes(bytes);
        return bytes;
    }

    /** Heap and code within the memory limit; one thread each for collection and compilation. */
    private static List<String> java(String interpreter, Sandbox.Limits limits) {
        return List.of(
                interpreter,
                "-Xmx" + limits.memoryBytes() / 4,
                "-XX:ReservedCodeCacheSize=32m",
                "-XX:CompressedClassSpaceSize=64m",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-Xshare:auto",
                "-ea",
                "/box/Main.java");
    }

    /** A class whose main method runs the assertion, before the program's own classes. */
    private static String javaTest(String program, String assertion) {
        StringBuilder imports = new StringBuilder();
        StringBuilder rest = new StringBuilder();
        program.lines()
                .forEach(
                        line ->
                                (line.startsWith("import ") ? imports : rest)
                                        .append(line)
                                        .append('\n'));
        return """
                %s
                class ForkpointTest {
                    public static void main(String[] arguments) throws Exception {
                        String forkpointWord = new java.io.BufferedReader(new java.io.InputStreamReader(System.in)).readLine();
                        java.io.PrintStream forkpointOut = System.out;
                        System.setOut(new java.io.PrintStream(java.io.OutputStream.nullOutputStream()));
                        {
                %s
                        }
                        forkpointOut.print(forkpointWord);
                        forkpointOut.flush();
                    }
                }
                %s"""
                .formatted(imports, assertion, rest);
    }

    private static @Nullable String ended(Sandbox.Result result) {
        return switch (result.end()) {
            case WALL_TIME -> "over the wall time";
            case OUTPUT -> "too much output";
            case EXITED ->
                    result.exit() == 0
                            ? null
                            : "status %d%s".formatted(result.exit(), lastLine(result.error()));
        };
    }

    private static String lastLine(String text) {
        // Traces are indented, in both languages; the error itself is not.
        List<String> lines =
                text.strip()
                        .lines()
                        .filter(line -> !line.isBlank() && line.charAt(0) > ' ')
                        .toList();
        return lines.isEmpty() ? "" : ": " + lines.get(lines.size() - 1);
    }

    /** Lines without white space at their ends, and without blank lines at the end. */
    private static List<String> lines(String text) {
        return text.stripTrailing().lines().map(String::stripTrailing).toList();
    }
}
