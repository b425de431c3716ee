package dev.forkpoint.reward.countdown;

import dev.forkpoint.reward.verifier.CostClass;
import dev.forkpoint.reward.verifier.InvalidItemException;
import dev.forkpoint.reward.verifier.Item;
import dev.forkpoint.reward.verifier.OptionSpec;
import dev.forkpoint.reward.verifier.Verdict;
import dev.forkpoint.reward.verifier.Verifier;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.StringTokenizer;
import org.jspecify.annotations.Nullable;

/**
 * Countdown's reward: 1 if the words after the last {@code answer} (up to {@code <eos>}) are a
 * well-formed expression of numbers, + − * / and brackets, with exact division, that uses each
 * given number once and is worth the target; else 0. A truncated response earns 0.
 */
public final class CountdownVerifier implements Verifier {
    private static final String EOS = "<eos>";
    private static final String ANSWER = "answer";
    private static final int MAX_NUMBERS = 16;
    private static final int MAX_WORDS = 1024;
    private static final long MAX_NUMBER = 999_999_999;

    @Override
    public String name() {
        return CountdownFamily.NAME;
    }

    @Override
    public String summary() {
        return "An expression that uses each of the task's numbers once and is worth its target.";
    }

    @Override
    public List<OptionSpec> options() {
        return List.of(
                new OptionSpec(
                        "require_eos",
                        "true: a response without a final <eos> word counts as truncated; default false, for texts from which special"
                                + " tokens were removed"));
    }

    @Override
    public boolean needsGold() {
        return false;
    }

    @Override
    public CostClass costClass() {
        return CostClass.CHEAP;
    }

    @Override
    public Verdict verify(Item item) {
        List<Long> numbers = item.task().wholes("numbers", 0, MAX_NUMBER);
        if (numbers.isEmpty() || numbers.size() > MAX_NUMBERS) {
            throw new InvalidItemException(
                    "task.numbers",
                    "%d numbers (allowed: 1 to %d)".formatted(numbers.size(), MAX_NUMBERS));
        }
        long target = item.task().whole("target", -MAX_NUMBER, MAX_NUMBER);
        if (item.truncated()) {
            return Verdict.noAnswer("the response was cut off at its token limit");
        }
        String response = item.prediction().strip();
        if (endsWithWord(response, EOS)) {
            response = response.substring(0, response.length() - EOS.length()).strip();
        } else if (item.options().flag("require_eos", false)) {
            return Verdict.noAnswer("the response does not end with " + EOS);
        }
        String expression = item.form() == Item.Form.ANSWER ? response : afterLastAnswer(response);
        if (expression == null) {
            return Verdict.noAnswer("the response has no word \"" + ANSWER + "\"");
        }
        return judge(expression, numbers, target);
    }

    private static Verdict judge(String expression, List<Long> numbers, long target) {
        StringTokenizer tokenizer = new StringTokenizer(expression);
        List<String> words = new ArrayList<>();
        while (tokenizer.hasMoreTokens()) {
            if (words.size() == MAX_WORDS) {
                return Verdict.unparsableAnswer(
                        expression, "more than %d words".formatted(MAX_WORDS));
            }
            words.add(tokenizer.nextToken());
        }
        List<Long> used =
                new ArrayList<>(
                        words.stream().map(Countdown::number).filter(Objects::nonNull).toList());
        List<Long> given = new ArrayList<>(numbers);
        Collections.sort(used);
        Collections.sort(given);
        Long value = Countdown.evaluate(words);
        if (value == null) {
            return Verdict.unparsableAnswer(
                    expression, "not a well-formed expression with exact division");
        }
        if (!used.equals(given)) {
            return Verdict.incorrect(
                    expression, "numbers", "uses %s instead of %s".formatted(used, given));
        }
        return Verdict.of(
                value == target,
                expression,
                "value",
                "worth %d, target %d".formatted(value, target));
    }

    private static @Nullable String afterLastAnswer(String response) {
        int from = response.length();
        while (true) {
            int at = response.lastIndexOf(ANSWER, from);
            if (at < 0) {
                return null;
            }
            int end = at + ANSWER.length();
            if ((at == 0 || isBlank(response.charAt(at - 1)))
                    && (end == response.length() || isBlank(response.charAt(end)))) {
                return response.substring(end).strip();
            }
            if (at == 0) {
                return null;
            }
            from = at - 1;
        }
    }

    private static boolean endsWithWord(String text, String word) {
        int at = text.length() - word.length();
        return text.endsWith(word) && (at == 0 || isBlank(text.charAt(at - 1)));
    }

    private static boolean isBlank(char c) {
        return c == ' ' || (c >= '\t' && c <= '\r');
    }
}
