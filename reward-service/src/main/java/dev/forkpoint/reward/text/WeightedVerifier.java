package dev.forkpoint.reward.text;

import dev.forkpoint.reward.verifier.CostClass;
import dev.forkpoint.reward.verifier.Fields;
import dev.forkpoint.reward.verifier.InvalidItemException;
import dev.forkpoint.reward.verifier.Item;
import dev.forkpoint.reward.verifier.OptionSpec;
import dev.forkpoint.reward.verifier.RewardPart;
import dev.forkpoint.reward.verifier.Verdict;
import dev.forkpoint.reward.verifier.VerdictCode;
import dev.forkpoint.reward.verifier.VerifierRegistry;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Σ weight · reward over other verifiers, each part reported apart. The first part decides the
 * verdict, so that correctness stays what it is whatever is paid for format or length; later parts
 * see it as the task's {@code correct}. A part without reward leaves the whole without one.
 */
public final class WeightedVerifier extends TextVerifier {
    public static final String NAME = "weighted";

    private static final int MAX_PARTS = 8;

    private final VerifierRegistry verifiers;

    /**
     * @param verifiers what parts may name; none of them weighted
     */
    public WeightedVerifier(VerifierRegistry verifiers) {
        super(
                NAME,
                "A weighted sum of other verifiers; the first decides the verdict.",
                false,
                new OptionSpec(
                        "parts",
                        "1 to 8 objects {\"verifier\": name, \"weight\": number (default 1), \"options\": object}, required; never weighted"
                                + " itself nor a verifier that waits for other processes"));
        this.verifiers = verifiers;
    }

    @Override
    public CostClass costClass() {
        return CostClass.COMPUTE;
    }

    @Override
    public Verdict verify(Item item) {
        List<Fields> specs = item.options().maps("parts");
        if (specs.isEmpty() || specs.size() > MAX_PARTS) {
            throw new InvalidItemException(
                    "options.parts",
                    "%d parts (allowed: 1 to %d)".formatted(specs.size(), MAX_PARTS));
        }
        List<RewardPart> parts = new ArrayList<>();
        double total = 0;
        for (Fields spec : specs) {
            spec.requireOnly(Set.of("verifier", "weight", "options"));
            String name = spec.text("verifier");
            if (verifiers.get(name).costClass() == CostClass.EXTERNAL) {
                throw new InvalidItemException(
                        "options.parts",
                        "\"%s\" (allowed: verifiers that compute in the service)".formatted(name));
            }
            double weight = spec.number("weight", 1, -1e6, 1e6);
            Item partItem = item.withOptions(spec.map("options"));
            Verdict verdict =
                    verifiers.verify(
                            name,
                            parts.isEmpty()
                                    ? partItem
                                    : withCorrect(partItem, parts.get(0).verdict()));
            parts.add(new RewardPart(name, weight, verdict));
            total += weight * verdict.score();
        }
        Verdict first = parts.get(0).verdict();
        // NaN where a part has no reward.
        VerdictCode code = Double.isNaN(total) ? VerdictCode.UNPARSABLE_GOLD : first.code();
        String reason =
                Double.isNaN(total)
                        ? "a part has no reward: " + reasonOfMissing(parts)
                        : first.reason();
        return new Verdict(
                code, total, first.extracted(), reason, first.rule(), first.probabilistic(), parts);
    }

    private static String reasonOfMissing(List<RewardPart> parts) {
        return parts.stream()
                .filter(part -> part.reward().isEmpty())
                .map(part -> part.verifier() + ": " + part.verdict().reason())
                .findFirst()
                .orElse("");
    }

    private static Item withCorrect(Item item, Verdict first) {
        if (item.task().has("correct")) {
            return item;
        }
        Map<String, Object> task = new HashMap<>(item.task().asMap());
        task.put("correct", first.code() == VerdictCode.CORRECT);
        return item.withTask(task);
    }
}
