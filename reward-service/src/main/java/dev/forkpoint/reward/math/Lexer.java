package dev.forkpoint.reward.math;

import dev.forkpoint.reward.math.Token.Kind;
import java.text.Normalizer;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Cuts an answer in LaTeX or plain text into tokens, in time linear in its length. */
final class Lexer {
    static final int MAX_CHARACTERS = 250_000;
    private static final int MAX_TOKENS = 20_000;
    private static final int MAX_NESTED_TEXT = 4;
    private static final int MAX_VECTOR = 400;
    private static final Set<String> CURRENCIES = Set.of("US", "USD", "EUR", "Rs", "AUD", "CAD");
    private static final Set<String> STARRED =
            Set.of("operatorname", "text", "hspace", "vspace", "tag");
    private static final Set<String> ORDINALS = Set.of("st", "nd", "rd", "th");
    private static final String SIGNS = "+-*/^_,;!|()[]{}:'%&";

    /** Fonts whose argument is mathematics. */
    private static final Set<String> FONTS =
            Set.of("mathbf", "mathit", "mathsf", "boldsymbol", "bm");

    /** {@code A and C}, {@code A, B}: letters of choices. */
    private static final Pattern LETTER_LIST =
            Pattern.compile(
                    "(?:[A-Z]|\\([A-Z]\\))(?:(?:, ?| and | or |, and )(?:[A-Z]|\\([A-Z]\\))){1,8}");

    private final String input;
    private final boolean mergeThousands;
    private final Budget budget;
    private final int nesting;
    private final List<Token> tokens;
    private int at;
    private int depth;
    private boolean spaced;
    private boolean merged;
    private int vectorEnd = -1;

    private Lexer(
            String input, boolean mergeThousands, Budget budget, int nesting, List<Token> tokens) {
        this.input = input;
        this.mergeThousands = mergeThousands;
        this.budget = budget;
        this.nesting = nesting;
        this.tokens = tokens;
    }

    /**
     * The tokens of a text, the last of kind END.
     *
     * @param tokens as cut
     * @param mergedThousands whether {@code 1,234} was read as one number though it might be a list
     *     of two
     */
    record Tokens(List<Token> tokens, boolean mergedThousands) {}

    /**
     * @param text an answer without dollar signs around it
     * @param mergeThousands whether {@code 1,234} is one number
     * @throws Refusal if the text is too long or holds what no answer holds
     */
    static Tokens cut(String text, boolean mergeThousands, Budget budget) {
        if (text.length() > MAX_CHARACTERS) {
            throw new Refusal(
                    Refusal.Kind.SIZE,
                    "%d characters (allowed: %d)".formatted(text.length(), MAX_CHARACTERS));
        }
        budget.charge(text.length() / 8);
        Lexer lexer = new Lexer(plain(text), mergeThousands, budget, 0, new ArrayList<>());
        lexer.run();
        lexer.tokens.add(new Token(Kind.END, "", false));
        return new Tokens(lexer.tokens, lexer.merged);
    }

    private void run() {
        while (at < input.length()) {
            int before = at;
            next();
            if (at == before) {
                throw new Refusal(
                        Refusal.Kind.CHARACTER,
                        "character U+%04X".formatted((int) input.charAt(at)));
            }
        }
    }

    private void next() {
        char c = input.charAt(at);
        if (c == ' ' || c == '~' || c == '$') {
            at++;
            spaced = true;
        } else if (isDigit(c) || (c == '.' && (isDigit(peek(1)) || repetend(at + 1)))) {
            number();
        } else if (isLetter(c)) {
            letters();
        } else if (c == '\\') {
            command();
        } else if (c == '.') {
            point();
        } else if (Character.isLetter(c)) {
            foreignWord();
        } else {
            sign(c);
        }
    }

    private void point() {
        if (peek(1) == '.' && peek(2) == '.' && " ,".indexOf(peek(-1)) >= 0) {
            add(Kind.COMMAND, "dots", 3);
            return;
        }
        if (peek(1) == '.' || peek(-1) == '.') {
            throw Refusal.syntax("dots");
        }
        // A full stop ends a sentence; anywhere else a point means nothing.
        if (at + 1 < input.length() && " \\)}],$".indexOf(peek(1)) < 0) {
            throw Refusal.syntax("a point outside a number");
        }
        at++;
    }

