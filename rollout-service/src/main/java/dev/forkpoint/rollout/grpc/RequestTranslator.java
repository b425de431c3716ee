package dev.forkpoint.rollout.grpc;

import dev.forkpoint.policy.FinishReason;
import dev.forkpoint.policy.GenerationRequest;
import dev.forkpoint.policy.SamplingParameters;
import dev.forkpoint.policy.tokenizer.ChatMessage;
import dev.forkpoint.policy.tokenizer.Tokenizer;
import dev.forkpoint.proto.rollout.v1.RolloutRequest;
import dev.forkpoint.rollout.engine.ServedPolicy;
import dev.forkpoint.service.error.ServiceException;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** From request messages to what the engine takes; every field is checked here. */
final class RequestTranslator {

    private RequestTranslator() {}

    static GenerationRequest generation(RolloutRequest r, ServedPolicy served) {
        int[] prompt = prompt(r, served.tokenizer());
        int vocabulary = served.config().vocabularySize();
        for (int i = 0; i < prompt.length; i++) {
            if (prompt[i] < 0 || prompt[i] >= vocabulary) {
                throw ServiceException.invalidField(
                        "prompt_ids.ids[" + i + "]",
                        Integer.toUnsignedString(prompt[i]),
                        "0 to " + (vocabulary - 1));
            }
        }
        if (!r.hasSampling()) {
            throw ServiceException.invalidField("sampling", "absent", "present");
        }
        SamplingParameters sampling = sampling(r.getSampling());
        long room = (long) served.config().maxPositions() - prompt.length;
        if (sampling.maxTokens() > room) {
            throw ServiceException.invalidFields(
                    "CONTEXT_EXCEEDED",
                    List.of(
                            new ServiceException.FieldViolation(
                                    "sampling.max_tokens",
                                    sampling.maxTokens()
                                            + " after a prompt of "
                                            + prompt.length
                                            + " tokens (expected: at most "
                                            + Math.max(0, room)
                                            + " in a context of "
                                            + served.config().maxPositions()
                                            + ")")));
        }
        if (r.getPriority() < -100 || r.getPriority() > 100) {
            throw ServiceException.invalidField(
                    "priority", Integer.toString(r.getPriority()), "-100 to 100");
        }
        return new GenerationRequest(
                prompt,
                r.getSeed(),
                sampling,
                r.getPriority(),
                TimeUnit.MILLISECONDS.toMicros(Integer.toUnsignedLong(r.getTimeoutMs())));
    }

    private static String chat(RolloutRequest r, Tokenizer tokenizer) {
        try {
            return tokenizer.chat(
                    r.getPromptChat().getMessagesList().stream()
                            .map(m -> new ChatMessage(m.getRole(), m.getContent()))
                            .toList(),
                    true);
        } catch (IllegalStateException e) {
            throw ServiceException.invalidField(
                    "prompt_chat", String.valueOf(e.getMessage()), "prompt_ids or prompt_text");
        }
    }

    private static int[] prompt(RolloutRequest r, Tokenizer tokenizer) {
        int[] ids =
                switch (r.getPromptCase()) {
                    case PROMPT_IDS ->
                            r.getPromptIds().getIdsList().stream().mapToInt(i -> i).toArray();
                    case PROMPT_TEXT -> tokenizer.encode(r.getPromptText(), true);
                    case PROMPT_CHAT -> tokenizer.encode(chat(r, tokenizer), false);
                    case PROMPT_NOT_SET ->
                            throw ServiceException.invalidField(
                                    "prompt", "absent", "prompt_ids, prompt_text or prompt_chat");
                };
        if (ids.length == 0) {
            throw ServiceException.invalidField("prompt", "no token", "at least one token");
        }
        return ids;
    }

    private static SamplingParameters sampling(dev.forkpoint.proto.policy.v1.SamplingParameters s) {
        if (s.getMaxTokens() < 1) {
            throw ServiceException.invalidField(
                    "sampling.max_tokens",
                    Integer.toUnsignedString(s.getMaxTokens()),
                    "at least 1, and room in the context");
        }
        if (s.getStopTextsCount() > 16
                || s.getStopTextsList().stream().anyMatch(t -> t.isEmpty() || t.length() > 256)) {
            throw ServiceException.invalidField(
                    "sampling.stop_texts",
                    s.getStopTextsCount() + " texts",
                    "at most 16, of 1 to 256 characters each");
        }
        try {
            return new SamplingParameters(
                    s.getMaxTokens(),
                    s.hasTemperature() ? s.getTemperature() : 1,
                    s.hasTopP() ? s.getTopP() : 1,
                    s.getTopK(),
                    s.getMinP(),
                    s.getStopIdsList().stream().mapToInt(i -> i).toArray(),
                    s.getIgnoreEos());
        } catch (IllegalArgumentException e) {
            throw ServiceException.invalidFields(
                    "INVALID_FIELD",
                    List.of(
                            new ServiceException.FieldViolation(
                                    "sampling", String.valueOf(e.getMessage()))));
        }
    }

    static dev.forkpoint.proto.policy.v1.FinishReason finishReason(FinishReason reason) {
        return switch (reason) {
            case STOP -> dev.forkpoint.proto.policy.v1.FinishReason.FINISH_REASON_STOP;
            case LENGTH -> dev.forkpoint.proto.policy.v1.FinishReason.FINISH_REASON_LENGTH;
            case CANCELLED -> dev.forkpoint.proto.policy.v1.FinishReason.FINISH_REASON_CANCELLED;
        };
    }
}
