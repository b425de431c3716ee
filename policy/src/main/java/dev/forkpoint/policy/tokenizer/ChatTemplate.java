package dev.forkpoint.policy.tokenizer;

import dev.forkpoint.policy.PolicyFormatException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A model's chat template. */
final class ChatTemplate {

    private ChatTemplate() {}

    static Optional<ChatTemplate> load(Path directory) throws PolicyFormatException {
        return Optional.empty();
    }

    String render(
            List<ChatMessage> messages, boolean addGenerationPrompt, Map<String, Object> extra) {
        throw new UnsupportedOperationException();
    }
}