    private void sign(char c) {
        char following = peek(1);
        switch (c) {
            case '<':
                if (following == '|' && input.indexOf("|>", at) > 0) {
                    at = input.indexOf("|>", at) + 2;
                } else if (opensVector()) {
                    add(Kind.COMMAND, "langle", 1);
                } else {
                    relation(
                            following == '='
                                    ? "LESS_OR_EQUAL"
                                    : following == '>' ? "NOT_EQUAL" : "LESS",
                            following == '=' || following == '>' ? 2 : 1);
                }
                return;
            case '>':
                if (at == vectorEnd) {
                    add(Kind.COMMAND, "rangle", 1);
                    return;
                }
                relation(
                        following == '=' ? "GREATER_OR_EQUAL" : "GREATER",
                        following == '=' ? 2 : 1);
                return;
            case '=':
                if (following == '<') {
                    relation("LESS_OR_EQUAL", 2);
                } else if (following == '>') {
                    throw Refusal.syntax("an arrow");
                } else {
                    relation("EQUAL", following == '=' ? 2 : 1);
                }
                return;
            case '!':
                if (following == '=' && peek(2) != '=') {
                    relation("NOT_EQUAL", 2);
                    return;
                }
                break;
            case '*':
                if (following == '*') {
                    add(Kind.SIGN, "^", 2);
                    return;
                }
                break;
            case '+':
                if (following == '-' || input.startsWith("/-", at + 1)) {
                    if (following == '/' || !isDigit(peek(2)) || tokens.isEmpty()) {
                        add(Kind.SIGN, "±", following == '-' ? 2 : 3);
                        return;
                    }
                }
                break;
            case '-':
                if (following == '>') {
                    throw Refusal.syntax("an arrow");
                }
                break;
            case '^':
                if (degreeSign()) {
                    return;
                }
                break;
            default:
                break;
        }
        if ("≤≥≠≈∈∉≡".indexOf(c) >= 0) {
            String[] names = {
                "LESS_OR_EQUAL",
                "GREATER_OR_EQUAL",
                "NOT_EQUAL",
                "APPROX",
                "MEMBER",
                "NOT_MEMBER",
                "CONGRUENT"
            };
            relation(names["≤≥≠≈∈∉≡".indexOf(c)], 1);
        } else if ("±∓∪∩∖".indexOf(c) >= 0) {
            add(Kind.SIGN, String.valueOf(c), 1);
        } else if (c == '°') {
            add(Kind.DEGREE, "°", 1);
        } else if (c == '√') {
            add(Kind.COMMAND, "sqrt", 1);
        } else if (c == '∅') {
            add(Kind.SET, "∅", 1);
        } else if (c == '∞') {
            add(Kind.COMMAND, "infty", 1);
        } else if (SIGNS.indexOf(c) >= 0) {
            if (c == '{' && bracedSign()) {
                return;
            }
            if (c == '(' || c == '[' || c == '{') {
                depth++;
            } else if (c == ')' || c == ']' || c == '}') {
                depth--;
            }
            add(Kind.SIGN, String.valueOf(c), 1);
        }
    }

    /** {@code <1, 2>} where a value begins: angle brackets, no comparison. */
    private boolean opensVector() {
        Token last = tokens.isEmpty() ? null : tokens.get(tokens.size() - 1);
        int end = at;
        while (end < at + MAX_VECTOR && end < input.length() && input.charAt(end) != '>') {
            end++;
        }
        boolean begins =
                last == null || last.isRelation("EQUAL") || last.isSign(',') || last.isSign('(');
        if (!begins || charAt(end) != '>' || input.substring(at, end).indexOf(',') < 0) {
            return false;
        }
        vectorEnd = end;
        return true;
    }

    private boolean bracedSign() {
        // "{,}" that is no thousands separator (those are read with their number) is a comma.
        int i = skipBlanks(at + 1);
        int close = skipBlanks(i + 1);
        if ((charAt(i) == ',' || charAt(i) == ':') && charAt(close) == '}') {
            add(Kind.SIGN, String.valueOf(charAt(i)), close + 1 - at);
            return true;
        }
        return false;
    }

    /** {@code ^\circ} and {@code ^{\circ}}. */
    private boolean degreeSign() {
        int i = skipBlanks(at + 1);
        boolean braced = i < input.length() && input.charAt(i) == '{';
        if (braced) {
            i = skipBlanks(i + 1);
        }
        int length = 0;
        if (input.startsWith("\\circ", i)) {
            length = 5;
        } else if (i < input.length()
                && (input.charAt(i) == '°'
                        || input.charAt(i) == '∘'
                        || (!braced && input.charAt(i) == 'o' && !isLetter(charAt(i + 1))))) {
            length = 1;
        } else if (input.startsWith("\\degree", i)) {
            length = 7;
        }
        if (length == 0) {
            return false;
        }
        i += length;
        if (braced) {
            i = skipBlanks(i);
            if (i >= input.length() || input.charAt(i) != '}') {
                return false;
            }
            i++;
        }
        add(Kind.DEGREE, "°", i - at);
        return true;
    }

    private void number() {
        int start = at;
        StringBuilder digits = new StringBuilder();
        digits(digits);
        int groups = 0;
        boolean plainComma = false;
        if (digits.length() <= 3 && digits.length() > 0 && digits.charAt(0) != '0') {
            int separator;
            while ((separator = groupSeparator()) > 0) {
                plainComma |= input.charAt(at) == ',' && separator <= 2;
                at += separator;
                digits(digits);
                groups++;
            }
        }
        merged |= plainComma;
        boolean decimal = at < input.length() && input.charAt(at) == '.' && peek(1) != '.';
        if (decimal && !isDigit(peek(1)) && !repetend(at + 1)) {
            // "5." ends a sentence, "1./3" is a number with a bare point; both are whole.
            at++;
            decimal = false;
        }
        int wholeDigits = digits.length();
        if (decimal) {
            at++;
            digits.append('.');
            digits(digits);
            if (repeating(digits, wholeDigits)) {
                return;
            }
            if (digits.length() == 1) {
                throw Refusal.syntax("a point outside a number");
            }
            while (groups == 0 && decimalGroup() > 0) {
                at += decimalGroup();
                digits(digits);
            }
        }
        if (at < input.length() && (input.charAt(at) == 'e' || input.charAt(at) == 'E')) {
            int i = at + 1;
            if (i < input.length() && (input.charAt(i) == '+' || input.charAt(i) == '-')) {
                i++;
            }
            int exponent = i;
            while (i < input.length() && isDigit(input.charAt(i))) {
                i++;
            }
            if (i > exponent && i - exponent <= 9 && !isLetter(charAt(i))) {
                digits.append(input, at, i);
                at = i;
            }
        }
        push(
                new Token(
                        Kind.NUMBER,
                        digits.toString(),
                        spaced || start != at - digits.length() && spaced));
    }

