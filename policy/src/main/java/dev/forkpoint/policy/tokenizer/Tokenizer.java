package dev.forkpoint.policy.tokenizer;

import java.util.List;

/** A model's tokenizer and chat template. Thread-safe. */
public final class Tokenizer implements AutoCloseable {

    Tokenizer() {}

    /**
     * @param addSpecial add what the tokenizer's post-processor adds around a text (a begin token,
     *     say)
     */
    public int[] encode(String text, boolean addSpecial) {
        throw new UnsupportedOperationException();
    }

    /**
     * @param skipSpecial leave special tokens out
     */
    public String decode(int[] ids, boolean skipSpecial) {
        throw new UnsupportedOperationException();
    }

    /**
     * Renders a conversation with the model's chat template.
     *
     * @throws IllegalStateException if the model has no chat template
     * @throws IllegalArgumentException if the template refuses the messages; carries its words
     */
    public String chat(List<ChatMessage> messages, boolean addGenerationPrompt) {
        throw new UnsupportedOperationException();
    }

    /** 1 + the highest token id. */
    public int vocabularySize() {
        throw new UnsupportedOperationException();
    }

    /** A decoder of one growing response. */
    public StreamDecoder stream(boolean skipSpecial) {
        throw new UnsupportedOperationException();
    }

    @Override
    public void close() {}
}
