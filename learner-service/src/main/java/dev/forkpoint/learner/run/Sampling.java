package dev.forkpoint.learner.run;

import com.google.common.primitives.Ints;
import dev.forkpoint.learner.peer.EntropyClient;
import dev.forkpoint.learner.peer.RewardClient;
import dev.forkpoint.learner.peer.RolloutClient;
import dev.forkpoint.policy.tokenizer.Tokenizer;
import dev.forkpoint.proto.entropy.v1.SequenceToScore;
import dev.forkpoint.proto.entropy.v1.TokenScores;
import dev.forkpoint.proto.learner.v1.VerifierSpec;
import dev.forkpoint.proto.policy.v1.FinishReason;
import dev.forkpoint.proto.policy.v1.PolicySnapshot;
import dev.forkpoint.proto.policy.v1.SamplingParameters;
import dev.forkpoint.proto.policy.v1.TokenIds;
import dev.forkpoint.proto.reward.v1.Problem;
import dev.forkpoint.proto.reward.v1.Verification;
import dev.forkpoint.proto.reward.v1.VerifyItem;
import dev.forkpoint.proto.rollout.v1.Rollout;
import dev.forkpoint.proto.rollout.v1.RolloutRequest;
import dev.forkpoint.service.error.ServiceException;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Samples, verifies and scores single responses: a response goes on to the verifier and the scorer
 * the moment it arrives, while others are still being sampled.
 */
final class Sampling {

    private final RolloutClient rollouts;
    private final RewardClient rewards;
    private final EntropyClient entropies;
    private final Tokenizer tokenizer;
    private final SamplingParameters sampling;
    private final VerifierSpec verifier;

    /**
     * @param verifier with its name filled in
     */
    Sampling(
            RolloutClient rollouts,
            RewardClient rewards,
            EntropyClient entropies,
            Tokenizer tokenizer,
            SamplingParameters sampling,
            VerifierSpec verifier) {
        this.rollouts = rollouts;
        this.rewards = rewards;
        this.entropies = entropies;
        this.tokenizer = tokenizer;
        this.sampling = sampling;
        this.verifier = verifier;
    }

    /**
     * What to ask of each response beside its verdict.
     *
     * @param score which responses entropy-service scores, by request id
     * @param reference policy to score with as well; null: none
     */
    record Wanted(Predicate<String> score, @Nullable PolicySnapshot reference) {
        static Wanted verdictOnly() {
            return new Wanted(id -> false, null);
        }
    }

    int[] promptIds(Problem problem) {
        return tokenizer.encode(problem.getPrompt(), true);
    }

    /**
     * One response of the policy, verified and scored.
     *
     * @param journal what has arrived already, and where arrivals go; null: nothing is stored
     */
    CompletableFuture<Episode> sample(
            String id,
            Problem problem,
            long problemIndex,
            int sample,
            long seed,
            PolicySnapshot policy,
            Wanted wanted,
            @Nullable StepJournal journal) {
        CompletableFuture<Rollout> rollout =
                stored(journal == null ? Optional.empty() : journal.rollout(id))
                        .orElseGet(
                                () ->
                                        rollouts.generate(request(id, problem, seed, policy))
                                                .thenApply(
                                                        r ->
                                                                journal == null
                                                                        ? r
                                                                        : journal.store(id, r)));
        return rollout.thenCompose(
                r -> {
                    CompletableFuture<Optional<Verification>> verdict =
                            verify(id, problem, r, journal);
                    CompletableFuture<Optional<TokenScores>> scores =
                            wanted.score().test(id)
                                    ? score(id, r, policy, journal)
                                    : CompletableFuture.completedFuture(Optional.empty());
                    PolicySnapshot frozen = wanted.reference();
                    CompletableFuture<Optional<TokenScores>> reference =
                            frozen == null
                                    ? CompletableFuture.completedFuture(Optional.empty())
                                    : score(id + "-ref", r, frozen, journal);
                    return verdict.thenCombine(
                                    scores,
                                    (v, s) ->
                                            new Episode(
                                                    problem,
                                                    problemIndex,
                                                    sample,
                                                    r,
                                                    v,
                                                    s,
                                                    Optional.empty()))
                            .thenCombine(
                                    reference,
                                    (e, s) ->
                                            new Episode(
                                                    problem,
                                                    problemIndex,
                                                    sample,
                                                    r,
                                                    e.verification(),
                                                    e.scores(),
                                                    s));
                });
    }

    private static <T> Optional<CompletableFuture<T>> stored(Optional<T> value) {
        return value.map(CompletableFuture::completedFuture);
    }

    private RolloutRequest request(String id, Problem problem, long seed, PolicySnapshot policy) {
        return RolloutRequest.newBuilder()
                .setRequestId(id)
                .setPromptIds(TokenIds.newBuilder().addAllIds(Ints.asList(promptIds(problem))))
                .setSeed(seed)
                .setSampling(sampling)
                .setPolicyVersion(policy.getVersion())
                .build();
    }

    private CompletableFuture<Optional<Verification>> verify(
            String id, Problem problem, Rollout rollout, @Nullable StepJournal journal) {
        Optional<Verification> known =
                journal == null ? Optional.empty() : journal.verification(id);
        if (known.isPresent()) {
            return CompletableFuture.completedFuture(known);
        }
        VerifyItem item =
                VerifyItem.newBuilder()
                        .setRequestId(id)
                        .setVerifier(verifier.getName())
                        .setOptions(verifier.getOptions())
                        .setGold(problem.getGold())
                        .setTask(problem.getTask())
                        .setPrediction(
                                tokenizer.decode(Ints.toArray(rollout.getTokenIdsList()), true))
                        .addAllTokenIds(rollout.getTokenIdsList())
                        .setTruncated(
                                rollout.getFinishReason() == FinishReason.FINISH_REASON_LENGTH)
                        .build();
        return rewards.verify(item)
                .thenApply(v -> Optional.of(journal == null ? v : journal.store(id, v)))
                .exceptionally(
                        t -> {
                            // one item's failure is that item's alone; a lost service is the run's
                            if (cause(t) instanceof ServiceException e
                                    && e.code() == com.google.rpc.Code.INVALID_ARGUMENT) {
                                return Optional.empty();
                            }
                            throw new CompletionException(cause(t));
                        });
    }

    private CompletableFuture<Optional<TokenScores>> score(
            String id, Rollout rollout, PolicySnapshot policy, @Nullable StepJournal journal) {
        Optional<TokenScores> known = journal == null ? Optional.empty() : journal.scores(id);
        if (known.isPresent()) {
            return CompletableFuture.completedFuture(known);
        }
        SequenceToScore sequence =
                SequenceToScore.newBuilder()
                        .setRequestId(id)
                        .setIds(
                                TokenIds.newBuilder()
                                        .addAllIds(rollout.getPromptIdsList())
                                        .addAllIds(rollout.getTokenIdsList()))
                        .setPolicyId(policy.getPolicyId())
                        .setPolicyVersion(policy.getVersion())
                        .setTemperature(sampling.getTemperature())
                        .setFirstPosition(rollout.getPromptIdsCount())
                        .build();
        return entropies
                .score(sequence)
                .thenApply(s -> Optional.of(journal == null ? s : journal.store(id, s)));
    }

    static Throwable cause(Throwable t) {
        return t instanceof CompletionException && t.getCause() != null ? cause(t.getCause()) : t;
    }
}