    private void digits(StringBuilder into) {
        int start = at;
        while (at < input.length() && isDigit(input.charAt(at))) {
            at++;
        }
        into.append(input, start, at);
    }

    /** Length of a thousands separator here that exactly three digits follow, or 0. */
    private int groupSeparator() {
        if (at >= input.length()) {
            return 0;
        }
        int i = at;
        char c = input.charAt(i);
        if (c == ',') {
            i++;
            int afterComma = i;
            while (input.startsWith("\\!", i)) {
                i = skipBlanks(i + 2);
            }
            if (i == afterComma && (!mergeThousands || depth > 0)) {
                return 0;
            }
            // "1, 000" is no list: nobody writes a member with leading zeros.
            i += charAt(i) == ' ' && charAt(i + 1) == '0' ? 1 : 0;
        } else if (c == ' ') {
            int brace = skipBlanks(i);
            if (brace < input.length() && input.charAt(brace) == '{') {
                i = bracedComma(brace);
            } else if (input.startsWith("\\,", brace)) {
                i = skipBlanks(brace + 2);
            } else {
                i++;
            }
        } else if (c == '{') {
            i = bracedComma(i);
        } else if (input.startsWith("\\,", i)
                || input.startsWith("\\ ", i)
                || input.startsWith("\\;", i)
                || input.startsWith("\\!", i)) {
            i = skipBlanks(i + 2);
        } else {
            return 0;
        }
        boolean three =
                i > at
                        && isDigit(charAt(i))
                        && isDigit(charAt(i + 1))
                        && isDigit(charAt(i + 2))
                        && !isDigit(charAt(i + 3));
        return three ? i - at : 0;
    }

    /** Length of {@code \,} between groups of digits after the point, or 0. */
    private int decimalGroup() {
        return (input.startsWith("\\,", at) || input.startsWith("\\!", at))
                        && isDigit(charAt(at + 2))
                ? 2
                : 0;
    }

    private int bracedComma(int brace) {
        int i = skipBlanks(brace + 1);
        if (charAt(i) != ',') {
            return at;
        }
        i = skipBlanks(i + 1);
        return charAt(i) == '}' ? skipBlanks(i + 1) : at;
    }

    private boolean repetend(int from) {
        return input.startsWith("\\overline", from)
                || input.startsWith("\\bar", from)
                || input.startsWith("\\dot", from)
                || (charAt(from) == '(' && isDigit(charAt(from + 1)));
    }

    /** {@code 0.1\overline{6}}, {@code 0.\bar 6}, {@code 0.\dot{1}2\dot{8}}, {@code 0.1(6)}. */
    private boolean repeating(StringBuilder digits, int wholeDigits) {
        StringBuilder period = new StringBuilder();
        int end = at;
        boolean round = charAt(at) == '(' && digits.length() > wholeDigits;
        if (round) {
            end = marked(at, ')', period);
        } else if (input.startsWith("\\overline", at)) {
            end = marked(skipBlanks(at + 9), '}', period);
        } else if (input.startsWith("\\bar", at)) {
            end = marked(skipBlanks(at + 4), '}', period);
        } else if (input.startsWith("\\dot", at)) {
            end = marked(skipBlanks(at + 4), '}', period);
            int last = end;
            while (end > at && isDigit(charAt(last))) {
                last++;
            }
            if (end > at && input.startsWith("\\dot", last)) {
                period.append(input, end, last);
                end = marked(skipBlanks(last + 4), '}', period);
            }
        }
        if (end <= at || period.length() > 100) {
            return false;
        }
        String whole = digits.substring(0, wholeDigits);
        String fixed = digits.substring(wholeDigits + 1);
        if (round && fixed.length() + period.length() < 2 && !whole.equals("0")) {
            return false;
        }
        add(Kind.REPEATING, whole + "|" + fixed + "|" + period, end - at);
        return true;
    }

    /** Takes a digit, or digits in brackets, and returns where they end; −1 if there are none. */
    private int marked(int from, char close, StringBuilder into) {
        if (isDigit(charAt(from))) {
            into.append(charAt(from));
            return from + 1;
        }
        int i = from + 1;
        if (charAt(from) != '{' && charAt(from) != '(') {
            return -1;
        }
        while (isDigit(charAt(i))) {
            into.append(charAt(i++));
        }
        return i > from + 1 && charAt(i) == close ? i + 1 : -1;
    }

