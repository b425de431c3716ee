package dev.forkpoint.reward.math;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.forkpoint.reward.verifier.CounterRandom;
import dev.forkpoint.reward.verifier.Item;
import dev.forkpoint.reward.verifier.Verdict;
import dev.forkpoint.reward.verifier.VerdictCode;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The same question to the verifier and to sympy over generated pairs. Runs where {@code
 * -Dforkpoint.python} names a Python with sympy, with {@code -Dforkpoint.oracle.pairs} pairs
 * (5,000).
 */
class SympyOracleTest {
    @TempDir Path folder;

    @Test
    void agreesWithSympyOnGeneratedPairs() throws Exception {
        String python = System.getProperty("forkpoint.python", "");
        assumeTrue(!python.isEmpty(), "skipped: -Dforkpoint.python names no Python with sympy");
        int count = Integer.getInteger("forkpoint.oracle.pairs", 5_000);
        List<Expressions.Pair> pairs = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            pairs.add(Expressions.pair(CounterRandom.of(99, i)));
        }
        List<String> judged = judge(python, pairs);

        MathVerifier verifier = new MathVerifier();
        Map<String, Integer> table = new TreeMap<>();
        List<String> disagreements = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            Expressions.Pair pair = pairs.get(i);
            Verdict verdict =
                    verifier.verify(
                            Item.of(pair.left().latex(), pair.right().latex())
                                    .withForm(Item.Form.ANSWER));
            String sympy = judged.get(i);
            table.merge(sympy + " / " + verdict.code(), 1, Integer::sum);
            boolean decided = sympy.equals("equal") || sympy.equals("different");
            // A verdict by form says that neither side could be evaluated: counted, not asserted.
            boolean byForm = verdict.rule().equals("form");
            boolean agrees = (verdict.code() == VerdictCode.CORRECT) == sympy.equals("equal");
            if (decided && !agrees && byForm) {
                table.merge("undecided by form", 1, Integer::sum);
            } else if (decided && !agrees) {
                disagreements.add(
                        "%s: %s ~ %s: %s"
                                .formatted(
                                        sympy, pair.left().latex(), pair.right().latex(), verdict));
            }
        }
        System.out.println("sympy / verifier: " + table);
        assertThat(disagreements).isEmpty();
    }

    private List<String> judge(String python, List<Expressions.Pair> pairs) throws Exception {
        Path in = folder.resolve("pairs.tsv");
        Path out = folder.resolve("verdicts.txt");
        Path script = folder.resolve("oracle.py");
        Files.write(
                in,
                pairs.stream().map(p -> p.left().sympy() + "\t" + p.right().sympy()).toList(),
                StandardCharsets.UTF_8);
        try (var source = SympyOracleTest.class.getResourceAsStream("/sympy_oracle.py")) {
            Files.write(script, java.util.Objects.requireNonNull(source).readAllBytes());
        }
        Process process =
                new ProcessBuilder(python, script.toString())
                        .redirectInput(in.toFile())
                        .redirectOutput(out.toFile())
                        .redirectError(ProcessBuilder.Redirect.INHERIT)
                        .start();
        assertThat(process.waitFor()).isZero();
        List<String> judged = Files.readAllLines(out);
        assertThat(judged).hasSameSizeAs(pairs);
        return judged;
    }
}
