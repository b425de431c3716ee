package dev.forkpoint.reward.verifier;

/**
 * An option of a verifier or of a task family.
 *
 * @param name its name
 * @param summary what it does, with type, range and default
 */
public record OptionSpec(String name, String summary) {}
