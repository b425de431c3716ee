package dev.forkpoint.reward.math;

import dev.forkpoint.reward.math.Node.BaseNumber;
import dev.forkpoint.reward.math.Node.Congruence;
import dev.forkpoint.reward.math.Node.Constant;
import dev.forkpoint.reward.math.Node.FiniteSet;
import dev.forkpoint.reward.math.Node.Matrix;
import dev.forkpoint.reward.math.Node.NamedSet;
import dev.forkpoint.reward.math.Node.Num;
import dev.forkpoint.reward.math.Node.PlusMinus;
import dev.forkpoint.reward.math.Node.Power;
import dev.forkpoint.reward.math.Node.Product;
import dev.forkpoint.reward.math.Node.Range;
import dev.forkpoint.reward.math.Node.Ratio;
import dev.forkpoint.reward.math.Node.Relation;
import dev.forkpoint.reward.math.Node.SetOperation;
import dev.forkpoint.reward.math.Node.Sign;
import dev.forkpoint.reward.math.Node.Symbol;
import dev.forkpoint.reward.math.Node.Tuple;
import dev.forkpoint.reward.math.Node.Words;
import dev.forkpoint.reward.math.Token.Kind;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Precedence parser for answers. From loose to tight: lists (, ; and or), comparisons, ∪ ∩ ∖,
 * ratios (:), + − ±, mod, * / and juxtaposition, sign, powers and other postfixes, atoms. Recursion
 * is bounded by {@value #MAX_DEPTH} levels of nesting.
 */
final class Parser {
    static final int MAX_DEPTH = 120;
    private static final Set<String> APPLIED_LETTERS = Set.of("f", "g", "F", "G");
    private static final Set<String> ORDINALS = Set.of("st", "nd", "rd", "th");
    private static final int MAX_BASE_DIGITS = 200;
    private static final List<String> BASES =
            List.of(
                    "",
                    "one",
                    "two",
                    "three",
                    "four",
                    "five",
                    "six",
                    "seven",
                    "eight",
                    "nine",
                    "ten",
                    "eleven",
                    "twelve",
                    "thirteen",
                    "fourteen",
                    "fifteen",
                    "sixteen");
    private static final String LETTER_UNITS = "msghLNJWVKACFTl";
    private static final Set<String> FRACTIONS = Set.of("frac", "dfrac", "tfrac", "cfrac");
    private static final int MAX_SET_OPERATIONS = 256;
    private static final int MAX_INTRODUCTION = 12;
    private static final Set<String> CONDITIONS =
            Set.of("if", "where", "when", "for", "otherwise", "unless", "except", "or", "than");
    private static final Pattern REALS_EXCEPT =
            Pattern.compile(" (?:the )?(?:set of )?(?:all )?real(?: number)?s except(?: for)?");
    private static final Pattern QUANTIFIER =
            Pattern.compile(
                    "for (?:all|every|any|each|some|arbitrary|integers?)(?: (?:real|integers?|numbers?|x|y|n|k|t|values?|of))*");
    private static final Set<String> FILLERS =
            Set.of("approximately", "about", "approx", "exactly", "roughly", "is", "equals");

    private final List<Token> tokens;
    private final Budget budget;
    private final Build build;
    private int at;
    private int depth;
    private int bars;
    private int degrees;
    private int boundI;
    private int setOperations;
    private boolean inCongruence;
    private final boolean dropLetterUnits;
    private boolean letterUnit;

    /**
     * @param dropLetterUnits whether a letter behind a number, such as the m of {@code 5 m}, is a
     *     unit rather than a variable
     */
    Parser(List<Token> tokens, boolean dropLetterUnits, Budget budget) {
        this.dropLetterUnits = dropLetterUnits;
        this.tokens = new ArrayList<>(tokens);
        this.budget = budget;
        this.build = new Build(budget);
    }

    /** The elements of a top-level list, with what separates them. */
    record Elements(List<Node> members, List<Separator> separators) {}

    /** What stands between two elements. */
    enum Separator {
        COMMA,
        SEMICOLON,
        AND,
        OR,
        LINE
    }

    /**
     * Reads the whole answer.
     *
     * @throws Refusal if it is not well-formed
     */
    Elements answer() {
        Elements elements = list();
        if (isQuantifier(peek())) {
            quantifier();
        }
        if (!peek().is(Kind.END)) {
            throw Refusal.syntax("unexpected " + peek());
        }
        return elements;
    }

    /** Whether {@code for all x} and the like begin here. */
    private static boolean isQuantifier(Token token) {
        return (token.is(Kind.TEXT) || token.is(Kind.WORD))
                && (token.text().equals("for") || token.text().startsWith("for "));
    }

    /**
     * Skips {@code for all real x} or {@code for integers n \in \mathbb{Z}} at the end: it says of
     * the variables what they are taken for anyway. Other conditions are refused.
     */
    private void quantifier() {
        StringBuilder words = new StringBuilder();
        for (; !peek().is(Kind.END); at++) {
            Token token = peek();
            if (token.is(Kind.TEXT) || token.is(Kind.WORD)) {
                words.append(' ').append(plainWords(token.text()));
            } else if (!token.is(Kind.LETTER)
                    && !token.isSign(',')
                    && !token.is(Kind.SET)
                    && !token.isRelation("MEMBER")) {
                throw Refusal.syntax("a condition in words");
            }
        }
        if (words.length() > 200 || !QUANTIFIER.matcher(words.substring(1)).matches()) {
            throw Refusal.syntax("a condition in words");
        }
    }

    /** Whether a letter was met that may be a unit. */
    boolean metLetterUnit() {
        return letterUnit;
    }

    private Elements list() {
        List<Node> members = new ArrayList<>();
        List<Separator> separators = new ArrayList<>();
        members.add(element());
        while (true) {
            Separator separator = null;
            if (separator(peek()) == null && peek().isSign('(') && isCondition()) {
                separators.add(Separator.COMMA);
                members.add(element());
                continue;
            }
            while (separator(peek()) != null) {
                Separator next = separator(peek());
                separator =
                        separator == null || next == Separator.AND || next == Separator.OR
                                ? next
                                : separator;
                at++;
            }
            if (separator == null) {
                return new Elements(members, separators);
            }
            if (peek().is(Kind.END) && separator != Separator.AND && separator != Separator.OR) {
                return new Elements(members, separators);
            }
            separators.add(separator);
            members.add(element());
        }
    }

    private static @Nullable Separator separator(Token token) {
        return switch (token.kind()) {
            case AND -> Separator.AND;
            case OR -> Separator.OR;
            case SIGN ->
                    switch (token.text().charAt(0)) {
                        case ',' -> Separator.COMMA;
                        case ';' -> Separator.SEMICOLON;
                        case '\n' -> Separator.LINE;
                        default -> null;
                    };
            default -> null;
        };
    }

    /** A comparison chain, a value, or words. */
    private Node element() {
        if (isHeading(peek(), token(at + 1))
                && !endsElement(token(at + 2))
                && !token(at + 2).is(Kind.WORD)
                && !token(at + 2).is(Kind.TEXT)) {
            at += token(at + 1).isSign(':') ? 2 : 1;
        }
        Node reals = realsExcept();
        if (reals != null) {
            return reals;
        }
        Node words = words();
        return words != null ? words : relation();
    }

    /** {@code all real numbers except 2 and 3}; null and nothing read if it says something else. */
    private @Nullable Node realsExcept() {
        if (!isWordPart(peek())) {
            return null;
        }
        StringBuilder text = new StringBuilder();
        int i = at;
        while (isWordPart(token(i)) && i < at + MAX_INTRODUCTION) {
            text.append(text.length() == 0 || token(i).spaced() ? " " : "");
            text.append(plainWords(token(i++).text()));
        }
        if (!REALS_EXCEPT.matcher(text).matches()) {
            return null;
        }
        at = i;
        return new SetOperation(
                SetOperation.Kind.DIFFERENCE, new NamedSet("R"), new FiniteSet(list().members()));
    }

    /** {@code Domain:} in front of a value. */
    private static boolean isHeading(Token token, Token following) {
        return (token.is(Kind.TEXT) && token.text().length() > 2 && token.text().endsWith(":"))
                || (isWordPart(token) && token.text().length() > 2 && following.isSign(':'));
    }

    private static boolean isWordPart(Token token) {
        return token.is(Kind.LETTER) || token.is(Kind.WORD) || token.is(Kind.TEXT);
    }

    /** The element if it is only words, otherwise null and nothing read. */
    private @Nullable Node words() {
        int i = at;
        StringBuilder text = new StringBuilder();
        boolean word = false;
        for (; !endsElement(tokens.get(i)); i++) {
            Token token = tokens.get(i);
            boolean letters = isWordPart(token) && (word || !isQuantifier(token));
            word |= token.is(Kind.WORD) || (token.is(Kind.TEXT) && token.text().length() > 1);
            boolean hyphen = token.isSign('-') && i > at;
            if (!letters && !hyphen && !token.isSign('\'')) {
                return null;
            }
            text.append(text.length() > 0 && token.spaced() ? " " : "").append(token.text());
        }
        if (!word || i == at) {
            return null;
        }
        at = i;
        String plain = plainWords(text.toString());
        return switch (plain) {
            case "all real numbers",
                    "all reals",
                    "all real x",
                    "all real values",
                    "any real number",
                    "the set of all real numbers",
                    "the set of real numbers",
                    "the real numbers",
                    "real numbers" ->
                    new NamedSet("R");
            case "empty set", "the empty set", "null set" -> new NamedSet("∅");
            default -> new Words(plain);
        };
    }

    /** Lower case, letters and digits, single blanks. */
    static String plainWords(String text) {
        StringBuilder out = new StringBuilder();
        boolean gap = false;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (Character.isLetterOrDigit(c)) {
                if (gap && out.length() > 0) {
                    out.append(' ');
                }
                gap = false;
                out.append(Character.toLowerCase(c));
            } else if (c != '\'') {
                gap = true;
            }
        }
        return out.toString();
    }

    private static boolean endsElement(Token token) {
        return token.is(Kind.END)
                || separator(token) != null
                || token.isSign('}')
                || token.isSign(')')
                || token.isSign(']')
                || token.isSign('⦄');
    }

    private Node relation() {
        enter();
        List<Node> sides = new ArrayList<>();
        List<Sign> signs = new ArrayList<>();
        if (peek().is(Kind.RELATION)
                && (peek().text().equals("APPROX") || (at == 0 && peek().text().equals("EQUAL")))) {
            at++;
        }
        sides.add(sets());
        while (peek().is(Kind.RELATION)) {
            String name = next().text();
            if (name.equals("APPROX")) {
                // What is only approximately equal is no part of the answer, unless a name is all
                // that stands before it.
                Node rounded = sets();
                if (signs.isEmpty() && Reading.isName(sides.get(0))) {
                    sides.set(0, rounded);
                }
                continue;
            }
            signs.add(Sign.valueOf(name));
            inCongruence |= name.equals("CONGRUENT");
            Node words = words();
            sides.add(words != null ? words : sets());
        }
        Node stated =
                signs.isEmpty()
                        ? sides.get(0)
                        : new Relation(List.copyOf(sides), List.copyOf(signs));
        Node modulus = modulus();
        inCongruence = false;
        depth--;
        if (modulus == null) {
            return stated;
        }
        if (!signs.stream().allMatch(sign -> sign == Sign.CONGRUENT || sign == Sign.EQUAL)) {
            throw Refusal.syntax("a modulus behind an inequality");
        }
        return new Congruence(sides.get(0), sides.get(sides.size() - 1), modulus);
    }

    /** {@code \pmod 7}, {@code (mod 7)}, and {@code \mod 7} behind ≡; null if there is none. */
    private @Nullable Node modulus() {
        if (peek().isCommand("pmod") || (inCongruence && isRemainder(peek()))) {
            boolean argument = next().isCommand("pmod");
            return argument ? argument(true) : factor();
        }
        if (peek().isSign('(') && isRemainder(tokens.get(at + 1))) {
            at += 2;
            Node modulus = sum();
            expect(')');
            return modulus;
        }
        return null;
    }

    private static boolean isRemainder(Token token) {
        return token.isCommand("mod") || token.isCommand("bmod");
    }

    private Node sets() {
        Node left = ratio();
        while (true) {
            SetOperation.Kind kind;
            if (peek().isSign('∪')) {
                kind = SetOperation.Kind.UNION;
            } else if (peek().isSign('∩')) {
                kind = SetOperation.Kind.INTERSECTION;
            } else if (peek().isSign('∖') || (peek().isSign('-') && left instanceof NamedSet)) {
                kind = SetOperation.Kind.DIFFERENCE;
            } else {
                return left;
            }
            at++;
            if (++setOperations > MAX_SET_OPERATIONS) {
                throw new Refusal(
                        Refusal.Kind.SIZE,
                        "more than %d sets joined".formatted(MAX_SET_OPERATIONS));
            }
            left = new SetOperation(kind, set(left), set(ratio()));
        }
    }

    /** A number where a set is needed is the set of that number. */
    private static Node set(Node node) {
        return node.isScalar() ? new FiniteSet(List.of(node)) : node;
    }

    private Node ratio() {
        int start = at;
        Node based = baseNumber();
        Node first = based != null ? based : sum();
        if (!isColon()) {
            return first;
        }
        List<Node> terms = new ArrayList<>();
        terms.add(first);
        while (isColon()) {
            at++;
            terms.add(sum());
        }
        boolean clock =
                (at - start == 3 || isHalfOfDay(start + 3))
                        && isClockPart(tokens.get(start))
                        && isClockPart(tokens.get(start + 2))
                        && tokens.get(start + 2).text().length() == 2;
        return new Ratio(List.copyOf(terms), clock);
    }

    /** A colon, or the "to" of {@code 3 to 4}. */
    private boolean isColon() {
        return peek().isSign(':') || isTo(peek());
    }

    private boolean isTo(Token token) {
        return (token.is(Kind.TEXT) || token.is(Kind.WORD))
                && token.text().equals("to")
                && token(at + 1).is(Kind.NUMBER);
    }

    /** Whether the tokens read since say a.m. or p.m. */
    private boolean isHalfOfDay(int from) {
        StringBuilder words = new StringBuilder();
        for (int i = from; i < at && isWordPart(token(i)); i++) {
            words.append(plainWords(token(i).text()).replace(" ", ""));
        }
        return words.length() == 2 && (words.indexOf("am") == 0 || words.indexOf("pm") == 0);
    }

    /**
     * {@code 2A3_{16}}, {@code (101)_2}, {@code 101_{\text{two}}}; null and nothing read if none.
     */
    private @Nullable Node baseNumber() {
        boolean round = peek().isSign('(');
        int i = round ? at + 1 : at;
        StringBuilder digits = new StringBuilder();
        while (digits.length() <= MAX_BASE_DIGITS
                && (isPlainWhole(token(i)) || isDigitLetters(token(i)))
                && (digits.length() == 0 || !token(i).spaced())) {
            digits.append(token(i++).text());
        }
        boolean closed = !round || token(i++).isSign(')');
        boolean started = digits.length() > 0 && Character.isLetterOrDigit(digits.charAt(0));
        if (!closed || !started || !token(i).isSign('_')) {
            return null;
        }
        Token mark = token(i + 1);
        boolean braced = mark.isSign('{');
        mark = braced ? token(i + 2) : mark;
        int base =
                mark.is(Kind.TEXT) || mark.is(Kind.WORD)
                        ? BASES.indexOf(mark.text().toLowerCase(Locale.ROOT))
                        : isPlainWhole(mark) && mark.text().length() <= 2
                                ? Integer.parseInt(mark.text())
                                : -1;
        if (base < 2
                || base > 36
                || (braced && !token(i + 3).isSign('}'))
                || !digits.chars().allMatch(c -> Character.digit(c, base) >= 0)) {
            return null;
        }
        at = i + (braced ? 4 : 2);
        return new BaseNumber(stripZeros(digits.toString()), base);
    }

    private static boolean isDigitLetters(Token token) {
        return (token.is(Kind.LETTER) || token.is(Kind.TEXT))
                && token.text()
                        .chars()
                        .allMatch(c -> (c >= 'A' && c <= 'Z') || Character.digit(c, 10) >= 0);
    }

    private static boolean isClockPart(Token token) {
        return token.is(Kind.NUMBER) && token.text().length() <= 2;
    }

    private Node sum() {
        enter();
        List<Node> terms = new ArrayList<>();
        terms.add(term());
        while (true) {
            Token token = peek();
            if (token.isSign('+')) {
                at++;
                terms.add(term());
            } else if (token.isSign('-') && !(terms.get(0) instanceof NamedSet)) {
                at++;
                terms.add(build.negate(term()));
            } else if (token.isSign('±') || token.isSign('∓')) {
                at++;
                terms.add(new PlusMinus(token.isSign('±'), term()));
            } else {
                depth--;
                Node sum = terms.size() == 1 ? terms.get(0) : build.sum(terms);
                if (bars == 0 && peek().isCommand("over")) {
                    at++;
                    return build.divide(sum, sum());
                }
                return sum;
            }
        }
    }

    /** A product with its sign, or a remainder. */
    private Node term() {
        boolean negative = false;
        boolean signed = false;
        while (peek().isSign('-') || peek().isSign('+')) {
            if (peek().isSign('+') && signed) {
                throw Refusal.syntax("two signs");
            }
            negative ^= next().isSign('-');
            signed = true;
        }
        Node value;
        if (!signed && (peek().isSign('±') || peek().isSign('∓'))) {
            value = new PlusMinus(next().isSign('±'), product());
        } else {
            value = product();
        }
        value = negative ? build.negate(value) : value;
        while (!inCongruence && isRemainder(peek())) {
            at++;
            value = build.call("mod", List.of(value, product()));
        }
        return value;
    }

    private Node product() {
        enter();
        Node first = factor();
        List<Node> factors = null;
        while (true) {
            Token token = peek();
            boolean divide = false;
            if (token.isSign('*')) {
                at++;
            } else if (token.isSign('/')) {
                at++;
                if (peek().is(Kind.TEXT) || peek().is(Kind.WORD)) {
                    unit();
                    continue;
                }
                if (tokens.get(at - 2).is(Kind.WORD)
                        && peek().is(Kind.LETTER)
                        && LETTER_UNITS.contains(peek().text())) {
                    unit();
                    continue;
                }
                divide = true;
            } else if (isTo(token) || isQuantifier(token)) {
                break;
            } else if (token.is(Kind.TEXT) || token.is(Kind.WORD)) {
                unit();
                continue;
            } else if (unitInBrackets() || unitFraction()) {
                continue;
            } else if (isLetterUnit()) {
                letterUnit = true;
                if (dropLetterUnits) {
                    unit();
                    continue;
                }
                if (!startsFactor(token)) {
                    break;
                }
            } else if (!startsFactor(token)) {
                break;
            } else if (token.is(Kind.NUMBER) && tokens.get(at - 1).is(Kind.NUMBER)) {
                first = mixed(first);
                while (peek().isSign('%') || peek().is(Kind.DEGREE)) {
                    at++;
                }
                continue;
            }
            if (factors == null) {
                factors = new ArrayList<>();
                factors.add(first);
            }
            Node factor = signedFactor();
            factors.add(divide ? build.power(factor, Build.MINUS_ONE) : factor);
        }
        depth--;
        return factors == null ? first : build.product(factors);
    }

    /** {@code 3 1/2}: a whole number before a plain fraction. */
    private Node mixed(Node whole) {
        boolean fraction = tokens.get(at + 1).isSign('/') && tokens.get(at + 2).is(Kind.NUMBER);
        if (!fraction
                || !isPlainWhole(tokens.get(at - 1))
                || !isPlainWhole(peek())
                || !isPlainWhole(tokens.get(at + 2))) {
            throw Refusal.syntax("two numbers side by side");
        }
        Node top = number(next());
        at++;
        return build.sum(whole, build.divide(top, number(next())));
    }

    private static boolean isPlainWhole(Token token) {
        return token.is(Kind.NUMBER)
                && token.text().length() <= 18
                && token.text().chars().allMatch(Character::isDigit);
    }

    /**
     * Whether a letter here may be a unit: {@code 5 m}, at the end or before a slash or an
     * exponent.
     */
    private boolean isLetterUnit() {
        Token token = peek();
        if (!tokens.get(at - 1).is(Kind.NUMBER)) {
            return false;
        }
        if (token.isCommand("mu") && isUnit(tokens.get(at + 1))) {
            return true;
        }
        if (!token.isCommand("Omega")
                && (!token.is(Kind.LETTER)
                        || !token.spaced()
                        || !LETTER_UNITS.contains(token.text()))) {
            return false;
        }
        Token following = tokens.get(at + 1);
        return endsElement(following) || following.isSign('/') || following.isSign('^');
    }

    /** Skips {@code (cm)} and {@code [\text{cm}]} behind a value. */
    private boolean unitInBrackets() {
        int i = at + 1;
        if (!peek().isSign('(') && !peek().isSign('[')) {
            return false;
        }
        while (token(i).is(Kind.WORD) || token(i).is(Kind.TEXT)) {
            i++;
        }
        boolean closed = token(i).isSign(peek().isSign('(') ? ')' : ']');
        if (!closed || i == at + 1 || (i == at + 2 && token(at + 1).text().length() < 2)) {
            return false;
        }
        at = i + 1;
        return true;
    }

    /** Skips {@code \frac{\text{km}}{\text{h}}} behind a value. */
    private boolean unitFraction() {
        if (!peek().is(Kind.COMMAND) || !FRACTIONS.contains(peek().text())) {
            return false;
        }
        int i = at + 1;
        boolean letters = false;
        for (int part = 0; part < 2; part++) {
            int start = i + 1;
            if (!token(i++).isSign('{')) {
                return false;
            }
            while (token(i).is(Kind.TEXT)
                    || token(i).is(Kind.WORD)
                    || (token(i).is(Kind.LETTER) && isUnit(token(i)))) {
                letters |= token(i++).is(Kind.LETTER);
            }
            if (token(i).isSign('^') && i > start) {
                i += token(i + 1).isSign('{') ? 4 : 2;
            }
            if (i == start || !token(i++).isSign('}')) {
                return false;
            }
        }
        if (!endsElement(token(i))) {
            return false;
        }
        letterUnit |= letters;
        if (letters && !dropLetterUnits) {
            return false;
        }
        at = i;
        return true;
    }

    /** A unit behind a value is dropped, with its exponent and what it is divided by. */
    private void unit() {
        boolean first = true;
        if (peek().is(Kind.COMMAND)) {
            at++;
            first = peek().is(Kind.LETTER);
        }
        while (peek().is(Kind.TEXT) || peek().is(Kind.WORD) || (peek().is(Kind.LETTER) && first)) {
            first = false;
            String word = plainWords(peek().text());
            if (CONDITIONS.contains(word.contains(" ") ? word.split(" ")[0] : word)) {
                throw Refusal.syntax("a condition in words");
            }
            at++;
            if (peek().isSign('^')) {
                at++;
                if (peek().isSign('-')) {
                    at++;
                }
                argument(true);
            }
            if (peek().isSign('/') && isUnit(tokens.get(at + 1))) {
                at++;
                first = true;
            } else if (peek().isSign('*') && token(at + 1).is(Kind.TEXT)) {
                at++;
            }
        }
        boolean fraction = peek().is(Kind.COMMAND) && FRACTIONS.contains(peek().text());
        if (peek().is(Kind.NUMBER) || fraction) {
            // 5 feet 3 inches is no product.
            throw Refusal.syntax("two amounts");
        }
    }

    private static boolean isUnit(Token token) {
        return token.is(Kind.TEXT)
                || token.is(Kind.WORD)
                || (token.is(Kind.LETTER) && LETTER_UNITS.contains(token.text()));
    }

    /** A factor after * or /, which may carry a sign: {@code 2 * -3}. */
    private Node signedFactor() {
        boolean negative = false;
        while (peek().isSign('-')
                && (tokens.get(at - 1).isSign('*') || tokens.get(at - 1).isSign('/') || negative)) {
            negative = !negative;
            at++;
            if (!negative) {
                break;
            }
        }
        Node factor = factor();
        return negative ? build.negate(factor) : factor;
    }

    private boolean startsFactor(Token token) {
        return switch (token.kind()) {
            case NUMBER, REPEATING, LETTER, BEGIN -> true;
            case SET -> false;
            case COMMAND -> !CLOSING.contains(token.text());
            case SIGN ->
                    switch (token.text().charAt(0)) {
                        case '(' -> !token(at + 1).isCommand("mod") && !isCondition();
                        case '[' -> !closesInterval();
                        case '{', '⦃' -> true;
                        case '|' -> bars == 0;
                        default -> false;
                    };
            default -> false;
        };
    }

    private static final Set<String> CLOSING =
            Set.of(
                    "rfloor",
                    "rceil",
                    "rangle",
                    "lrcorner",
                    "urcorner",
                    "mod",
                    "bmod",
                    "pmod",
                    "choose",
                    "over",
                    "to",
                    "rightarrow",
                    "atop");

    /** An atom with its postfixes. */
    private Node factor() {
        enter();
        Token first = peek();
        Node value = atom();
        boolean primed = false;
        while (true) {
            Token token = peek();
            if (token.isSign('^')) {
                at++;
                value = raised(value);
            } else if (token.isSign('_')) {
                at++;
                value = subscripted(value, first);
            } else if (token.isSign('!')) {
                at++;
                boolean twice = peek().isSign('!');
                if (twice) {
                    at++;
                }
                value = build.call(twice ? "factorial2" : "factorial", List.of(value));
            } else if (token.isSign('%')) {
                at++;
            } else if (token.is(Kind.DEGREE)) {
                at++;
                degrees++;
                if (peek().is(Kind.LETTER)
                        && (peek().text().equals("C") || peek().text().equals("F"))) {
                    at++;
                }
            } else if (token.isSign('\'')) {
                at++;
                value = new Symbol(name(value) + "'");
                primed = true;
            } else if (primed && token.isSign('(') && value instanceof Symbol function) {
                value = applied(function.name());
            } else {
                depth--;
                return value;
            }
        }
    }

    private Node raised(Node base) {
        if (peek().isSign('\'') || (peek().isSign('{') && tokens.get(at + 1).isSign('\''))) {
            boolean braced = peek().isSign('{');
            at += braced ? 1 : 0;
            StringBuilder primes = new StringBuilder();
            while (peek().isSign('\'')) {
                at++;
                primes.append('\'');
            }
            if (braced) {
                expect('}');
            }
            return new Symbol(name(base) + primes);
        }
        if (peek().isSign('*')) {
            at++;
            return new Symbol(name(base) + "*");
        }
        if (ordinal()) {
            return base;
        }
        boolean negative = false;
        while (peek().isSign('-') || peek().isSign('+')) {
            negative ^= next().isSign('-');
        }
        Node exponent = argument(true);
        if (peek().isSign('^')) {
            // a^b^c is a^(b^c) in plain text, and an error in LaTeX.
            at++;
            exponent = build.power(exponent, argument(true));
        }
        return build.power(base, negative ? build.negate(exponent) : exponent);
    }

    /** Skips the raised ending of 3rd or 7th. */
    private boolean ordinal() {
        int start = at;
        boolean braced = peek().isSign('{');
        at += braced ? 1 : 0;
        StringBuilder word = new StringBuilder();
        while (word.length() < 2
                && (peek().is(Kind.TEXT) || peek().is(Kind.WORD) || peek().is(Kind.LETTER))) {
            word.append(next().text());
        }
        boolean ordinal =
                ORDINALS.contains(word.toString().toLowerCase(Locale.ROOT))
                        && (!braced || peek().isSign('}'));
        at = ordinal ? at + (braced ? 1 : 0) : start;
        return ordinal;
    }

    private Node subscripted(Node base, Token first) {
        if (base instanceof Num number && number.value().isWhole() && first.is(Kind.NUMBER)) {
            Node sub = argument(true);
            if (sub instanceof Num subscript && subscript.value().isInt()) {
                int radix = subscript.value().intValue();
                String digits = first.text();
                boolean valid =
                        radix >= 2
                                && radix <= 36
                                && digits.chars().allMatch(c -> Character.digit(c, radix) >= 0);
                if (valid) {
                    return new BaseNumber(stripZeros(digits), radix);
                }
            }
            throw Refusal.syntax("digits that do not fit their base");
        }
        if (base instanceof Power power && power.base() instanceof Symbol symbol) {
            return build.power(new Symbol(symbol.name() + "_" + subscript()), power.exponent());
        }
        if (base instanceof Constant constant && constant != Constant.INFINITY) {
            return new Symbol(constant.name().toLowerCase(Locale.ROOT) + "_" + subscript());
        }
        return new Symbol(name(base) + "_" + subscript());
    }

    /** A subscript as it is written, without blanks and braces. */
    private String subscript() {
        StringBuilder text = new StringBuilder();
        if (!peek().isSign('{')) {
            return next().text();
        }
        int level = 0;
        do {
            Token token = next();
            if (token.is(Kind.END)) {
                throw Refusal.syntax("a brace that is not closed");
            }
            level += token.isSign('{') ? 1 : token.isSign('}') ? -1 : 0;
            if (!token.isSign('{') && !token.isSign('}')) {
                text.append(token.text());
            }
        } while (level > 0);
        if (text.length() == 0) {
            throw Refusal.syntax("an empty subscript");
        }
        return text.toString();
    }

    private static String name(Node node) {
        if (node instanceof Symbol symbol) {
            return symbol.name();
        }
        if (node instanceof Constant constant && constant != Constant.INFINITY) {
            return constant.name().toLowerCase(Locale.ROOT);
        }
        throw Refusal.syntax("a mark on something that is no name");
    }

    private Node atom() {
        Token token = next();
        switch (token.kind()) {
            case NUMBER:
                return numberOrMixed(token);
            case REPEATING:
                return repeating(token.text());
            case LETTER:
                return letter(token.text());
            case WORD:
            case TEXT:
                return word(token);
            case SET:
                return new NamedSet(token.text() + positive());
            case BEGIN:
                return environment(token.text());
            case COMMAND:
                return command(token.text());
            case SIGN:
                return bracketed(token);
            default:
                throw Refusal.syntax("unexpected " + token);
        }
    }

    /** The + of {@code \mathbb{Z}^+} and {@code \mathbb{R}_{>0}}, or an empty text. */
    private String positive() {
        if (peek().isSign('_')) {
            at++;
            return switch (subscript()) {
                case "+", "GREATER0" -> "+";
                case "-", "LESS0" -> "-";
                case "GREATER_OR_EQUAL0" -> "0+";
                case "LESS_OR_EQUAL0" -> "0-";
                default -> throw Refusal.syntax("a set with an unknown mark");
            };
        }
        int i = at + (token(at + 1).isSign('{') ? 2 : 1);
        if (!peek().isSign('^') || !(token(i).isSign('+') || token(i).isSign('-'))) {
            return "";
        }
        at = i + (i == at + 2 ? 2 : 1);
        return token(i).text();
    }

    /** A word in front: a name; or a filler such as "about", which is dropped. */
    private Node word(Token token) {
        String word = plainWords(token.text());
        boolean introduces =
                FILLERS.contains(word)
                        || (token.is(Kind.TEXT) && (word.endsWith(" is") || word.endsWith(" are")));
        if (introduces && startsFactor(peek())) {
            return factor();
        }
        if (word.isEmpty()) {
            throw Refusal.syntax("unexpected " + token);
        }
        if (token.is(Kind.TEXT) && token.text().length() == 1) {
            return letter(token.text());
        }
        if (peek().is(Kind.WORD) || peek().is(Kind.TEXT) || peek().is(Kind.NUMBER)) {
            throw Refusal.syntax("words and numbers mixed");
        }
        return new Symbol("\"" + word);
    }

    private Node numberOrMixed(Token token) {
        Node whole = number(token);
        boolean fraction = peek().is(Kind.COMMAND) && FRACTIONS.contains(peek().text());
        if (fraction && !unitFraction() && isPlainWhole(token)) {
            int start = at;
            at++;
            Node part = fraction();
            if (part instanceof Num number
                    && number.value().signum() > 0
                    && number.value().compareTo(Rational.ONE) < 0
                    && isDigitsOnly(start, at)) {
                return build.sum(whole, part);
            }
            at = start;
        }
        return whole;
    }

    private boolean isDigitsOnly(int from, int to) {
        for (int i = from; i < to; i++) {
            Token token = tokens.get(i);
            if (!token.is(Kind.NUMBER)
                    && !token.is(Kind.COMMAND)
                    && !token.isSign('{')
                    && !token.isSign('}')) {
                return false;
            }
        }
        return true;
    }

    private Node number(Token token) {
        String text = token.text();
        budget.charge(1 + text.length() / 16);
        int e = Math.max(text.indexOf('e'), text.indexOf('E'));
        String mantissa = e < 0 ? text : text.substring(0, e);
        int point = mantissa.indexOf('.');
        int scale = point < 0 ? 0 : mantissa.length() - point - 1;
        String digits =
                stripZeros(
                        point < 0
                                ? mantissa
                                : mantissa.substring(0, point) + mantissa.substring(point + 1));
        if (digits.length() > 2_000) {
            if (scale > 0 || e >= 0) {
                throw new Refusal(Refusal.Kind.SIZE, "a decimal of more than 2,000 digits");
            }
            return new Node.Digits(digits);
        }
        Rational value = Rational.of(new BigInteger(digits));
        long exponent = (e < 0 ? 0 : Long.parseLong(text.substring(e + 1))) - scale;
        if (exponent == 0) {
            return new Num(value);
        }
        if (Math.abs(exponent) > 3_000) {
            return build.product(new Num(value), build.power(Build.num(10), Build.num(exponent)));
        }
        Rational scaled = value.times(Rational.of(10).power((int) exponent));
        return scale > 0 && e < 0 ? new Num(scaled, digits.length(), scale) : new Num(scaled);
    }

    private static String stripZeros(String digits) {
        int i = 0;
        while (i < digits.length() - 1 && digits.charAt(i) == '0') {
            i++;
        }
        return digits.substring(i);
    }

    private static Node repeating(String text) {
        String[] parts = text.split("\\|", -1);
        BigInteger all = new BigInteger("0" + parts[0] + parts[1] + parts[2]);
        BigInteger fixed = new BigInteger("0" + parts[0] + parts[1]);
        BigInteger nines = BigInteger.TEN.pow(parts[2].length()).subtract(BigInteger.ONE);
        return new Num(
                Rational.of(
                        all.subtract(fixed),
                        nines.multiply(BigInteger.TEN.pow(parts[1].length()))));
    }

    private Node letter(String letter) {
        if (Character.isUpperCase(letter.charAt(0)) && peek().isSign('(') && isPoint()) {
            return atom();
        }
        if (APPLIED_LETTERS.contains(letter) && peek().isSign('(')) {
            return applied(letter);
        }
        return switch (letter) {
            case "e" -> Constant.E;
            case "i" -> boundI > 0 ? new Symbol("i") : Constant.I;
            default -> new Symbol(letter);
        };
    }

    /** Whether a bracket with a comma follows and ends the element: {@code A(1, 2)}. */
    private boolean isPoint() {
        int level = 0;
        boolean comma = false;
        for (int i = at; i < tokens.size(); i++) {
            Token token = token(i);
            budget.charge(1);
            if (token.isSign('(') || token.isSign('[') || token.isSign('{') || token.isSign('⦃')) {
                level++;
            } else if (token.isSign(')')
                    || token.isSign(']')
                    || token.isSign('}')
                    || token.isSign('⦄')) {
                if (--level == 0) {
                    return comma && endsElement(token(i + 1));
                }
            } else if (level == 1) {
                comma |= separator(token) == Separator.COMMA;
            }
        }
        return false;
    }

    /** A function by a letter's name, applied to the bracket that follows. */
    private Node applied(String name) {
        return build.call("·" + name, arguments());
    }

    private Node command(String name) {
        switch (name) {
            case "frac", "dfrac", "tfrac", "cfrac":
                return fraction();
            case "sqrt":
                return root();
            case "binom", "dbinom", "tbinom", "binomial":
                return binomial();
            case "dots":
                // Of a list only: no digits that go on, which nobody wrote out.
                if (tokens.get(Math.max(0, at - 2)).is(Kind.NUMBER)) {
                    throw Refusal.syntax("dots");
                }
                return new Symbol("…");
            case "pi":
                return Constant.PI;
            case "infty", "infinity", "inf":
                return Constant.INFINITY;
            case "imath", "imaginaryI", "imaginaryJ":
                return Constant.I;
            case "exponentialE":
                return Constant.E;
            case "exp":
                return exponential();
            case "lfloor", "llcorner":
                return enclosed("floor", name.equals("lfloor") ? "rfloor" : "lrcorner");
            case "lceil", "ulcorner":
                return enclosed("ceil", name.equals("lceil") ? "rceil" : "urcorner");
            case "langle":
                return angleBrackets();
            case "sum", "prod":
                return range(name.equals("prod"));
            case "int", "iint", "oint", "lim", "limsup", "liminf", "sup", "inf ":
                return opaque(name);
            case "mod", "bmod":
                if (peek().isSign('(')) {
                    return build.call("mod", arguments());
                }
                throw Refusal.syntax("mod without a left side");
            case "pmatrix", "matrix":
                throw Refusal.syntax("\\" + name);
            default:
                break;
        }
        if (Vocabulary.ACCENTS.contains(name)) {
            String letter = subscript().replace("imath", "i").replace("jmath", "j");
            if (name.equals("hat") && letter.length() == 1 && "ijk".contains(letter)) {
                return letter(letter);
            }
            return new Symbol(name + "(" + letter + ")");
        }
        String function = Vocabulary.function(name);
        if (function != null) {
            return function(function);
        }
        if (Vocabulary.SYMBOLS.contains(name)) {
            return new Symbol(name);
        }
        throw Refusal.syntax("the command \\" + name);
    }

    private Node fraction() {
        Node top = argument(false);
        Node bottom = argument(false);
        Node derivative = derivative(top, bottom);
        return derivative != null ? derivative : build.divide(top, bottom);
    }

    /**
     * {@code \frac{dy}{dx}} is the operator d/dx times y, no quotient whose d cancels; null for
     * other fractions.
     */
    private @Nullable Node derivative(Node top, Node bottom) {
        if (!(bottom instanceof Product below) || !startsWithD(below.factors().get(0))) {
            return null;
        }
        boolean product = top instanceof Product above && startsWithD(above.factors().get(0));
        if (!startsWithD(top) && !product) {
            return null;
        }
        List<Node> factors = product ? ((Product) top).factors() : List.of(top);
        List<Node> operands = new ArrayList<>(factors.subList(1, factors.size()));
        operands.add(0, new Symbol("d[" + factors.get(0) + "]/d[" + bottom + "]"));
        return build.product(operands);
    }

    private static boolean startsWithD(Node node) {
        Node base = node instanceof Power power ? power.base() : node;
        return base instanceof Symbol symbol
                && (symbol.name().equals("d") || symbol.name().equals("partial"));
    }

    private Node root() {
        Node degree = null;
        if (peek().isSign('[')) {
            at++;
            degree = sum();
            expect(']');
        }
        Node radicand = peek().isSign('(') ? group() : argument(true);
        if (degree == null) {
            return build.power(radicand, new Num(Rational.of(BigInteger.ONE, BigInteger.TWO)));
        }
        boolean odd =
                degree instanceof Num number
                        && number.value().isInt()
                        && (number.value().intValue() & 1) == 1;
        if (odd && radicand instanceof Num number && number.value().signum() < 0) {
            return build.negate(
                    build.power(build.negate(radicand), build.power(degree, Build.MINUS_ONE)));
        }
        if (odd && isNegative(radicand)) {
            return build.negate(
                    build.power(build.negate(radicand), build.power(degree, Build.MINUS_ONE)));
        }
        if (degree instanceof Num number && number.value().isZero()) {
            throw Refusal.undefined("a zeroth root");
        }
        return build.power(radicand, build.power(degree, Build.MINUS_ONE));
    }

    /** Whether a constant is real and negative: its odd root is then the real one. */
    private boolean isNegative(Node radicand) {
        Complex value = radicand instanceof Num ? null : new Scalars(budget).value(radicand);
        return value != null && value.isNearlyReal() && value.re().signum() < 0;
    }

    private Node binomial() {
        if (peek().isSign('(')) {
            List<Node> arguments = arguments();
            if (arguments.size() != 2) {
                throw Refusal.syntax("a binomial of %d numbers".formatted(arguments.size()));
            }
            return build.call("binomial", arguments);
        }
        return build.call("binomial", List.of(argument(false), argument(false)));
    }

    private Node exponential() {
        if (peek().isSign('^')) {
            at++;
            Node power = argument(true);
            return build.power(build.power(Constant.E, functionArgument()), power);
        }
        return build.power(Constant.E, functionArgument());
    }

    private Node enclosed(String function, String close) {
        int outer = bars;
        bars = 0;
        Node value = sum();
        bars = outer;
        if (!next().isCommand(close)) {
            throw Refusal.syntax("\\" + close + " is missing");
        }
        return build.call(function, List.of(value));
    }

    private Node angleBrackets() {
        Elements elements = list();
        if (!next().isCommand("rangle")) {
            throw Refusal.syntax("\\rangle is missing");
        }
        return new Tuple(elements.members(), true, true);
    }

    /** A function with its subscript, power and argument. */
    private Node function(String name) {
        Node base = null;
        Node power = null;
        while (peek().isSign('_') || peek().isSign('^')) {
            if (next().isSign('_')) {
                // \log_28 is the logarithm of 8 to base 2, \log_10 2 that of 2 to base 10.
                Token after = token(at + 1);
                boolean whole = startsFactor(after) || after.isSign('^') || after.isSign('-');
                base = argument(whole || !isPlainWhole(peek()));
            } else {
                boolean negative = peek().isSign('-');
                at += negative ? 1 : 0;
                power = argument(true);
                power = negative ? build.negate(power) : power;
            }
        }
        String inverse = Vocabulary.inverse(name);
        String called = name;
        if (power != null && power.equals(Build.MINUS_ONE) && inverse != null) {
            called = inverse;
            power = null;
        }
        int before = degrees;
        Node value;
        if (Vocabulary.VARIADIC.contains(called)) {
            value =
                    build.call(
                            called,
                            peek().isSign('(') || peek().isSign('{') || peek().isSign('⦃')
                                    ? arguments()
                                    : List.of(functionArgument()));
        } else {
            Node argument = functionArgument();
            if (called.equals("det")) {
                value =
                        argument instanceof Matrix matrix
                                ? build.determinant(matrix)
                                : build.call("det", List.of(argument));
            } else {
                value = call(called, base, argument, degrees > before);
            }
        }
        return power == null ? value : build.power(value, power);
    }

    private Node call(String name, @Nullable Node base, Node argument, boolean inDegrees) {
        if (name.equals("log") && base != null) {
            return base == Constant.E
                    ? build.call("ln", List.of(argument))
                    : build.call("logbase", List.of(base, argument));
        }
        if (name.equals("cis")) {
            Node angle = inDegrees ? radians(argument) : argument;
            return build.power(Constant.E, build.product(Constant.I, angle));
        }
        if (name.equals("lg")) {
            return build.call("logbase", List.of(Build.num(10), argument));
        }
        if (base != null) {
            throw Refusal.syntax("a subscript on " + name);
        }
        if (inDegrees && Vocabulary.TRIGONOMETRIC.contains(name)) {
            return build.call(name, List.of(radians(argument)));
        }
        return build.call(name, List.of(argument));
    }

    private Node radians(Node degrees) {
        return build.product(
                List.of(
                        degrees,
                        Constant.PI,
                        new Num(Rational.of(BigInteger.ONE, BigInteger.valueOf(180)))));
    }

    /** A bracket, or the factors that follow without + − * or another function. */
    private Node functionArgument() {
        enter();
        Token token = peek();
        Node value;
        if (token.isSign('(') || token.isSign('{') || token.isSign('⦃') || token.isSign('[')) {
            value = atom();
        } else {
            boolean negative = token.isSign('-');
            at += negative ? 1 : 0;
            if (!startsFactor(peek())) {
                throw Refusal.syntax("a function without argument");
            }
            List<Node> factors = new ArrayList<>();
            boolean function;
            do {
                function = peek().is(Kind.COMMAND) && isFunction(peek().text());
                factors.add(factor());
            } while (!function
                    && startsFactor(peek())
                    && !(peek().is(Kind.COMMAND) && isFunction(peek().text()))
                    && !peek().isSign('('));
            value = factors.size() == 1 ? factors.get(0) : build.product(factors);
            if (peek().isSign('/') && tokens.get(at + 1).is(Kind.NUMBER) && isConstant(value)) {
                at++;
                value = build.divide(value, factor());
            }
            value = negative ? build.negate(value) : value;
        }
        depth--;
        return value;
    }

    private static boolean isConstant(Node node) {
        return node == Constant.PI
                || (node instanceof Product product
                        && product.factors().stream()
                                .allMatch(f -> f instanceof Num || f == Constant.PI));
    }

    private static boolean isFunction(String name) {
        return Vocabulary.function(name) != null || name.equals("exp");
    }

    /** The members of a bracket of any kind. */
    private List<Node> arguments() {
        Token open = next();
        char close = open.isSign('(') ? ')' : open.isSign('[') ? ']' : open.isSign('{') ? '}' : '⦄';
        if (open.isSign('{') && peek().isSign('(') || open.isSign('{') && peek().isSign('⦃')) {
            List<Node> inner = arguments();
            expect('}');
            return inner;
        }
        int outer = bars;
        bars = 0;
        Elements elements = list();
        bars = outer;
        expect(close);
        return elements.members();
    }

    private Node range(boolean product) {
        Node low = null;
        Node high = null;
        String variable = null;
        while (peek().isSign('_') || peek().isSign('^')) {
            if (next().isSign('_')) {
                Node bound = argument(true, true);
                if (!(bound instanceof Relation relation)
                        || !relation.isEquation()
                        || relation.sides().size() != 2) {
                    throw Refusal.syntax("a range without variable and start");
                }
                variable =
                        relation.sides().get(0) == Constant.I ? "i" : name(relation.sides().get(0));
                low = relation.sides().get(1);
            } else {
                high = argument(true);
            }
        }
        if (low == null || high == null || variable == null) {
            throw Refusal.syntax("a range without bounds");
        }
        boolean index = variable.equals("i");
        boundI += index ? 1 : 0;
        Node body = product();
        boundI -= index ? 1 : 0;
        if (!low.isScalar() || !high.isScalar() || !body.isScalar()) {
            throw Refusal.syntax("a range of something else than numbers");
        }
        return new Range(product, variable, low, high, body);
    }

    /** Limits and integrals are not computed: they equal only themselves. */
    private Node opaque(String name) {
        String low = "";
        String high = "";
        while (peek().isSign('_') || peek().isSign('^')) {
            if (next().isSign('_')) {
                low = subscript();
            } else {
                high = subscript();
            }
        }
        if (name.equals("lim")) {
            low = low.replaceAll("(?i)(long)?right(arrow)|to", ">").replaceAll("\\^\\+$", "");
        }
        return build.call("¬" + name + "_" + low + "^" + high, List.of(product()));
    }

    /**
     * A LaTeX argument: a brace group, or one token. A number is one digit in LaTeX, and the whole
     * number where people mean it.
     */
    private Node argument(boolean wholeNumber) {
        return argument(wholeNumber, false);
    }

    private Node argument(boolean wholeNumber, boolean allowRelation) {
        enter();
        // A chain of bare arguments (\sqrt\sqrt…) is a level each, like one of brackets.
        depth += 4;
        Token token = peek();
        Node value;
        if (token.isSign('{')) {
            value = group(allowRelation);
        } else if (token.is(Kind.NUMBER)) {
            at++;
            value = number(wholeNumber ? token : firstDigit(token));
        } else if (token.is(Kind.LETTER)) {
            at++;
            value =
                    APPLIED_LETTERS.contains(token.text())
                            ? new Symbol(token.text())
                            : letter(token.text());
        } else if (token.is(Kind.COMMAND)
                || token.isSign('(')
                || (token.is(Kind.TEXT) && token.text().length() == 1)) {
            value = atom();
        } else {
            throw Refusal.syntax("an argument is missing before " + token);
        }
        depth -= 5;
        return value;
    }

    /** Splits {@code 12} into 1 and 2, as LaTeX does after \frac. */
    private Token firstDigit(Token token) {
        String text = token.text();
        if (text.length() > 1) {
            if (!Character.isDigit(text.charAt(0)) || !Character.isDigit(text.charAt(1))) {
                throw Refusal.syntax("a decimal as a bare argument");
            }
            at--;
            tokens.set(at, new Token(Kind.NUMBER, text.substring(1), false));
            return new Token(Kind.NUMBER, text.substring(0, 1), token.spaced());
        }
        return token;
    }

    private Node group() {
        return group(false);
    }

    /** Whether a bracket here says where a variable lies: {@code k\pi (k \in \mathbb{Z})}. */
    private boolean isCondition() {
        for (int i = at + 1; i < at + 8; i++) {
            if (token(i).isRelation("MEMBER")) {
                return true;
            }
            if (!token(i).is(Kind.LETTER) && !token(i).isSign(',')) {
                return false;
            }
        }
        return false;
    }

    /** Whether a square bracket here closes an interval: {@code [0,1[}. */
    private boolean closesInterval() {
        Token following = token(at + 1);
        return endsElement(following) || following.isSign('∪') || following.isSign('∩');
    }

    /** A bracket's single scalar value. */
    private Node group(boolean allowRelation) {
        Node value = bracketed(next());
        if (!allowRelation && !value.isScalar()) {
            throw Refusal.syntax("a list where a number is needed");
        }
        return value;
    }

    private Node bracketed(Token open) {
        enter();
        int outer = bars;
        Node value;
        switch (open.text().charAt(0)) {
            case '(', '[' -> {
                bars = 0;
                value = round(open.isSign('('));
            }
            case ']' -> {
                bars = 0;
                value = round(true);
                if (!(value instanceof Tuple tuple) || !tuple.canBeInterval()) {
                    throw Refusal.syntax("unexpected " + open);
                }
            }
            case '{' -> {
                bars = 0;
                value = braces();
            }
            case '⦃' -> {
                bars = 0;
                value = set();
            }
            case '|' -> {
                bars = 1;
                value = sum();
                if (!next().isSign('|')) {
                    throw Refusal.syntax("a bar is missing");
                }
                value =
                        value instanceof Matrix matrix
                                ? build.determinant(matrix)
                                : build.call("abs", List.of(value));
            }
            case '‖' -> {
                value = sum();
                if (!next().isSign('‖')) {
                    throw Refusal.syntax("a bar is missing");
                }
                value = value.isScalar() ? build.call("abs", List.of(value)) : value;
            }
            default -> throw Refusal.syntax("unexpected " + open);
        }
        bars = outer;
        depth--;
        return value;
    }

    private Node round(boolean openLeft) {
        Elements elements = list();
        Token close = next();
        boolean outwards = close.isSign('[');
        if (!close.isSign(')') && !close.isSign(']') && !outwards) {
            throw Refusal.syntax("a bracket that is not closed");
        }
        boolean openRight = !close.isSign(']');
        if (outwards && elements.members().size() != 2) {
            throw Refusal.syntax("a bracket that is not closed");
        }
        List<Node> members = elements.members();
        if (members.size() == 1) {
            if (openLeft != openRight) {
                throw Refusal.syntax("brackets that do not match");
            }
            return members.get(0);
        }
        if (openLeft != openRight && members.size() != 2) {
            throw Refusal.syntax("brackets that do not match");
        }
        return new Tuple(List.copyOf(members), openLeft, openRight);
    }

    /** A LaTeX group: one value, a set without backslashes, or {n \choose k} and {a \over b}. */
    private Node braces() {
        Elements elements = list();
        if (elements.members().size() == 1
                && (peek().isCommand("choose") || peek().isCommand("over"))) {
            boolean choose = next().text().equals("choose");
            Node right = sum();
            expect('}');
            Node left = elements.members().get(0);
            return choose
                    ? build.call("binomial", List.of(left, right))
                    : build.divide(left, right);
        }
        if (!peek().isSign('}')) {
            throw Refusal.syntax("unexpected " + peek() + " in braces");
        }
        at++;
        return elements.members().size() == 1
                ? elements.members().get(0)
                : new FiniteSet(List.copyOf(elements.members()));
    }

    private Node set() {
        if (peek().isSign('⦄')) {
            at++;
            return new NamedSet("∅");
        }
        // A bar behind a value is "such that" here, not an absolute value.
        bars = 1;
        Elements elements = list();
        if ((peek().isSign('|') || peek().isSign(':')) && elements.members().size() == 1) {
            at++;
            Elements conditions = list();
            expectSetEnd();
            return within(elements.members().get(0), all(conditions));
        }
        if (elements.members().get(0) instanceof Relation relation
                && (elements.members().size() == 1
                        || relation.sides().stream().anyMatch(Ratio.class::isInstance))) {
            expectSetEnd();
            List<Node> conditions = new ArrayList<>(elements.members());
            conditions.set(0, condition(relation));
            return within(relation, all(new Elements(conditions, elements.separators())));
        }
        expectSetEnd();
        return elements.members().size() == 1
                ? elements.members().get(0)
                : new FiniteSet(List.copyOf(elements.members()));
    }

    /** Conditions that hold together, or one of them where "or" stands between. */
    private static Node all(Elements conditions) {
        boolean or = conditions.separators().contains(Separator.OR);
        return joined(
                or ? SetOperation.Kind.UNION : SetOperation.Kind.INTERSECTION,
                conditions.members());
    }

    /**
     * The sets joined by one operation.
     *
     * @throws Refusal if they are so many that the tree would be too deep
     */
    static Node joined(SetOperation.Kind kind, List<Node> sets) {
        if (sets.size() > MAX_SET_OPERATIONS) {
            throw new Refusal(
                    Refusal.Kind.SIZE, "more than %d sets joined".formatted(MAX_SET_OPERATIONS));
        }
        Node all = sets.get(0);
        for (Node set : sets.subList(1, sets.size())) {
            all = new SetOperation(kind, all, set);
        }
        return all;
    }

    /** The part of a set with a name that meets a condition: {x ∈ ℤ : 0 < x < 3}. */
    private static Node within(Node head, Node condition) {
        boolean member =
                head instanceof Relation relation && relation.signs().get(0) == Sign.MEMBER;
        Node set = member ? ((Relation) head).sides().get(1) : head;
        if (set instanceof Ratio ratio) {
            set = ratio.terms().get(0);
        }
        return member && !set.equals(new NamedSet("R"))
                ? new SetOperation(SetOperation.Kind.INTERSECTION, set, condition)
                : condition;
    }

    /**
     * {x : x > 3} reads as a chain with the ratio x : x in it; what counts is the part behind the
     * colon.
     */
    private static Node condition(Relation relation) {
        for (int i = 0; i < relation.signs().size(); i++) {
            if (relation.sides().get(i) instanceof Ratio ratio && ratio.terms().size() == 2) {
                List<Node> sides =
                        new ArrayList<>(relation.sides().subList(i, relation.sides().size()));
                sides.set(0, ratio.terms().get(1));
                return new Relation(sides, relation.signs().subList(i, relation.signs().size()));
            }
        }
        return relation;
    }

    private void expectSetEnd() {
        Token close = next();
        if (!close.isSign('⦄') && !close.isSign('}')) {
            throw Refusal.syntax("a set that is not closed");
        }
    }

    private Node environment(String name) {
        switch (name) {
            case "matrix",
                    "pmatrix",
                    "bmatrix",
                    "Bmatrix",
                    "smallmatrix",
                    "array",
                    "vmatrix",
                    "Vmatrix",
                    "psmallmatrix",
                    "bsmallmatrix" -> {
                Matrix matrix = matrix(name);
                return name.equals("vmatrix") ? build.determinant(matrix) : matrix;
            }
            case "cases",
                    "aligned",
                    "align",
                    "align*",
                    "gathered",
                    "split",
                    "equation",
                    "equation*",
                    "gather",
                    "gather*" -> {
                dropAlignment();
                Elements elements = list();
                Token end = next();
                if (!end.is(Kind.END_ENVIRONMENT)) {
                    throw Refusal.syntax("\\end{" + name + "} is missing");
                }
                return elements.members().size() == 1
                        ? elements.members().get(0)
                        : new FiniteSet(List.copyOf(elements.members()));
            }
            default -> throw Refusal.syntax("the environment " + name);
        }
    }

    /** Takes the alignment marks out of the environment that begins here. */
    private void dropAlignment() {
        int level = 0;
        for (int i = at; i < tokens.size() && level >= 0; i++) {
            level += tokens.get(i).is(Kind.BEGIN) ? 1 : 0;
            level -= tokens.get(i).is(Kind.END_ENVIRONMENT) ? 1 : 0;
            if (level == 0 && tokens.get(i).isSign('&')) {
                tokens.set(i, new Token(Kind.SIGN, "~", false));
            }
        }
        tokens.removeIf(token -> token.isSign('~'));
    }

    private Matrix matrix(String name) {
        enter();
        int outer = bars;
        bars = 0;
        List<List<Node>> rows = new ArrayList<>();
        List<Node> row = new ArrayList<>();
        while (!peek().is(Kind.END_ENVIRONMENT)) {
            Node cell = sum();
            if (!cell.isScalar()) {
                throw Refusal.syntax("a matrix of something else than numbers");
            }
            row.add(cell);
            if (peek().isSign('&')) {
                at++;
            } else {
                rows.add(row);
                row = new ArrayList<>();
                if (peek().isSign('\n')) {
                    at++;
                } else if (!peek().is(Kind.END_ENVIRONMENT)) {
                    throw Refusal.syntax("unexpected " + peek() + " in a matrix");
                }
            }
        }
        if (!next().text().equals(name)) {
            throw Refusal.syntax("\\end{" + name + "} is missing");
        }
        int width = rows.isEmpty() ? 0 : rows.get(0).size();
        if (width == 0 || !row.isEmpty() || rows.stream().anyMatch(r -> r.size() != width)) {
            throw Refusal.syntax("a matrix whose rows differ in length");
        }
        bars = outer;
        depth--;
        return new Matrix(Collections.unmodifiableList(rows));
    }

    private void enter() {
        budget.charge(1);
        if (++depth > 6 * MAX_DEPTH) {
            throw new Refusal(
                    Refusal.Kind.DEPTH, "nested more than %d levels".formatted(MAX_DEPTH));
        }
    }

    /** A token ahead; beyond the last one, the end. */
    private Token token(int index) {
        return tokens.get(Math.min(index, tokens.size() - 1));
    }

    private Token peek() {
        return tokens.get(at);
    }

    private Token next() {
        Token token = tokens.get(at);
        if (!token.is(Kind.END)) {
            at++;
        }
        return token;
    }

    private void expect(char sign) {
        Token token = next();
        if (!token.isSign(sign)) {
            throw Refusal.syntax("\"%s\" expected before %s".formatted(sign, token));
        }
    }
}
