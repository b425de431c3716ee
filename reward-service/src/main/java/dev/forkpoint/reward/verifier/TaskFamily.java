package dev.forkpoint.reward.verifier;

import java.util.List;

/**
 * An endless sequence of problems in two disjoint halves. Problem i is a pure function of (options,
 * split, seed, i). Immutable and thread-safe.
 */
public interface TaskFamily {
    /** Which half. */
    enum Split {
        /** Problems to train on. */
        TRAIN,
        /** Problems never trained on. */
        HELD_OUT
    }

    String name();

    /** One sentence for people. */
    String summary();

    List<OptionSpec> options();

    /** The verifier of its answers. */
    String verifier();

    /** Whether its problems can carry demonstrations. */
    boolean hasDemonstrations();

    /**
     * The generator for the given options.
     *
     * @throws InvalidItemException if an option is unknown or out of range
     */
    Generator generator(Fields options);

    /** Problems under fixed options. Immutable and thread-safe. */
    @FunctionalInterface
    interface Generator {
        /**
         * @param index at least 0
         * @param demonstration whether the problem carries a demonstration, where the family has
         *     them
         */
        Problem problem(Split split, long seed, long index, boolean demonstration);
    }
}