    private void letters() {
        int start = at;
        while (at < input.length() && isLetter(input.charAt(at))) {
            at++;
        }
        String run = input.substring(start, at);
        if ((run.equals("np") || run.equals("math") || run.equals("numpy") || run.equals("sp"))
                && charAt(at) == '.') {
            at++;
            return;
        }
        Token last = tokens.isEmpty() ? null : tokens.get(tokens.size() - 1);
        boolean afterValue = afterValue();
        if (last != null && last.is(Kind.NUMBER) && !spaced && ORDINALS.contains(run)) {
            return;
        }
        if ((run.equals("a") || run.equals("p")) && afterValue && input.startsWith(".m", at)) {
            at += charAt(at + 2) == '.' ? 3 : 2;
            push(new Token(Kind.WORD, run + "m", spaced));
        } else if (run.equals("oo") && (depth > 0 || last == null || last.isSign('-'))) {
            push(new Token(Kind.COMMAND, "infty", spaced));
        } else if (last != null && spaced && (run.equals("for") || run.equals("to"))) {
            push(new Token(Kind.WORD, run, true));
        } else if (run.equals("x") && last != null && last.is(Kind.NUMBER) && isPowerOfTen(at)) {
            push(new Token(Kind.SIGN, "*", spaced));
        } else if (CURRENCIES.contains(run) && isAmount(at)) {
            at = charAt(at) == '.' ? at + 1 : at;
        } else if (run.equals("and")) {
            push(new Token(Kind.AND, run, true));
        } else if (run.equals("or")) {
            push(new Token(Kind.OR, run, true));
        } else if (run.equals("U") && afterInterval(last)) {
            push(new Token(Kind.SIGN, "∪", true));
        } else if (Vocabulary.PLAIN_FUNCTIONS.contains(run)
                && !(run.equals("min") && afterValue)
                && !(run.equals("sec") && afterValue && endsAnswer(at))) {
            push(new Token(Kind.COMMAND, run, spaced));
        } else if (run.length() == 1) {
            push(new Token(Kind.LETTER, run, spaced));
        } else if ((Vocabulary.SHORT_WORDS.contains(run) && isAlone())
                || (afterValue && (Vocabulary.SHORT_UNITS.contains(run) || run.equals("sec")))
                || (last != null && last.is(Kind.WORD) && spaced && run.length() > 1)) {
            push(new Token(Kind.WORD, run, spaced));
        } else if (run.length() <= 5 && functionPrefix(run) > 0) {
            int cut = functionPrefix(run);
            push(new Token(Kind.COMMAND, run.substring(0, cut), spaced));
            single(run.substring(cut));
        } else if (run.length() <= 3 || isSorted(run)) {
            single(run);
        } else {
            push(new Token(Kind.WORD, run, spaced));
        }
    }

    /** Whether {@code 10^} follows, as in {@code 1.6 x 10^-19}. */
    private boolean isPowerOfTen(int from) {
        int i = skipBlanks(from);
        return input.startsWith("10^", i) || input.startsWith("10**", i);
    }

    /** Whether an amount of money follows: {@code US\$ 5}, {@code Rs. 500}. */
    private boolean isAmount(int from) {
        int i = charAt(from) == '.' ? from + 1 : from;
        while (charAt(i) == ' ' || charAt(i) == '\\' || charAt(i) == '$' || charAt(i) == '~') {
            i++;
        }
        return i > from && isDigit(charAt(i));
    }

    private boolean endsAnswer(int from) {
        int i = from;
        while (i < input.length() && " .$)".indexOf(input.charAt(i)) >= 0) {
            i++;
        }
        return i == input.length();
    }

    /** Whether the run of letters just read is the whole answer. */
    private boolean isAlone() {
        return tokens.isEmpty() && skipBlanks(at) == input.length();
    }

    private static boolean isNumber(Token token) {
        return token.is(Kind.NUMBER);
    }

    private boolean afterValue() {
        Token last = tokens.isEmpty() ? null : tokens.get(tokens.size() - 1);
        return last != null
                && (last.is(Kind.NUMBER)
                        || last.isSign('}')
                        || last.isSign(')')
                        || last.isSign('%'));
    }

    /** Whether a unit's letter here goes on with a unit: {@code \mathrm{m}\cdot\mathrm{s}}. */
    private boolean afterUnit() {
        int last = tokens.size() - 1;
        if (last > 0 && tokens.get(last).isSign('*')) {
            last--;
        }
        return last >= 0 && tokens.get(last).is(Kind.TEXT);
    }

    /** Whether a letter U after this token is a union sign: {@code [1,2] U [3,4]}. */
    private static boolean afterInterval(@Nullable Token last) {
        return last != null && (last.isSign(')') || last.isSign(']') || last.isSign('}'));
    }

    private void single(String run) {
        for (int i = 0; i < run.length(); i++) {
            push(new Token(Kind.LETTER, run.substring(i, i + 1), i == 0 && spaced));
        }
    }

    /**
     * Length of a trigonometric or logarithmic name that a single letter follows ({@code sinx}), or
     * 0.
     */
    private static int functionPrefix(String run) {
        for (String name : List.of("sin", "cos", "tan", "cot", "ln", "log")) {
            if (run.startsWith(name) && run.length() == name.length() + 1) {
                return name.length();
            }
        }
        return 0;
    }

