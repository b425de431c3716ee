package dev.forkpoint.reward.math;

import dev.forkpoint.reward.verifier.BoxedAnswer;
import dev.forkpoint.reward.verifier.Item;
import java.util.List;
import java.util.Locale;
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

    private static final List<String> VERBS = List.of("is", "est", "es", "ist", "é", "è");

    private AnswerText() {}

    /** The texts of a gold: its joined boxes, or all of it; empty if there is none. */
    static List<String> gold(String gold) {
        if (BoxedAnswer.hasBox(gold)) {
            return BoxedAnswer.joined(gold);
        }
        return gold.isBlank() ? List.of() : List.of(gold);
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
            if (best >= 0) {
                return line(tail, afterPhrase(lower, best));
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

    private static String line(String text, int from) {
        int end = text.indexOf('\n', from);
        return text.substring(from, end < 0 ? text.length() : end).strip();
    }

    /**
     * The letter of {@code (B) 12}, {@code B. twelve} or {@code \\text{B}: 12}, or an empty text.
     */
    static String choice(String text) {
        int at = 0;
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
        String bare =
                text.replaceAll(
                        "\\\\(?:text|mathrm|textbf|mathbf|mbox|textit|operatorname|textrm|left|right)\\b",
                        " ");
        return Parser.plainWords(bare).replace(" ", "");
    }
}
