package dev.forkpoint.reward.math;

import dev.forkpoint.reward.math.Node.FiniteSet;
import dev.forkpoint.reward.math.Node.Named;
import dev.forkpoint.reward.math.Node.Words;
import dev.forkpoint.reward.verifier.CostClass;
import dev.forkpoint.reward.verifier.Item;
import dev.forkpoint.reward.verifier.OptionSpec;
import dev.forkpoint.reward.verifier.Verdict;
import dev.forkpoint.reward.verifier.Verifier;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Mathematical equality of a response's answer and the gold answer. */
public final class MathVerifier implements Verifier {
    static final long DEFAULT_BUDGET = 200_000;
    private static final long MAX_BUDGET = 40_000_000;
    private static final Set<String> NO_SOLUTION = Set.of("nosolution", "norealsolution");

    private final String name;
    private final String extract;

    public MathVerifier() {
        this("math", "auto");
    }

    private MathVerifier(String name, String extract) {
        this.name = name;
        this.extract = extract;
    }

    /** The same under the name math-boxed: only a boxed answer counts, unless an item says else. */
    public static MathVerifier boxed() {
        return new MathVerifier("math-boxed", "box");
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public String summary() {
        return "The last boxed answer (or the bare answer) equals the gold mathematically: numbers, expressions, sets, tuples, intervals,"
                + " relations, matrices, words.";
    }

    @Override
    public List<OptionSpec> options() {
        return List.of(
                new OptionSpec(
                        "extract",
                        "auto: the last box, else what follows \"answer\", else a short response as a whole; box: the last box alone;"
                                + " default "
                                + extract),
                new OptionSpec(
                        "budget",
                        "operations that one verification may cost, 1,000 to 40,000,000; default 200,000"));
    }

    @Override
    public boolean needsGold() {
        return true;
    }

    @Override
    public CostClass costClass() {
        return CostClass.COMPUTE;
    }

    @Override
    public Verdict verify(Item item) {
        return verify(
                item,
                new Budget(item.options().whole("budget", DEFAULT_BUDGET, 1_000, MAX_BUDGET)));
    }

    /** The verdict; what it cost is charged to the budget. */
    Verdict verify(Item item, Budget budget) {
        boolean boxOnly =
                item.options().choice("extract", extract, Set.of("auto", "box")).equals("box");
        Reading gold;
        List<String> goldTexts = AnswerText.gold(item.requireGold());
        try {
            gold = readGold(goldTexts, budget);
        } catch (Refusal refusal) {
            return Verdict.unparsableGold("gold: " + refusal.reason());
        }
        List<String> answers = AnswerText.prediction(item.prediction(), item.form(), boxOnly);
        if (answers.isEmpty()) {
            return Verdict.noAnswer("no boxed answer");
        }
        String extracted = answers.get(answers.size() - 1);
        try {
            return verify(gold, goldTexts, answers, budget);
        } catch (Refusal refusal) {
            return refusal.kind() == Refusal.Kind.BUDGET
                    ? Verdict.tooCostly(extracted, refusal.reason())
                    : Verdict.unparsableAnswer(extracted, refusal.reason());
        }
    }

    /**
     * Reads a gold answer.
     *
     * @return null if it can be read and is defined, otherwise why not
     */
    public static @Nullable String problemOfGold(String gold) {
        try {
            readGold(AnswerText.gold(gold), new Budget(DEFAULT_BUDGET));
            return null;
        } catch (Refusal refusal) {
            return refusal.reason();
        }
    }

    private static Reading readGold(List<String> texts, Budget budget) {
        if (texts.isEmpty()) {
            throw new Refusal(Refusal.Kind.EMPTY, "the gold is empty");
        }
        Reading gold = read(texts, budget);
        new Comparer(budget).requireDefined(gold.node());
        return gold;
    }

    private static Verdict verify(
            Reading gold, List<String> goldTexts, List<String> answers, Budget budget) {
        String last = answers.get(answers.size() - 1);
        Reading prediction = read(List.of(last), budget);
        Comparer comparer = new Comparer(budget);
        comparer.requireDefined(prediction.node());
        Decision decision = compare(gold, goldTexts, prediction, budget, comparer);
        boolean list =
                gold.node() instanceof FiniteSet
                        || gold.node() instanceof Named
                        || gold.node() instanceof Node.Tuple;
        if (!decision.equal() && answers.size() > 1 && list) {
            // Boxes joined by a comma or a word are one list where the gold is a list.
            Reading joined = Reading.of(answers, Reading.Mode.USUAL, budget);
            Decision asList = compare(gold, goldTexts, joined, budget, comparer);
            if (asList.equal()) {
                return verdict(asList, String.join(", ", answers));
            }
        }
        return verdict(decision, last);
    }

    private static Decision compare(
            Reading gold,
            List<String> goldTexts,
            Reading prediction,
            Budget budget,
            Comparer comparer) {
        if (AnswerText.differInHalfOfDay(gold.text(), prediction.text())) {
            return Decision.different("words");
        }
        Decision decision = comparer.compare(gold.node(), prediction.node());
        if (decision.equal()) {
            return decision;
        }
        if (isChoice(gold, prediction) || isChoice(prediction, gold)) {
            return Decision.equal("choice");
        }
        if (isEmptySet(gold.node(), prediction.node())
                || isEmptySet(prediction.node(), gold.node())) {
            return Decision.equal("words");
        }
        if (gold.node() instanceof Words || prediction.node() instanceof Words) {
            boolean same =
                    AnswerText.words(gold.text()).equals(AnswerText.words(prediction.text()));
            return same ? Decision.equal("words") : Decision.different("words");
        }
        if (gold.ambiguousList() || prediction.ambiguousList()) {
            // "1,234" is one number or a list of two, whichever the other side needs.
            Node goldList =
                    gold.ambiguousList()
                            ? Reading.of(goldTexts, Reading.Mode.LISTS, budget).node()
                            : gold.node();
            Node list =
                    prediction.ambiguousList()
                            ? reread(prediction, Reading.Mode.LISTS, budget)
                            : prediction.node();
            Decision asLists = comparer.compare(goldList, list);
            return asLists.equal() ? asLists : decision;
        }
        if (gold.ambiguousUnit() && Shape.symbols(prediction.node()).isEmpty()) {
            return comparer.compare(
                    Reading.of(goldTexts, Reading.Mode.UNITS, budget).node(), prediction.node());
        }
        if (prediction.ambiguousUnit() && Shape.symbols(gold.node()).isEmpty()) {
            return comparer.compare(gold.node(), reread(prediction, Reading.Mode.UNITS, budget));
        }
        return decision;
    }

    private static boolean isEmptySet(Node set, Node words) {
        return set instanceof Node.NamedSet named
                && named.name().equals("∅")
                && words instanceof Words text
                && NO_SOLUTION.contains(AnswerText.words(text.text()));
    }

    /** Whether one side is a letter and the other that choice with its text: {@code (B) 12}. */
    private static boolean isChoice(Reading letter, Reading choice) {
        return letter.node() instanceof Node.Symbol symbol
                && symbol.name().equals(AnswerText.choice(choice.text()));
    }

    /**
     * Reads an answer; one that cannot be read but begins like a choice is that choice's letter.
     */
    private static Reading read(List<String> texts, Budget budget) {
        try {
            return Reading.of(texts, Reading.Mode.USUAL, budget);
        } catch (Refusal refusal) {
            String choice =
                    texts.size() == 1 && refusal.kind() == Refusal.Kind.SYNTAX
                            ? AnswerText.choice(texts.get(0))
                            : "";
            if (choice.isEmpty()) {
                if (texts.size() == 1
                        && refusal.kind() == Refusal.Kind.SYNTAX
                        && AnswerText.isWords(texts.get(0))) {
                    return new Reading(
                            new Words(AnswerText.words(texts.get(0))), texts.get(0), false, false);
                }
                throw refusal;
            }
            return new Reading(new Node.Symbol(choice), texts.get(0), false, false);
        }
    }

    private static Node reread(Reading reading, Reading.Mode mode, Budget budget) {
        return Reading.of(List.of(reading.text()), mode, budget).node();
    }

    private static Verdict verdict(Decision decision, String extracted) {
        Verdict verdict =
                decision.equal()
                        ? Verdict.correct(extracted, decision.rule(), "equal by " + decision.rule())
                        : Verdict.incorrect(
                                extracted, decision.rule(), "different by " + decision.rule());
        return decision.exact() ? verdict : verdict.asProbabilistic();
    }
}
