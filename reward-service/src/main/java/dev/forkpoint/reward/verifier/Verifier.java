package dev.forkpoint.reward.verifier;

import java.util.List;

/**
 * A verifiable reward. Implementations are immutable and thread-safe, and their cost is bounded by
 * the size of what they read or by an operation budget, never by a clock.
 */
public interface Verifier {
    /** The name by which requests call it. */
    String name();

    /** One sentence for people. */
    String summary();

    /** The options it understands; others are refused. */
    List<OptionSpec> options();

    /** Whether an item needs {@link Item#gold()}. */
    boolean needsGold();

    /** How long one verification may take. */
    CostClass costClass();

    /**
     * Verifies an item.
     *
     * @return the verdict; bad predictions and bad golds are verdicts, not exceptions
     * @throws InvalidItemException if a field or option is missing, unknown or out of range
     */
    Verdict verify(Item item);
}
