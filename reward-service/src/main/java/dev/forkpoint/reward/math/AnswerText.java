package dev.forkpoint.reward.math;

import dev.forkpoint.reward.verifier.BoxedAnswer;
import dev.forkpoint.reward.verifier.Item;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Finds the text of the answer in golds and responses, in linear time. */
final class AnswerText {
    private static final int TAIL = 4_000;
    private static final int MAX_WHOLE = 400;
    private static final List<String> PHRASES =
            List.of(
                    "answer",
                    "答案",
                    "réponse",
                    "respuesta",
                    "resposta",
                    "antwort",
                    "risposta",
                    "ответ",
                    "答え",
                    "정답");

    private static final Pattern INTRODUCTION =
            Pattern.compile("(?i)\\s*(?:the )?(?:final )?answer(?: is)?\\s*[: ]\\s*(?=\\S)");

    private static final Pattern REASON =
            Pattern.compile(",? (?:since|because|which|as|so|but|where) [a-z\\d$\\\\]");

    private static final List<String> VERBS =
            List.of(
                    "would be",
                    "should be",
                    "will be",
                    "must be",
                    "therefore",
                    "thus",
                    "hence",
                    "then",
                    "is",
                    "est",
                    "es",
                    "ist",
                    "é",
                    "è");

    private AnswerText() {}

    /** The texts of a gold: its joined boxes, or all of it; empty if there is none. */
    static List<String> gold(String gold) {
        if (BoxedAnswer.hasBox(gold)) {
            return BoxedAnswer.joined(gold);
        }
        if (gold.isBlank()) {
            return List.of();
        }
        Matcher introduced = INTRODUCTION.matcher(gold.substring(0, Math.min(40, gold.length())));
        return List.of(introduced.lookingAt() ? gold.substring(introduced.end()) : gold);
    }

    /**
     * The texts of a response's answer, several where boxes are joined; empty if there is no
     * answer.
     */
    static List<String> prediction(String prediction, Item.Form form, boolean boxOnly) {
        if (form == Item.Form.ANSWER) {
            return gold(prediction);
        }
        String visible = BoxedAnswer.afterThinking(prediction);
        if (visible == null) {
            return List.of();
        }
        if (BoxedAnswer.hasBox(visible)) {
            return BoxedAnswer.joined(visible);
        }
        String answer = boxOnly ? null : unboxed(visible);
        return answer == null || answer.isBlank() ? List.of() : List.of(answer);
    }

    /**
     * What follows the last "answer", on its line; else a short response of one line as a whole.
     */
    private static @Nullable String unboxed(String text) {
        String tail = text.length() > TAIL ? text.substring(text.length() - TAIL) : text;
        String lower = tail.toLowerCase(Locale.ROOT);
        if (lower.length() == tail.length()) {
            int best = -1;
            for (String phrase : PHRASES) {
                int at = lower.lastIndexOf(phrase);
                best = at < 0 ? best : Math.max(best, at + phrase.length());
            }
            int hashes = lower.lastIndexOf("####");
            if (hashes > best) {
                return line(tail, hashes + 4);
            }
            int close = lower.lastIndexOf("</answer>");
            int open = close < 0 ? -1 : lower.lastIndexOf("<answer>", close);
            if (open >= 0 && best <= close + "</answer".length()) {
                return tail.substring(open + "<answer>".length(), close).strip();
            }
            if (best >= 0) {
                return sentence(line(tail, afterPhrase(lower, best)));
            }
        }
        String whole = text.strip();
        return whole.length() <= MAX_WHOLE && whole.indexOf('\n') < 0 ? whole : null;
    }

    private static int afterPhrase(String lower, int from) {
        int at = from;
        while (at < lower.length()
                && (Character.isWhitespace(lower.charAt(at))
                        || ":：*=".indexOf(lower.charAt(at)) >= 0)) {
            at++;
        }
        for (String verb : VERBS) {
            int end = at + verb.length();
            boolean word = end >= lower.length() || !Character.isLetterOrDigit(lower.charAt(end));
            if (word && lower.startsWith(verb, at)) {
                return afterPhrase(lower, end);
            }
        }
        return at;
    }

