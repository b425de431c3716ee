package dev.forkpoint.reward.text;

import com.google.re2j.Matcher;
import com.google.re2j.Pattern;
import dev.forkpoint.reward.verifier.BoxedAnswer;
import dev.forkpoint.reward.verifier.InvalidItemException;
import dev.forkpoint.reward.verifier.Item;
import dev.forkpoint.reward.verifier.OptionSpec;
import dev.forkpoint.reward.verifier.Verdict;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The chosen letter equals the gold letter. The choice is the last box's, else what follows the
 * last "answer", else the whole of a short response: a letter alone, in brackets, or before its
 * text; or the text of one of the task's {@code choices}.
 */
public final class MultipleChoiceVerifier extends TextVerifier {
    private static final int TAIL = 4_000;
    private static final int MAX_WHOLE = 200;
    private static final int MAX_CHOICES = 26;
    private static final Pattern PHRASE =
            Pattern.compile("(?i)(?:answer|choice|option)\\s*(?:is)?\\s*[:：]?\\s*");
    private static final Pattern LETTER =
            Pattern.compile(
                    "^[\\s*_(\\[{$\"']*(?:\\\\(?:text|textbf|mathrm|mathbf)\\{)?[\\s(\\[]*([A-Za-z])(?:[\\s)\\]}.:,*_$\"']|$)");

    public MultipleChoiceVerifier() {
        super(
                "multiple-choice",
                "The chosen letter (or the text of the choice) is the gold one.",
                true,
                new OptionSpec(
                        "letters",
                        "number of choices, 2 to 26: later letters are no answer; default the task's choices, else 26"));
    }

    @Override
    public Verdict verify(Item item) {
        List<String> choices = item.task().texts("choices", List.of());
        if (choices.size() > MAX_CHOICES) {
            throw new InvalidItemException(
                    "task.choices",
                    "%d choices (allowed: at most %d)".formatted(choices.size(), MAX_CHOICES));
        }
        int letters =
                (int)
                        item.options()
                                .whole(
                                        "letters",
                                        choices.isEmpty()
                                                ? MAX_CHOICES
                                                : Math.max(2, choices.size()),
                                        2,
                                        MAX_CHOICES);
        Character gold = choice(item.requireGold(), choices, letters);
        if (gold == null) {
            return Verdict.unparsableGold("the gold is no choice: " + cut(item.requireGold()));
        }
        String text = answer(item);
        Character chosen = text == null ? null : choice(text, choices, letters);
        if (chosen == null) {
            return Verdict.noAnswer("no choice in the response");
        }
        return Verdict.of(chosen.equals(gold), String.valueOf(chosen), "choice", "chose " + chosen);
    }

    private static @Nullable String answer(Item item) {
        if (item.form() == Item.Form.ANSWER) {
            return item.prediction();
        }
        String visible = BoxedAnswer.afterThinking(item.prediction());
        if (visible == null) {
            return null;
        }
        if (BoxedAnswer.hasBox(visible)) {
            return BoxedAnswer.last(visible);
        }
        String tail = visible.substring(Math.max(0, visible.length() - TAIL));
        Matcher phrase = PHRASE.matcher(tail);
        int end = -1;
        while (phrase.find()) {
            end = phrase.end();
        }
        if (end >= 0) {
            int line = tail.indexOf('\n', end);
            return tail.substring(end, line < 0 ? tail.length() : line);
        }
        return visible.strip().length() <= MAX_WHOLE ? visible.strip() : null;
    }

    private static @Nullable Character choice(String text, List<String> choices, int letters) {
        String head = text.substring(0, Math.min(text.length(), MAX_WHOLE));
        for (int i = 0; i < choices.size(); i++) {
            if (Answers.normalise(choices.get(i), true).equals(Answers.normalise(head, true))) {
                return (char) ('A' + i);
            }
        }
        Matcher letter = LETTER.matcher(head);
        if (!letter.find()) {
            return null;
        }
        char found = Character.toUpperCase(letter.group(1).charAt(0));
        boolean isWord =
                Character.isLowerCase(letter.group(1).charAt(0)) && head.strip().length() > 3;
        return isWord || found >= 'A' + letters ? null : found;
    }

    private static String cut(String text) {
        return "\"" + (text.length() > 80 ? text.substring(0, 80) + "…" : text) + "\"";
    }
}