    private static boolean isSorted(String run) {
        if (run.length() > 4 && run.charAt(run.length() - 1) - run.charAt(0) != run.length() - 1) {
            // "empty" and "first" are words.
            return false;
        }
        for (int i = 1; i < run.length(); i++) {
            if (run.charAt(i) <= run.charAt(i - 1)) {
                return false;
            }
        }
        return Character.isUpperCase(run.charAt(0))
                == Character.isUpperCase(run.charAt(run.length() - 1));
    }

    /** A word in a script without letters that stand for numbers: a unit or a name. */
    private void foreignWord() {
        int start = at;
        while (at < input.length()
                && Character.isLetter(input.charAt(at))
                && !isLetter(input.charAt(at))) {
            at++;
        }
        push(new Token(Kind.WORD, input.substring(start, at), spaced));
    }

    private void command() {
        if (at + 1 >= input.length()) {
            throw Refusal.syntax("a backslash at the end");
        }
        char c = input.charAt(at + 1);
        if (isLetter(c)) {
            named(at + 1);
            return;
        }
        switch (c) {
            case ',', ';', ':', '!', ' ', '>', '/', '(', ')', '[', ']', '$', '@', '-' -> {
                at += 2;
                spaced |= c != '!';
            }
            case '{' -> {
                depth++;
                add(Kind.SIGN, "⦃", 2);
            }
            case '}' -> {
                depth--;
                add(Kind.SIGN, "⦄", 2);
            }
            case '%' -> add(Kind.SIGN, "%", 2);
            case '|' -> add(Kind.SIGN, "‖", 2);
            case '&' -> {
                at += 2;
                push(new Token(Kind.AND, "&", true));
            }
            case '_', '#' -> throw Refusal.syntax("\\" + c);
            case '\\' -> doubled();
            default -> throw Refusal.syntax("a backslash before " + c);
        }
    }

    /** A line break, or a command whose backslash was doubled on the way. */
    private void doubled() {
        int name = at + 2;
        int end = name;
        while (end < input.length() && isLetter(input.charAt(end))) {
            end++;
        }
        if (end > name && Vocabulary.isCommand(input.substring(name, end))) {
            named(name);
            return;
        }
        at += 2;
        if (charAt(at) == '[') {
            int close = input.indexOf(']', at);
            if (close > 0 && close - at < 12 && Character.isDigit(charAt(at + 1))) {
                at = close + 1;
            }
        }
        push(new Token(Kind.SIGN, "\n", true));
    }

    private void named(int start) {
        int end = start;
        while (end < input.length() && isLetter(input.charAt(end))) {
            end++;
        }
        String name = input.substring(start, end);
        at = end;
        if (charAt(at) == '*' && STARRED.contains(name)) {
            at++;
        }
        if (Vocabulary.TEXTUAL.contains(name) && charAt(skipBlanks(at)) == '{') {
            textual(name);
            return;
        }
        if (name.equals("left")
                || name.equals("right")
                || name.equals("mleft")
                || name.equals("mright")) {
            delimiter();
            return;
        }
        if (Vocabulary.INVISIBLE.contains(name)) {
            spaced = true;
            return;
        }
        String relation = Vocabulary.relation(name);
        if (relation != null) {
            if (name.equals("sim")
                    && !tokens.isEmpty()
                    && isNumber(tokens.get(tokens.size() - 1))) {
                throw Refusal.syntax("a range of numbers");
            }
            push(new Token(Kind.RELATION, relation, spaced));
            return;
        }
        switch (name) {
            case "cdot", "times", "ast", "cdotp" -> push(new Token(Kind.SIGN, "*", spaced));
            case "div" -> push(new Token(Kind.SIGN, "/", spaced));
            case "pm" -> push(new Token(Kind.SIGN, "±", spaced));
            case "mp" -> push(new Token(Kind.SIGN, "∓", spaced));
            case "cup", "bigcup" -> push(new Token(Kind.SIGN, "∪", spaced));
            case "cap", "bigcap" -> push(new Token(Kind.SIGN, "∩", spaced));
            case "setminus", "backslash", "smallsetminus" ->
                    push(new Token(Kind.SIGN, "∖", spaced));
            case "lbrace" -> {
                depth++;
                push(new Token(Kind.SIGN, "⦃", spaced));
            }
            case "rbrace" -> {
                depth--;
                push(new Token(Kind.SIGN, "⦄", spaced));
            }
            case "lbrack" -> push(new Token(Kind.SIGN, "[", spaced));
            case "rbrack" -> push(new Token(Kind.SIGN, "]", spaced));
            case "lparen" -> push(new Token(Kind.SIGN, "(", spaced));
            case "rparen" -> push(new Token(Kind.SIGN, ")", spaced));
            case "mid", "vert", "lvert", "rvert", "divides" ->
                    push(new Token(Kind.SIGN, "|", spaced));
            case "Vert", "lVert", "rVert" -> push(new Token(Kind.SIGN, "‖", spaced));
            case "colon" -> push(new Token(Kind.SIGN, ":", spaced));
            case "prime" -> push(new Token(Kind.SIGN, "'", spaced));
            case "degree", "textdegree" -> push(new Token(Kind.DEGREE, "°", spaced));
            case "land", "wedge" -> push(new Token(Kind.AND, name, spaced));
            case "lor", "vee" -> push(new Token(Kind.OR, name, spaced));
            case "emptyset", "varnothing" -> push(new Token(Kind.SET, "∅", spaced));
            case "cr" -> push(new Token(Kind.SIGN, "\n", true));
            case "percent" -> push(new Token(Kind.SIGN, "%", spaced));
            case "euro", "pounds", "yen", "textdollar", "dollar" -> spaced = true;
            case "not" -> negated();
            case "mathbb", "mathbbm", "Bbb" -> setName();
            case "begin", "end" -> environment(name);
            case "color", "textcolor", "colorbox", "cellcolor" -> rawArgument();
            case "hspace", "vspace", "phantom", "hphantom", "vphantom", "tag", "label" ->
                    rawArgument();
            case "ldots", "dots", "cdots", "dotsc", "dotsb", "vdots", "ddots" ->
                    push(new Token(Kind.COMMAND, "dots", spaced));
            default -> push(new Token(Kind.COMMAND, name, spaced));
        }
    }

