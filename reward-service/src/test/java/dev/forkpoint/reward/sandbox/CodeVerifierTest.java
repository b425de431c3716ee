package dev.forkpoint.reward.sandbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.forkpoint.reward.verifier.InvalidItemException;
import dev.forkpoint.reward.verifier.Item;
import dev.forkpoint.reward.verifier.Verdict;
import dev.forkpoint.reward.verifier.VerdictCode;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Programs of strangers. Skips, saying so, where bubblewrap cannot isolate. */
class CodeVerifierTest {
    private static final String PYTHON = "/usr/bin/python3";
    private static final Sandbox.Limits LIMITS =
            new Sandbox.Limits(
                    Duration.ofSeconds(20), Duration.ofSeconds(60), 2L << 30, 8 << 20, 64, 100_000);
    private static final @Nullable Sandbox SANDBOX = sandbox();

    private static @Nullable Sandbox sandbox() {
        try {
            return Sandbox.open("bwrap", "/usr/bin/prlimit", CodeVerifier.javaSettings());
        } catch (IllegalStateException cannot) {
            System.out.println("skipped: " + cannot.getMessage());
            return null;
        }
    }

    @Test
    void doesNotOpenWithoutIsolationAndSaysWhatIsMissing() {
        assertThatThrownBy(() -> Sandbox.open("/no/such/bwrap", "/usr/bin/prlimit", List.of()))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("forkpoint.reward.sandbox.enabled")
                .hasMessageContaining("/no/such/bwrap")
                .hasMessageContaining("bubblewrap");
        // A program that runs its arguments as they are isolates nothing.
        assertThatThrownBy(() -> Sandbox.open("/usr/bin/env", "/usr/bin/prlimit", List.of()))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("a trial run ended");
    }

    @Test
    void isOffUnlessItIsTurnedOn() {
        assertThatThrownBy(() -> CodeVerifier.off().verify(io("print(1)", "", "1")))
                .isInstanceOf(InvalidItemException.class)
                .hasMessageContaining("forkpoint.reward.sandbox.enabled");
    }

    @Test
    void comparesOutputWithWhatTheTestExpects() {
        CodeVerifier code = code("python");
        String program = "a, b = map(int, input().split())\nprint(a + b)";
        assertThat(code.verify(io(program, "2 3\n", "5")).code()).isEqualTo(VerdictCode.CORRECT);
        Verdict wrong = code.verify(io(program, "2 3\n", "6"));
        assertThat(wrong.code()).isEqualTo(VerdictCode.INCORRECT);
        assertThat(wrong.reason()).isEqualTo("test 1: other output");
        assertThat(code.verify(io("print(", "", "1")).reason()).contains("SyntaxError");
    }

    @Test
    void takesTheLastFencedProgramOfAResponse() {
        Item item = io("", "", "2").withForm(Item.Form.RESPONSE);
        Item response =
                new Item(
                        null,
                        "<think>```python\nprint(3)\n```</think>\n```python\nprint(1)\n```\nor\n```python\nprint(2)\n```",
                        Item.Form.RESPONSE,
                        new int[0],
                        item.task(),
                        item.options(),
                        false);
        assertThat(code("python").verify(response).code()).isEqualTo(VerdictCode.CORRECT);
        assertThat(code("python").verify(item).code()).isEqualTo(VerdictCode.NO_ANSWER);
    }

