package dev.forkpoint.reward.judge;

import dev.forkpoint.reward.verifier.BoxedAnswer;
import dev.forkpoint.reward.verifier.CostClass;
import dev.forkpoint.reward.verifier.InvalidItemException;
import dev.forkpoint.reward.verifier.Item;
import dev.forkpoint.reward.verifier.OptionSpec;
import dev.forkpoint.reward.verifier.Verdict;
import dev.forkpoint.reward.verifier.Verifier;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * A judge's score as the reward. Where the judge gives none there is an error, never a default
 * reward.
 */
public final class JudgeVerifier implements Verifier {
    private static final int MAX_TEXT = 200_000;

    private final Map<String, JudgeEndpoint> endpoints = new TreeMap<>();

    /**
     * @param endpoints the judges that requests may name; no other address is ever called
     */
    public JudgeVerifier(Collection<JudgeEndpoint> endpoints) {
        endpoints.forEach(endpoint -> this.endpoints.put(endpoint.name(), endpoint));
    }

    @Override
    public String name() {
        return "judge";
    }

    @Override
    public String summary() {
        return "The score that a configured judge gives over HTTP (forkpoint.reward.judge.endpoints).";
    }

    @Override
    public List<OptionSpec> options() {
        return List.of(
                new OptionSpec(
                        "endpoint", "name of a configured judge; default: the only one there is"),
                new OptionSpec(
                        "threshold", "least score that is CORRECT, above 0 to 1; default 1"));
    }

    @Override
    public boolean needsGold() {
        return false;
    }

    @Override
    public CostClass costClass() {
        return CostClass.EXTERNAL;
    }

    @Override
    public Verdict verify(Item item) {
        double threshold = item.options().number("threshold", 1, Double.MIN_VALUE, 1);
        JudgeEndpoint endpoint = endpoint(item);
        String visible =
                item.form() == Item.Form.ANSWER
                        ? item.prediction()
                        : BoxedAnswer.afterThinking(item.prediction());
        if (visible == null || visible.isBlank()) {
            return Verdict.noAnswer("nothing to judge");
        }
        if (visible.length() > MAX_TEXT) {
            return Verdict.unparsableAnswer(
                    "", "%d characters (allowed: %d)".formatted(visible.length(), MAX_TEXT));
        }
        String gold = item.gold() == null ? "" : item.gold();
        JudgeEndpoint.Score score =
                endpoint.score(item.task().text("question", ""), gold, visible.strip());
        return Verdict.graded(
                score.value() >= threshold,
                score.value(),
                visible.strip(),
                "judge",
                score.reason());
    }

    private JudgeEndpoint endpoint(Item item) {
        if (endpoints.isEmpty()) {
            throw new InvalidItemException(
                    "verifier",
                    "\"judge\" has no endpoint on this service (forkpoint.reward.judge.endpoints)");
        }
        String only = endpoints.size() == 1 ? endpoints.keySet().iterator().next() : "";
        String name = item.options().choice("endpoint", only, endpoints.keySet());
        JudgeEndpoint endpoint = endpoints.get(name);
        if (endpoint == null) {
            throw new InvalidItemException(
                    "options.endpoint", "missing (allowed: %s)".formatted(endpoints.keySet()));
        }
        return endpoint;
    }
}