    /** Without the sentences that follow the answer's own. */
    private static String sentence(String line) {
        Matcher reason = REASON.matcher(line);
        if (reason.find()) {
            return line.substring(0, reason.start());
        }
        boolean mathematics = false;
        for (int i = 0; i + 2 < line.length(); i++) {
            char c = line.charAt(i);
            mathematics ^= c == '$';
            if (i > 1
                    && c == '.'
                    && !mathematics
                    && line.charAt(i + 1) == ' '
                    && Character.isUpperCase(line.charAt(i + 2))
                    && (Character.isDigit(line.charAt(i - 1))
                            || "$})]%".indexOf(line.charAt(i - 1)) >= 0)) {
                return line.substring(0, i);
            }
        }
        return line;
    }

    private static String line(String text, int from) {
        int end = text.indexOf('\n', from);
        return text.substring(from, end < 0 ? text.length() : end).strip();
    }

    /**
     * The letter of {@code (B) 12}, {@code B. twelve} or {@code \\text{B}: 12}, or an empty text.
     */
    static String choice(String text) {
        int at = 0;
        if (text.length() > MAX_WHOLE || SECOND_CHOICE.matcher(text).find()) {
            return "";
        }
        if (text.length() < 40) {
            Matcher named = NAMED_CHOICE.matcher(bare(text));
            if (named.matches()) {
                return named.group(1).toUpperCase(Locale.ROOT);
            }
        }
        while (at < text.length()
                && (" ({$".indexOf(text.charAt(at)) >= 0 || text.charAt(at) == '\\')) {
            if (text.charAt(at) == '\\') {
                int brace = text.indexOf('{', at);
                if (!text.startsWith("\\text", at) && !text.startsWith("\\mathrm", at)
                        || brace < 0) {
                    return "";
                }
                at = brace;
            }
            at++;
        }
        boolean letter = at + 1 < text.length() && text.charAt(at) >= 'A' && text.charAt(at) <= 'Z';
        return letter && ").:}".indexOf(text.charAt(at + 1)) >= 0 ? text.substring(at, at + 1) : "";
    }

    /** The words of a text without LaTeX around them, for comparison as text. */
    static String words(String text) {
        String words = bare(text);
        for (String article : List.of("the ", "an ", "a ")) {
            words = words.startsWith(article) ? words.substring(article.length()) : words;
        }
        return switch (words) {
            case "no solutions",
                    "no solution exists",
                    "there is no solution",
                    "there are no solutions",
                    "no such solution" ->
                    "nosolution";
            case "no real solutions", "no real roots" -> "norealsolution";
            case "dne" -> "doesnotexist";
            default -> words.replace(" ", "");
        };
    }

    private static String bare(String text) {
        return Parser.plainWords(COMMANDS.matcher(text).replaceAll(" "));
    }

    private static final Pattern COMMANDS =
            Pattern.compile(
                    "\\\\(?:text|mathrm|textbf|mathbf|mbox|textit|operatorname|textrm|left|right)\\b");
    private static final Pattern NAMED_CHOICE = Pattern.compile("(?:option|choice|answer) ([a-z])");

    /** {@code (A) or (B)} is no choice. */
    private static final Pattern SECOND_CHOICE =
            Pattern.compile(
                    "(?:\\b(?:or|and)\\b|[,;/&])[\\s}]*(?:\\\\text\\{|\\\\textbf\\{)?\\s*\\(?[A-Z](?:[).}]|$)");

    private static final Pattern ONLY_WORDS =
            Pattern.compile("(?:[\\p{L}\\d]|[ ,.'-]|\\\\(?:text|textbf|mathrm|mbox)\\b|[{}~])*");

    /** Whether a text is only words and numbers, one of them of three letters at least. */
    static boolean isWords(String text) {
        return text.length() <= 200
                && ONLY_WORDS.matcher(text).matches()
                && LONG_WORD.matcher(words(text.strip())).find();
    }

    /** Whether one text says only a.m. and the other only p.m. */
    static boolean differInHalfOfDay(String one, String other) {
        int first = halvesOfDay(one);
        return first != 0 && first + halvesOfDay(other) == 3 && first != 3;
    }

    /** 1 where a text says a.m., 2 where it says p.m., 3 where it says both, 0 where neither. */
    private static int halvesOfDay(String text) {
        int halves = 0;
        if (text.length() <= MAX_WHOLE) {
            Matcher matcher = HALF_OF_DAY.matcher(text);
            while (matcher.find()) {
                halves |= Character.toLowerCase(matcher.group(1).charAt(0)) == 'a' ? 1 : 2;
            }
        }
        return halves;
    }

    private static final Pattern HALF_OF_DAY =
            Pattern.compile("(?i)(?<![a-z\\\\])([ap])\\.? ?m(?![a-z])");
    private static final Pattern LONG_WORD = Pattern.compile("\\p{L}{3}");
}
