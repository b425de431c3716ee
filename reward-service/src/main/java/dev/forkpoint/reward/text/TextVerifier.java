package dev.forkpoint.reward.text;

import dev.forkpoint.reward.verifier.CostClass;
import dev.forkpoint.reward.verifier.OptionSpec;
import dev.forkpoint.reward.verifier.Verifier;
import java.util.List;

/**
 * What the verifiers of this package have in common: a fixed description, and a cost linear in the
 * text.
 */
abstract class TextVerifier implements Verifier {
    private final String name;
    private final String summary;
    private final boolean needsGold;
    private final List<OptionSpec> options;

    TextVerifier(String name, String summary, boolean needsGold, OptionSpec... options) {
        this.name = name;
        this.summary = summary;
        this.needsGold = needsGold;
        this.options = List.of(options);
    }

    @Override
    public final String name() {
        return name;
    }

    @Override
    public final String summary() {
        return summary;
    }

    @Override
    public final List<OptionSpec> options() {
        return options;
    }

    @Override
    public final boolean needsGold() {
        return needsGold;
    }

    @Override
    public CostClass costClass() {
        return CostClass.CHEAP;
    }
}
