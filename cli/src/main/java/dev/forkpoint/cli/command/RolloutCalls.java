package dev.forkpoint.cli.command;

import dev.forkpoint.cli.UsageException;
import dev.forkpoint.cli.local.Backend;
import dev.forkpoint.cli.local.Service;
import dev.forkpoint.proto.policy.v1.Chat;
import dev.forkpoint.proto.policy.v1.ChatMessage;
import dev.forkpoint.proto.policy.v1.PolicySnapshot;
import dev.forkpoint.proto.policy.v1.TokenIds;
import dev.forkpoint.proto.rollout.v1.GetPolicyRequest;
import dev.forkpoint.proto.rollout.v1.GetPolicyResponse;
import dev.forkpoint.proto.rollout.v1.LoadPolicyRequest;
import dev.forkpoint.proto.rollout.v1.RolloutRequest;
import dev.forkpoint.proto.rollout.v1.RolloutServiceGrpc;
import io.grpc.ManagedChannel;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** What commands that sample have in common. */
final class RolloutCalls {

    static final long LOAD_SECONDS = 600;
    private static final long CALL_SECONDS = 30;

    private RolloutCalls() {}

    /**
     * Makes every replica serve the policy. A service that this command did not start keeps what it
     * has: others may be using it.
     *
     * @param policy what to serve; absent: whatever the service has
     * @return what the first replica says of itself
     */
    static GetPolicyResponse serve(Backend backend, @Nullable PolicySnapshot policy) {
        GetPolicyResponse first = null;
        for (ManagedChannel channel : backend.channels(Service.ROLLOUT)) {
            var stub = RolloutServiceGrpc.newBlockingStub(channel);
            if (policy != null && backend.local() != null) {
                stub.withDeadlineAfter(LOAD_SECONDS, TimeUnit.SECONDS)
                        .loadPolicy(LoadPolicyRequest.newBuilder().setPolicy(policy).build());
            }
            GetPolicyResponse served =
                    stub.withDeadlineAfter(CALL_SECONDS, TimeUnit.SECONDS)
                            .getPolicy(GetPolicyRequest.getDefaultInstance());
            if (!served.hasPolicy()) {
                throw new UsageException(
                        "rollout-service at " + channel.authority() + " has no policy loaded");
            }
            if (policy != null && !sameFolder(served.getPolicy().getUri(), policy.getUri())) {
                throw new UsageException(
                        "--policy: rollout-service at %s serves %s, not %s; leave --policy out to use it"
                                .formatted(
                                        channel.authority(),
                                        served.getPolicy().getUri(),
                                        policy.getUri()));
            }
            first = first == null ? served : first;
        }
        if (first == null) {
            throw new UsageException("no rollout-service");
        }
        return first;
    }

    /** The prompt of a row: {@code prompt_ids}, {@code messages} or {@code prompt}. */
    static RolloutRequest.Builder prompt(InputLines.Line line) {
        RolloutRequest.Builder request = RolloutRequest.newBuilder();
        int given = 0;
        if (line.value().has("prompt_ids")) {
            given++;
            request.setPromptIds(TokenIds.newBuilder().addAllIds(line.ids("prompt_ids")));
        }
        if (line.value().has("messages")) {
            given++;
            request.setPromptChat(chat(line));
        }
        if (line.value().has("prompt")) {
            given++;
            request.setPromptText(line.text("prompt"));
        }
        if (given != 1) {
            throw line.error(
                    "found %d of the keys prompt, prompt_ids and messages (allowed: exactly one)"
                            .formatted(given));
        }
        return request;
    }

    private static Chat chat(InputLines.Line line) {
        Chat.Builder chat = Chat.newBuilder();
        var messages = line.value().get("messages");
        for (int i = 0; i < messages.size(); i++) {
            var role = messages.get(i).path("role");
            var content = messages.get(i).path("content");
            if (!role.isTextual() || !content.isTextual()) {
                throw line.error("messages[" + i + "]: needs role and content, both text");
            }
            chat.addMessages(
                    ChatMessage.newBuilder().setRole(role.asText()).setContent(content.asText()));
        }
        if (chat.getMessagesCount() == 0) {
            throw line.error(
                    "messages: found " + messages + " (allowed: a list of messages, not empty)");
        }
        return chat.build();
    }

    private static boolean sameFolder(String a, String b) {
        return trimmed(a).equals(trimmed(b));
    }

    private static String trimmed(String uri) {
        return uri.replaceFirst("^file:/+", "file:/").replaceFirst("/+$", "");
    }
}