    /** The bracket after \left or \right: an escaped or bare brace is a set's, a point is none. */
    private void delimiter() {
        at = skipBlanks(at);
        char c = charAt(at);
        if (c == '{') {
            depth++;
            add(Kind.SIGN, "⦃", 1);
        } else if (c == '}') {
            depth--;
            add(Kind.SIGN, "⦄", 1);
        } else if (c == '.') {
            at++;
        } else if (c == '<') {
            add(Kind.COMMAND, "langle", 1);
        } else if (c == '>') {
            add(Kind.COMMAND, "rangle", 1);
        }
    }

    private void negated() {
        at = skipBlanks(at);
        if (charAt(at) == '=') {
            add(Kind.RELATION, "NOT_EQUAL", 1);
        } else if (input.startsWith("\\in", at) && !isLetter(charAt(at + 3))) {
            add(Kind.RELATION, "NOT_MEMBER", 3);
        } else {
            throw Refusal.syntax("\\not");
        }
    }

    private void setName() {
        String name = rawArgument().strip();
        if (name.length() != 1) {
            throw Refusal.syntax("\\mathbb{" + name + "}");
        }
        if ("RZNQC".contains(name)) {
            push(new Token(Kind.SET, name, spaced));
        } else {
            push(new Token(Kind.LETTER, name, spaced));
        }
    }

    private void environment(String which) {
        String name = rawArgument().strip();
        if (which.equals("end")) {
            push(new Token(Kind.END_ENVIRONMENT, name, spaced));
            return;
        }
        push(new Token(Kind.BEGIN, name, spaced));
        if (name.equals("array")) {
            rawArgument();
        }
    }

    /** The argument of a text command: words, an operator's name, or mathematics after all. */
    private void textual(String name) {
        boolean space = spaced;
        String content = rawArgument();
        String words = content.strip();
        boolean roman =
                !name.startsWith("text")
                        && !name.equals("mbox")
                        && !name.equals("hbox")
                        && !name.equals("emph");
        if (words.isEmpty()) {
            spaced = true;
        } else if (name.equals("operatorname") || name.equals("mathop")) {
            String operator = words.replace("\\", "");
            boolean known =
                    Vocabulary.isCommand(operator) || Vocabulary.PLAIN_FUNCTIONS.contains(operator);
            boolean letters =
                    operator.length() > 1 && operator.chars().allMatch(Character::isLetter);
            push(new Token(known || !letters ? Kind.COMMAND : Kind.TEXT, operator, space));
        } else if (words.equals("cis")) {
            push(new Token(Kind.COMMAND, words, space));
        } else if (words.length() == 1 && isLetter(words.charAt(0))) {
            boolean unit =
                    name.equals("mathrm")
                            && "deijT".indexOf(words.charAt(0)) < 0
                            && (afterValue() || afterUnit());
            push(new Token(roman && !unit ? Kind.LETTER : Kind.TEXT, words, space));
        } else if (words.equals(":") || words.equals(",")) {
            push(new Token(Kind.SIGN, words, space));
        } else if (Vocabulary.PLAIN_FUNCTIONS.contains(words)
                && (roman || (words.startsWith("arc") && !afterValue()))) {
            push(new Token(Kind.COMMAND, words, space));
        } else if (isMathematics(words) || FONTS.contains(name)) {
            if (nesting >= MAX_NESTED_TEXT) {
                throw new Refusal(
                        Refusal.Kind.DEPTH,
                        "text within text, more than %d levels".formatted(MAX_NESTED_TEXT));
            }
            budget.charge(content.length() / 8);
            Lexer inner = new Lexer(content, mergeThousands, budget, nesting + 1, tokens);
            inner.spaced = space;
            inner.depth = depth;
            inner.run();
            merged |= inner.merged;
            spaced = inner.spaced;
        } else {
            String lower = words.toLowerCase(Locale.ROOT).replaceAll("^[,;.]+|[,;.]+$", "").strip();
            if (lower.equals("and")) {
                push(new Token(Kind.AND, lower, true));
            } else if (lower.equals("or") || lower.equals("and/or")) {
                push(new Token(Kind.OR, lower, true));
            } else if (lower.endsWith(" and") || lower.endsWith(" or")) {
                push(new Token(Kind.TEXT, words.substring(0, words.lastIndexOf(' ')), space));
                push(new Token(lower.endsWith("d") ? Kind.AND : Kind.OR, "and", true));
            } else {
                push(new Token(Kind.TEXT, words, space));
            }
        }
    }

