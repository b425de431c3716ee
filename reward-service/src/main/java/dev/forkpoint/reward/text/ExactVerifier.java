package dev.forkpoint.reward.text;

import dev.forkpoint.reward.verifier.Item;
import dev.forkpoint.reward.verifier.OptionSpec;
import dev.forkpoint.reward.verifier.Verdict;
import java.text.Normalizer;

/** Equality of texts, up to white space and Unicode's canonical equivalence (NFC). */
public final class ExactVerifier extends TextVerifier {
    public ExactVerifier() {
        super(
                "exact",
                "The answer is the gold text, up to white space.",
                true,
                Answers.OPTION,
                new OptionSpec(
                        "ignore_case", "true: upper and lower case are alike; default false"));
    }

    @Override
    public Verdict verify(Item item) {
        boolean ignoreCase = item.options().flag("ignore_case", false);
        String answer = Answers.find(item);
        if (answer == null || answer.isEmpty()) {
            return Verdict.noAnswer("no answer in the response");
        }
        String gold = comparable(item.requireGold(), ignoreCase);
        if (gold.isEmpty()) {
            return Verdict.unparsableGold("the gold is empty");
        }
        boolean equal = gold.equals(comparable(answer, ignoreCase));
        return Verdict.of(
                equal, answer, "exact", equal ? "the texts are equal" : "the texts differ");
    }

    private static String comparable(String text, boolean ignoreCase) {
        return Normalizer.normalize(Answers.normalise(text, ignoreCase), Normalizer.Form.NFC);
    }
}
