package dev.forkpoint.policy.tokenizer;

/**
 * One message of a conversation.
 *
 * @param role {@code system}, {@code user}, {@code assistant} or what the template knows
 * @param content text
 */
public record ChatMessage(String role, String content) {}
