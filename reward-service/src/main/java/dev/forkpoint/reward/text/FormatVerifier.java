package dev.forkpoint.reward.text;

import dev.forkpoint.reward.verifier.InvalidItemException;
import dev.forkpoint.reward.verifier.Item;
import dev.forkpoint.reward.verifier.OptionSpec;
import dev.forkpoint.reward.verifier.Verdict;
import java.util.List;

/**
 * The response is a sequence of tagged parts, each exactly once, in order, none empty, nothing but
 * white space between them. What the prompt already opened ({@code prefilled}) is put before the
 * response.
 */
public final class FormatVerifier extends TextVerifier {
    private static final int MAX_TAGS = 16;

    public FormatVerifier() {
        super(
                "format",
                "The response is <think>…</think><answer>…</answer>, or other tags in order, and nothing else.",
                false,
                new OptionSpec(
                        "tags",
                        "names of the parts in order, 1 to 16; default [\"think\", \"answer\"]"),
                new OptionSpec(
                        "prefilled",
                        "the opening that the prompt already holds, e.g. <think>; default empty"),
                new OptionSpec(
                        "last_open_end", "true: text may follow the last part; default false"));
    }

    @Override
    public Verdict verify(Item item) {
        List<String> tags = item.options().texts("tags", List.of("think", "answer"));
        if (tags.isEmpty() || tags.size() > MAX_TAGS || tags.stream().anyMatch(String::isBlank)) {
            throw new InvalidItemException(
                    "options.tags", "%s (allowed: 1 to %d names)".formatted(tags, MAX_TAGS));
        }
        String text = item.options().text("prefilled", "") + item.prediction();
        int position = 0;
        for (String tag : tags) {
            String open = "<" + tag + ">";
            String close = "</" + tag + ">";
            int start = skipBlanks(text, position);
            if (!text.startsWith(open, start)) {
                return wrong("expected %s at character %d".formatted(open, start));
            }
            int end = text.indexOf(close, start);
            if (end < 0) {
                return wrong(open + " is never closed");
            }
            if (text.substring(start + open.length(), end).isBlank()) {
                return wrong(open + " is empty");
            }
            position = end + close.length();
        }
        if (!item.options().flag("last_open_end", false)
                && skipBlanks(text, position) != text.length()) {
            return wrong("text after the last part");
        }
        for (String tag : tags) {
            if (count(text, "<" + tag + ">") != 1 || count(text, "</" + tag + ">") != 1) {
                return wrong("<%s> more than once".formatted(tag));
            }
        }
        return Verdict.correct("", "format", "all parts in order");
    }

    private static Verdict wrong(String reason) {
        return Verdict.incorrect("", "format", reason);
    }

    private static int skipBlanks(String text, int from) {
        int position = from;
        while (position < text.length() && Character.isWhitespace(text.charAt(position))) {
            position++;
        }
        return position;
    }

    private static int count(String text, String part) {
        int count = 0;
        for (int at = text.indexOf(part); at >= 0 && count < 2; at = text.indexOf(part, at + 1)) {
            count++;
        }
        return count;
    }
}