    @Test
    void runsAssertionsAndPaysTheShareThatPasses() {
        CodeVerifier code = code("python");
        Item item =
                item(
                        "def double(x):\n    return 2 * x if x < 10 else 0",
                        List.of(
                                Map.of("assertion", "assert double(2) == 4"),
                                Map.of("assertion", "assert double(20) == 40"),
                                Map.of("assertion", "assert double(0) == 0"),
                                Map.of("assertion", "assert double(-1) == -2")));
        assertThat(code.verify(item).reward()).hasValue(0);
        Verdict share = code.verify(item.withOptions(Map.of("reward", "share")));
        assertThat(share.reward()).hasValue(0.75);
        assertThat(share.code()).isEqualTo(VerdictCode.INCORRECT);
        assertThat(share.reason()).contains("test 2").contains("AssertionError");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "import os; os._exit(0)",
                "import sys; sys.exit(0)",
                "print('0' * 32)",
                "raise SystemExit"
            })
    void endingEarlyPassesNoAssertion(String program) {
        Verdict verdict =
                code("python")
                        .verify(item(program, List.of(Map.of("assertion", "assert f() == 1"))));
        assertThat(verdict.code()).isEqualTo(VerdictCode.INCORRECT);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "import socket; socket.create_connection(('1.1.1.1', 53), 2); print('out')",
                "open('/etc/passwd').read(); print('out')",
                "open('/box/x', 'w'); print('out')",
                "open('/usr/x', 'w'); print('out')",
                "open('/x', 'w'); print('out')",
                "import os; os.kill(1, 9); print('out' if len([p for p in os.listdir('/proc') if p.isdigit()]) > 4 else '')",
                "import os; os.mount if hasattr(os, 'mount') else 1/0; print('out')",
                "import os; print('out' if [k for k in os.environ if k not in ('PATH', 'HOME', 'LANG', 'PWD', 'LC_CTYPE')] else '')",
                "x = bytearray(3 << 30); print('out')",
                "open('/tmp/x', 'wb').write(bytes(20 << 20)); print('out')"
            })
    void reachesNothingOutside(String program) {
        Verdict verdict = code("python").verify(io(program, "", "out"));
        assertThat(verdict.code()).as(verdict.reason()).isEqualTo(VerdictCode.INCORRECT);
    }

    @Test
    void endsWhatRunsTooLongOrPrintsTooMuch() {
        Sandbox.Limits tight =
                new Sandbox.Limits(
                        Duration.ofSeconds(1), Duration.ofSeconds(3), 1L << 30, 1 << 20, 16, 1_000);
        CodeVerifier code = new CodeVerifier(require(), tight, Map.of("python", PYTHON));
        assertThat(code.verify(io("while True: pass", "", "")).reason())
                .matches("test 1: (status 1(37|52).*|over the wall time)");
        assertThat(code.verify(io("import time; time.sleep(60)", "", "")).reason())
                .contains("over the wall time");
        assertThat(code.verify(io("while True: print('x' * 100)", "", "")).reason())
                .contains("too much output");
        Verdict bomb = code.verify(io("import os\nwhile True: os.fork()", "", ""));
        assertThat(bomb.code()).isEqualTo(VerdictCode.INCORRECT);
    }

    @Test
    void runsJavaPrograms() {
        CodeVerifier code = code("java");
        String program =
                "import java.util.Scanner;\npublic class Sum { public static void main(String[] a) { Scanner s = new Scanner(System.in); System.out.println(s.nextInt() + s.nextInt()); } }";
        Item sum = io(program, "2 3", "5").withOptions(Map.of("language", "java"));
        Verdict verdict = code.verify(sum);
        assertThat(verdict.code()).as(verdict.reason()).isEqualTo(VerdictCode.CORRECT);
        Item assertion =
                item(
                                "import java.util.List;\nclass Solution { static int size(List<Integer> l) { return l.size(); } }",
                                List.of(
                                        Map.of(
                                                "assertion",
                                                "assert Solution.size(java.util.List.of(1, 2)) == 2;"),
                                        Map.of(
                                                "assertion",
                                                "assert Solution.size(java.util.List.of()) == 1;")))
                        .withOptions(Map.of("language", "java", "reward", "share"));
        Verdict half = code.verify(assertion);
        assertThat(half.reward()).as(half.reason()).hasValue(0.5);
    }

    @Test
    void refusesTestsThatSayNothing() {
        CodeVerifier code = code("python");
        assertThatThrownBy(() -> code.verify(item("x = 1", List.of())))
                .hasMessageContaining("task.tests: 0 tests (allowed: 1 to 256)");
        assertThatThrownBy(() -> code.verify(item("x = 1", List.of(Map.of("stdin", "1")))))
                .hasMessageContaining("task.tests");
        assertThatThrownBy(
                        () -> code.verify(io("x = 1", "", "").withOptions(Map.of("language", "c"))))
                .hasMessageContaining("options.language");
    }

    private static Sandbox require() {
        assumeTrue(SANDBOX != null, "skipped: bubblewrap cannot isolate here");
        return java.util.Objects.requireNonNull(SANDBOX);
    }

    private static CodeVerifier code(String language) {
        Sandbox sandbox = require();
        CodeVerifier code = CodeVerifier.on(sandbox, LIMITS, PYTHON, "/usr/bin/java");
        assumeTrue(code.languages().contains(language), "skipped: no " + language + " under /usr");
        return code;
    }

    private static Item io(String program, String stdin, String stdout) {
        return item(program, List.of(Map.of("stdin", stdin, "stdout", stdout)));
    }

    private static Item item(String program, List<? extends Map<String, ?>> tests) {
        return Item.of(null, program).withForm(Item.Form.ANSWER).withTask(Map.of("tests", tests));
    }
}
