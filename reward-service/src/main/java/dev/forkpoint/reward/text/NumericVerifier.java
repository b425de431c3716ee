package dev.forkpoint.reward.text;

import com.google.re2j.Matcher;
import com.google.re2j.Pattern;
import dev.forkpoint.reward.verifier.Item;
import dev.forkpoint.reward.verifier.OptionSpec;
import dev.forkpoint.reward.verifier.Verdict;
import java.math.BigDecimal;
import java.math.MathContext;
import org.jspecify.annotations.Nullable;

/**
 * Equality of decimal numbers within a tolerance: |answer − gold| ≤ max(absolute, relative ·
 * |gold|). The last number of the extracted answer counts; thousands separators, percent and
 * currency signs are dropped; a fraction {@code a/b} is divided.
 */
public final class NumericVerifier extends TextVerifier {
    private static final int MAX_DIGITS = 1000;
    private static final int MAX_EXPONENT = 10_000;
    private static final int TAIL = 4096;
    private static final Pattern NUMBER =
            Pattern.compile(
                    "[-+]?(?:\\d{1,3}(?:,\\d{3})+(?:\\.\\d*)?|\\d+(?:\\.\\d*)?|\\.\\d+)(?:[eE][-+]?\\d{1,9})?(?:\\s*/\\s*\\d+)?");

    public NumericVerifier() {
        super(
                "numeric",
                "The answer's last number equals the gold number within a tolerance.",
                true,
                Answers.OPTION,
                new OptionSpec("relative", "relative tolerance, 0 to 1; default 0"),
                new OptionSpec("absolute", "absolute tolerance, 0 to 1e300; default 0"));
    }

    @Override
    public Verdict verify(Item item) {
        BigDecimal relative = new BigDecimal(item.options().number("relative", 0, 0, 1));
        BigDecimal absolute = new BigDecimal(item.options().number("absolute", 0, 0, 1e300));
        String goldText = item.requireGold().strip();
        Found gold = lastNumber(goldText);
        if (gold == null || gold.value() == null) {
            return Verdict.unparsableGold("the gold is no number: \"" + cut(goldText) + "\"");
        }
        String answer = Answers.find(item);
        Found found = answer == null ? null : lastNumber(answer);
        if (found == null) {
            return Verdict.noAnswer("no number in the response");
        }
        if (found.value() == null) {
            return Verdict.unparsableAnswer(
                    found.text(), "division by zero, or more than %d digits".formatted(MAX_DIGITS));
        }
        BigDecimal tolerance = absolute.max(relative.multiply(gold.value().abs()));
        boolean equal = found.value().subtract(gold.value()).abs().compareTo(tolerance) <= 0;
        return Verdict.of(
                equal,
                found.text(),
                "numeric",
                equal ? "within the tolerance" : "outside the tolerance");
    }

    private record Found(String text, @Nullable BigDecimal value) {}

    private static @Nullable Found lastNumber(String text) {
        String tail = text.substring(Math.max(0, text.length() - TAIL)).replace('\u2212', '-');
        Matcher matcher = NUMBER.matcher(tail);
        String last = null;
        while (matcher.find()) {
            last = matcher.group();
            // "3-4" is 3 minus 4, not 3 and -4.
            if (matcher.start() > 0
                    && "+-".indexOf(last.charAt(0)) >= 0
                    && Character.isDigit(tail.charAt(matcher.start() - 1))) {
                last = last.substring(1);
            }
        }
        return last == null ? null : new Found(last, value(last));
    }

    private static @Nullable BigDecimal value(String text) {
        if (text.length() > MAX_DIGITS) {
            return null;
        }
        int slash = text.indexOf('/');
        BigDecimal top = decimal(slash < 0 ? text : text.substring(0, slash));
        if (slash < 0 || top == null) {
            return top;
        }
        BigDecimal bottom = decimal(text.substring(slash + 1));
        return bottom == null || bottom.signum() == 0
                ? null
                : top.divide(bottom, MathContext.DECIMAL128);
    }

    private static @Nullable BigDecimal decimal(String text) {
        BigDecimal value = new BigDecimal(text.strip().replace(",", ""));
        return Math.abs((long) value.scale()) > MAX_EXPONENT ? null : value;
    }

    private static String cut(String text) {
        return text.length() > 80 ? text.substring(0, 80) + "…" : text;
    }
}