    /**
     * Whether the content of a text command is to be read as mathematics: it begins with a number,
     * a sign, or a command.
     */
    private boolean isMathematics(String words) {
        char c = words.charAt(0);
        if (c == '\\' || c == '$' || c == '{') {
            return true;
        }
        if (LETTER_LIST.matcher(words).matches()) {
            return true;
        }
        boolean digits = words.chars().anyMatch(Character::isDigit);
        return digits && (isDigit(c) || "+-.(−[".indexOf(c) >= 0);
    }

    /** A braced argument as it stands, its brackets balanced. */
    private String rawArgument() {
        at = skipBlanks(at);
        if (charAt(at) != '{') {
            if (at >= input.length()) {
                throw Refusal.syntax("a command without its argument");
            }
            at++;
            return input.substring(at - 1, at);
        }
        int level = 0;
        for (int i = at; i < input.length(); i++) {
            char c = input.charAt(i);
            if (c == '\\') {
                i++;
            } else if (c == '{') {
                level++;
            } else if (c == '}' && --level == 0) {
                String content = input.substring(at + 1, i);
                at = i + 1;
                return content;
            }
        }
        throw Refusal.syntax("a brace that is not closed");
    }

    private void relation(String name, int length) {
        add(Kind.RELATION, name, length);
    }

    private void add(Kind kind, String text, int length) {
        at += length;
        push(new Token(kind, text, spaced));
    }

    private void push(Token token) {
        if (tokens.size() >= MAX_TOKENS) {
            throw new Refusal(Refusal.Kind.SIZE, "more than %d symbols".formatted(MAX_TOKENS));
        }
        budget.charge(1);
        tokens.add(token);
        spaced = false;
    }

    private int skipBlanks(int from) {
        int i = from;
        while (i < input.length() && input.charAt(i) == ' ') {
            i++;
        }
        return i;
    }

    private char peek(int offset) {
        return charAt(at + offset);
    }

    private char charAt(int index) {
        return index >= 0 && index < input.length() ? input.charAt(index) : '\0';
    }

    private static boolean isDigit(char c) {
        return c >= '0' && c <= '9';
    }

    private static boolean isLetter(char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    }

    private static final String SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ";
    private static final String SUPERSCRIPT_MEANINGS = "0123456789+-n";
    private static final String SUBSCRIPTS = "₀₁₂₃₄₅₆₇₈₉";
    private static final String FRACTIONS = "½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅐⅛⅜⅝⅞⅑⅒";
    private static final String[] FRACTION_MEANINGS = {
        "1 2", "1 3", "2 3", "1 4", "3 4", "1 5", "2 5", "3 5", "4 5", "1 6", "5 6", "1 7", "1 8",
        "3 8", "5 8", "7 8", "1 9", "1 10"
    };
    private static final String GREEK = "αβγδεζηθικλμνξρστυφχψωΓΔΘΛΞΠΣΦΨΩϕϵ";
    private static final String[] GREEK_NAMES = {
        "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa",
                "lambda", "mu", "nu", "xi", "rho", "sigma",
        "tau", "upsilon", "phi", "chi", "psi", "omega", "Gamma", "Delta", "Theta", "Lambda", "Xi",
                "Pi", "Sigma", "Phi", "Psi", "Omega",
        "phi", "epsilon"
    };

    /**
     * Unicode's many forms of the same signs made ASCII and LaTeX. Bidirectional controls are
     * refused: what such a text shows is not what it says.
     */
    private static String plain(String text) {
        boolean ascii = true;
        for (int i = 0; i < text.length() && ascii; i++) {
            char c = text.charAt(i);
            ascii = c >= ' ' && c < 127;
        }
        if (ascii) {
            return text;
        }
        StringBuilder out = new StringBuilder(text.length() + 16);
        boolean superscript = false;
        boolean blank = true;
        for (int i = 0; i < text.length(); ) {
            int c = text.codePointAt(i);
            i += Character.charCount(c);
            boolean raised = c < 0x10000 && SUPERSCRIPTS.indexOf(c) >= 0;
            if (superscript && !raised) {
                out.append('}');
            }
            if (raised && !superscript) {
                if (blank) {
                    throw Refusal.syntax("a superscript without base");
                }
                out.append("^{");
            }
            superscript = raised;
            blank &= Character.isWhitespace(c) || c == '$';
            append(out, c, raised);
        }
        if (superscript) {
            out.append('}');
        }
        return out.toString();
    }

