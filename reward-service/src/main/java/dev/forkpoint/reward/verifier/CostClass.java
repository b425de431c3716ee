package dev.forkpoint.reward.verifier;

/** How long one verification may take; work of different classes never waits for each other. */
public enum CostClass {
    /** Linear in the text: microseconds. */
    CHEAP,
    /** Bounded computation: mostly microseconds, at worst tens of milliseconds. */
    COMPUTE,
    /** Waits for another process or another machine: up to seconds. */
    EXTERNAL
}
