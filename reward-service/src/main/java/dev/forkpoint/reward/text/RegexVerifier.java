package dev.forkpoint.reward.text;

import com.google.re2j.Matcher;
import com.google.re2j.Pattern;
import com.google.re2j.PatternSyntaxException;
import dev.forkpoint.reward.verifier.InvalidItemException;
import dev.forkpoint.reward.verifier.Item;
import dev.forkpoint.reward.verifier.OptionSpec;
import dev.forkpoint.reward.verifier.Verdict;
import java.util.Set;

/**
 * A regular expression (RE2 syntax: no back references, time linear in the text) matches the
 * answer. If it has a group and the item a gold, the group of the last match must be the gold, up
 * to white space.
 */
public final class RegexVerifier extends TextVerifier {
    private static final int MAX_PATTERN = 1_000;
    private static final int MAX_TEXT = 1_000_000;
    private static final int MAX_PROGRAM = 20_000;

    public RegexVerifier() {
        super(
                "regex",
                "A regular expression in RE2 syntax matches the answer; its first group, if there is one, is the gold.",
                false,
                Answers.OPTION,
                new OptionSpec("pattern", "the expression, required, at most 1,000 characters"),
                new OptionSpec(
                        "match", "search (anywhere) or full (the whole answer); default search"),
                new OptionSpec(
                        "ignore_case", "true: upper and lower case are alike; default false"));
    }

    @Override
    public Verdict verify(Item item) {
        Pattern pattern = pattern(item);
        boolean full =
                item.options().choice("match", "search", Set.of("search", "full")).equals("full");
        String answer = Answers.find(item);
        if (answer == null || answer.isEmpty()) {
            return Verdict.noAnswer("no answer in the response");
        }
        if (answer.length() > MAX_TEXT) {
            return Verdict.tooCostly(
                    answer, "%d characters (allowed: %d)".formatted(answer.length(), MAX_TEXT));
        }
        Matcher matcher = pattern.matcher(answer);
        String gold = item.gold();
        boolean compares = pattern.groupCount() > 0 && gold != null && !gold.isEmpty();
        if (full) {
            boolean matches = matcher.matches();
            boolean equal = matches && (!compares || same(matcher.group(1), gold));
            return Verdict.of(
                    equal,
                    matches && compares ? text(matcher.group(1)) : answer,
                    "regex",
                    matches ? "matches" : "does not match");
        }
        String last = null;
        while (matcher.find()) {
            last = text(compares ? matcher.group(1) : matcher.group());
            if (!compares) {
                break;
            }
        }
        if (last == null) {
            return Verdict.incorrect("", "regex", "does not match");
        }
        return Verdict.of(!compares || same(last, gold), last, "regex", "matches");
    }

    private static Pattern pattern(Item item) {
        String source = item.options().text("pattern");
        if (source.length() > MAX_PATTERN) {
            throw new InvalidItemException(
                    "options.pattern",
                    "%d characters (allowed: %d)".formatted(source.length(), MAX_PATTERN));
        }
        Pattern pattern;
        try {
            pattern =
                    Pattern.compile(
                            source,
                            item.options().flag("ignore_case", false)
                                    ? Pattern.CASE_INSENSITIVE
                                    : 0);
        } catch (PatternSyntaxException e) {
            throw new InvalidItemException(
                    "options.pattern", e.getDescription() + " (allowed: RE2 syntax)");
        }
        if (pattern.programSize() > MAX_PROGRAM) {
            throw new InvalidItemException(
                    "options.pattern",
                    "a program of %d instructions (allowed: %d)"
                            .formatted(pattern.programSize(), MAX_PROGRAM));
        }
        return pattern;
    }

    private static boolean same(
            @org.jspecify.annotations.Nullable String found,
            @org.jspecify.annotations.Nullable String gold) {
        return found != null
                && gold != null
                && Answers.normalise(found, false).equals(Answers.normalise(gold, false));
    }

    private static String text(@org.jspecify.annotations.Nullable String group) {
        return group == null ? "" : group;
    }
}