    private static void append(StringBuilder out, int c, boolean raised) {
        if (raised) {
            out.append(SUPERSCRIPT_MEANINGS.charAt(SUPERSCRIPTS.indexOf(c)));
        } else if (c < 127 && c >= ' ') {
            out.append((char) c);
        } else if (c < 0x10000 && SUBSCRIPTS.indexOf(c) >= 0) {
            out.append('_').append(SUBSCRIPTS.indexOf(c));
        } else if (c < 0x10000 && FRACTIONS.indexOf(c) >= 0) {
            String[] parts = FRACTION_MEANINGS[FRACTIONS.indexOf(c)].split(" ");
            out.append("\\frac{").append(parts[0]).append("}{").append(parts[1]).append('}');
        } else if (c < 0x10000 && GREEK.indexOf(c) >= 0) {
            out.append('\\').append(GREEK_NAMES[GREEK.indexOf(c)]).append(' ');
        } else if (c >= 0xFF01 && c <= 0xFF5E) {
            out.append((char) (c - 0xFEE0));
        } else if (Character.isDigit(c)) {
            out.append(Character.digit(c, 10));
        } else {
            other(out, c);
        }
    }

    private static void other(StringBuilder out, int c) {
        switch (c) {
            case '−', '–', '—', '‐', '‑', '‒', '﹣' -> out.append('-');
            case '×', '·', '⋅', '∙', '✕', '⨯', '∗' -> out.append('*');
            case '÷', '∕', '⁄' -> out.append('/');
            case 'π', 'ϖ' -> out.append("\\pi ");
            case '≤', '≥', '≠', '≈', '∈', '∉', '≡', '±', '∓', '∪', '∩', '°', '√', '∅', '∞' ->
                    out.append((char) c);
            case '⩽', '≦' -> out.append('≤');
            case '⩾', '≧' -> out.append('≥');
            case '∖' -> out.append('∖');
            case 'º', '˚', '∘' -> out.append('°');
            case '′', '’', 'ʹ' -> out.append('\'');
            case '″' -> out.append("''");
            case '∛' -> out.append("\\sqrt[3]");
            case '∜' -> out.append("\\sqrt[4]");
            case 'ℝ' -> out.append("\\mathbb{R}");
            case 'ℤ' -> out.append("\\mathbb{Z}");
            case 'ℕ' -> out.append("\\mathbb{N}");
            case 'ℚ' -> out.append("\\mathbb{Q}");
            case 'ℂ' -> out.append("\\mathbb{C}");
            case '∣', '｜' -> out.append('|');
            case '、', '，' -> out.append(',');
            case '。', '．' -> out.append('.');
            case '：', '∶' -> out.append(':');
            case '；' -> out.append(';');
            case '⌊' -> out.append("\\lfloor ");
            case '⌋' -> out.append("\\rfloor ");
            case '⌈' -> out.append("\\lceil ");
            case '⌉' -> out.append("\\rceil ");
            case '⟨', '〈' -> out.append("\\langle ");
            case '⟩', '〉' -> out.append("\\rangle ");
            case 'ℓ' -> out.append("\\ell ");
            case 'ℏ' -> out.append("\\hbar ");
            case '∠', '€', '£', '¥', '¢', '₹', '₽', '₩', '￥' -> out.append(' ');
            case 0x200B,
                    0x200C,
                    0x200D,
                    0xFEFF,
                    0x2060,
                    0x00AD,
                    0x2061,
                    0x2062,
                    0x2063,
                    0xFE0F -> {}
            default -> rest(out, c);
        }
    }

    /** Letters and digits in another style: raised, letterlike, enclosed, mathematical. */
    private static boolean isStyled(int c) {
        return (c >= 0x02B0 && c < 0x0300)
                || (c >= 0x1D00 && c < 0x1DC0)
                || (c >= 0x2070 && c < 0x20A0)
                || (c >= 0x2100 && c < 0x2150)
                || (c >= 0x2460 && c < 0x2500)
                || (c >= 0x1D400 && c < 0x1D800);
    }

    private static void rest(StringBuilder out, int c) {
        if (Character.isWhitespace(c) || Character.isSpaceChar(c)) {
            out.append(' ');
            return;
        }
        int type = Character.getType(c);
        if (type == Character.FORMAT
                || type == Character.CONTROL
                || type == Character.SURROGATE
                || type == Character.PRIVATE_USE) {
            throw new Refusal(Refusal.Kind.CHARACTER, "control character U+%04X".formatted(c));
        }
        // Normalizing makes garbage, so only what may become one letter or digit is.
        String simple =
                isStyled(c)
                        ? Normalizer.normalize(
                                new String(Character.toChars(c)), Normalizer.Form.NFKC)
                        : "";
        if (simple.length() == 1
                && simple.charAt(0) != c
                && (isLetter(simple.charAt(0)) || isDigit(simple.charAt(0)))) {
            out.append(simple);
        } else if (simple.length() == 1
                && simple.charAt(0) != c
                && GREEK.indexOf(simple.charAt(0)) >= 0) {
            out.append('\\').append(GREEK_NAMES[GREEK.indexOf(simple.charAt(0))]).append(' ');
        } else if (Character.isLetter(c) && c < 0x10000) {
            out.append((char) c);
        } else {
            throw new Refusal(Refusal.Kind.CHARACTER, "character U+%04X".formatted(c));
        }
    }
}
