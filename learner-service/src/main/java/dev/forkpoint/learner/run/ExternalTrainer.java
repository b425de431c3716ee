package dev.forkpoint.learner.run;

import com.google.common.primitives.Floats;
import com.google.common.primitives.Ints;
import com.google.protobuf.Message;
import com.google.rpc.Code;
import dev.forkpoint.learner.objective.AdaptiveEntropyBonus;
import dev.forkpoint.learner.objective.CurrentScores;
import dev.forkpoint.learner.objective.EntropySource;
import dev.forkpoint.learner.objective.FinishReason;
import dev.forkpoint.learner.objective.Objective;
import dev.forkpoint.learner.objective.ResponseLoss;
import dev.forkpoint.learner.objective.StepObjective;
import dev.forkpoint.learner.objective.TokenStatistics;
import dev.forkpoint.learner.objective.UpdateObjective;
import dev.forkpoint.learner.step.AssembledStep;
import dev.forkpoint.learner.step.Rollout;
import dev.forkpoint.learner.step.RolloutGroup;
import dev.forkpoint.learner.step.Source;
import dev.forkpoint.learner.step.StepAssembler;
import dev.forkpoint.learner.trainer.DjlTrainer;
import dev.forkpoint.policy.NonFiniteException;
import dev.forkpoint.policy.SparseObjective;
import dev.forkpoint.policy.TokenScores;
import dev.forkpoint.policy.TrainingSequence;
import dev.forkpoint.policy.UpdateStatistics;
import dev.forkpoint.policy.checkpoint.Manifest;
import dev.forkpoint.policy.selection.Selection;
import dev.forkpoint.proto.learner.v1.AccumulateRequest;
import dev.forkpoint.proto.learner.v1.AccumulateResponse;
import dev.forkpoint.proto.learner.v1.ApplyUpdateResponse;
import dev.forkpoint.proto.learner.v1.GetTrainerResponse;
import dev.forkpoint.proto.learner.v1.OptimizerSpec;
import dev.forkpoint.proto.learner.v1.PublishPolicyResponse;
import dev.forkpoint.proto.learner.v1.Sequence;
import dev.forkpoint.proto.learner.v1.SubmitSequencesResponse;
import dev.forkpoint.proto.policy.v1.PolicySnapshot;
import dev.forkpoint.service.error.ServiceException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * A trainer whose loop a client writes. Calls run one after another; one repeated with the same
 * request id answers as it did the first time.
 */
public final class ExternalTrainer implements AutoCloseable {

    private static final int REMEMBERED = 1024;

    private final String id;
    private final Path folder;
    private final DjlTrainer trainer;
    private final String baseUri;
    private final OptimizerSpec optimizer;
    private final @Nullable Objective objective;
    private final double temperature;
    private final Map<String, Message> answered =
            new LinkedHashMap<>() {
                private static final long serialVersionUID = 1;

                @Override
                protected boolean removeEldestEntry(Map.Entry<String, Message> eldest) {
                    return size() > REMEMBERED;
                }
            };

    private Map<String, Sequence> sequences = Map.of();
    private @Nullable Selected selected;
    private AdaptiveEntropyBonus.Control control;
    private boolean accumulated;
    private long updates;
    private long nextVersion;

    /** The step of an objective, and where each sequence stands in it (left out: no signal). */
    private record Selected(StepObjective objective, Map<String, Integer> responseOf) {}

    /**
     * @param folder of its snapshots
     * @param baseUri of the policy under the adapter that is trained; empty: all weights are
     * @param objective null: sequences bring coefficients
     */
    ExternalTrainer(
            String id,
            Path folder,
            DjlTrainer trainer,
            String baseUri,
            OptimizerSpec optimizer,
            @Nullable Objective objective,
            double temperature) {
        this.id = id;
        this.folder = folder;
        this.trainer = trainer;
        this.baseUri = baseUri;
        this.optimizer = optimizer;
        this.objective = objective;
        this.temperature = temperature;
        control = AdaptiveEntropyBonus.start(0);
        if (objective != null) {
            control = objective.startControl();
        }
    }

    /** Answers as before where the request id is known, else computes. */
    private synchronized <T extends Message> T once(
            String requestId, Class<T> type, Callable<T> call) throws Exception {
        if (requestId.isEmpty()) {
            throw ServiceException.invalidField("request_id", "empty", "an id of the caller's");
        }
        Message before = answered.get(requestId);
        if (before != null) {
            if (!type.isInstance(before)) {
                throw ServiceException.invalidField(
                        "request_id", '"' + requestId + '"', "an id not used for another call");
            }
            return type.cast(before);
        }
        T answer = call.call();
        answered.put(requestId, answer);
        return answer;
    }

    /** Takes the sequences of a step. */
    public SubmitSequencesResponse submit(String requestId, List<Sequence> given) throws Exception {
        return once(
                requestId,
                SubmitSequencesResponse.class,
                () -> {
                    Map<String, Sequence> byId = new LinkedHashMap<>();
                    for (int i = 0; i < given.size(); i++) {
                        String at = "sequences[" + i + "].";
                        check(at, given.get(i));
                        if (byId.put(given.get(i).getSequenceId(), given.get(i)) != null) {
                            throw ServiceException.invalidField(
                                    at + "sequence_id",
                                    '"' + given.get(i).getSequenceId() + '"',
                                    "an id that no other sequence of the step has");
                        }
                    }
                    if (byId.isEmpty()) {
                        throw ServiceException.invalidField("sequences", "none", "at least one");
                    }
                    SubmitSequencesResponse answer =
                            objective == null ? counted(byId) : select(objective, byId);
                    trainer.discard();
                    accumulated = false;
                    sequences = byId;
                    return answer;
                });
    }

    private void check(String at, Sequence s) {
        int tokens = s.getTokenIdsCount() - s.getPromptLength();
        if (s.getSequenceId().isEmpty()) {
            throw ServiceException.invalidField(at + "sequence_id", "empty", "a name");
        }
        if (s.getPromptLength() < 1 || tokens < 1) {
            throw ServiceException.invalidField(
                    at + "prompt_length",
                    Integer.toUnsignedString(s.getPromptLength()),
                    "1 to " + (s.getTokenIdsCount() - 1) + ", of " + s.getTokenIdsCount());
        }
        int longest = trainer.policy().config().maxPositions();
        if (s.getTokenIdsCount() > longest) {
            throw ServiceException.invalidField(
                    at + "token_ids", s.getTokenIdsCount() + " tokens", "at most " + longest);
        }
        int vocabulary = trainer.policy().config().vocabularySize();
        for (int id : s.getTokenIdsList()) {
            if (id < 0 || id >= vocabulary) {
                throw ServiceException.invalidField(
                        at + "token_ids", Integer.toUnsignedString(id), "0 to " + (vocabulary - 1));
            }
        }
        if (objective == null) {
            values(at + "coefficients", s.getCoefficientsList(), tokens, true);
            return;
        }
        if (s.getCoefficientsCount() > 0) {
            throw ServiceException.invalidField(
                    at + "coefficients", "present", "none with an objective");
        }
        if (!Double.isFinite(s.getReward())) {
            throw ServiceException.invalidField(at + "reward", s.getReward(), "finite");
        }
        values(at + "old_log_probs", s.getOldLogProbsList(), tokens, true);
        values(at + "entropies", s.getEntropiesList(), tokens, objective.selector().ranks());
        values(
                at + "collision_probabilities",
                s.getCollisionProbabilitiesList(),
                tokens,
                objective.needsCollision());
        values(
                at + "rollout_log_probs",
                s.getRolloutLogProbsList(),
                tokens,
                objective.needsRolloutLogProb());
        values(
                at + "reference_log_probs",
                s.getReferenceLogProbsList(),
                tokens,
                objective.needsReference());
    }

    private static void values(String field, List<Float> values, int tokens, boolean required) {
        if (values.size() != tokens && (required || !values.isEmpty())) {
            throw ServiceException.invalidField(
                    field, values.size() + " values", "one of each of " + tokens + " tokens");
        }
        for (int t = 0; t < values.size(); t++) {
            if (!Float.isFinite(values.get(t))) {
                throw ServiceException.invalidField(field + "[" + t + "]", values.get(t), "finite");
            }
        }
    }

    private static SubmitSequencesResponse counted(Map<String, Sequence> byId) {
        long tokens = 0;
        long kept = 0;
        for (Sequence s : byId.values()) {
            tokens += s.getCoefficientsCount();
            kept += s.getCoefficientsList().stream().filter(c -> c != 0).count();
        }
        return SubmitSequencesResponse.newBuilder()
                .setResponseTokens(tokens)
                .setKeptTokens(kept)
                .build();
    }

    private SubmitSequencesResponse select(Objective o, Map<String, Sequence> byId) {
        Map<String, List<Sequence>> groups = new LinkedHashMap<>();
        for (Sequence s : byId.values()) {
            groups.computeIfAbsent(s.getGroupId(), g -> new ArrayList<>()).add(s);
        }
        List<RolloutGroup> rollouts = new ArrayList<>();
        Map<Source, String> idOf = new HashMap<>();
        for (List<Sequence> group : groups.values()) {
            List<Rollout> members = new ArrayList<>();
            for (Sequence s : group) {
                idOf.put(new Source(rollouts.size(), members.size()), s.getSequenceId());
                members.add(rollout(s, members.size()));
            }
            rollouts.add(new RolloutGroup(rollouts.size(), members));
        }
        AssembledStep step = new StepAssembler(o).assemble((int) updates, rollouts);
        Map<String, Integer> responseOf = new HashMap<>();
        for (int i = 0; i < step.source().size(); i++) {
            responseOf.put(idOf.getOrDefault(step.source().get(i), ""), i);
        }
        SubmitSequencesResponse.Builder answer =
                SubmitSequencesResponse.newBuilder().setResponseTokens(step.step().tokens());
        if (step.step().tokens() == 0) {
            selected = null;
            return answer.build();
        }
        StepObjective over = o.over(step.step());
        Selection selection = over.selection();
        if (selection != null) {
            answer.setKeptTokens(selection.keptCount());
            if (!Float.isNaN(selection.threshold())) {
                answer.setThreshold(selection.threshold());
            }
        }
        selected = new Selected(over, responseOf);
        return answer.build();
    }

    private static Rollout rollout(Sequence s, int sample) {
        int tokens = s.getTokenIdsCount() - s.getPromptLength();
        return new Rollout(
                sample,
                Floats.toArray(s.getOldLogProbsList()),
                s.getEntropiesCount() == 0
                        ? new float[tokens]
                        : Floats.toArray(s.getEntropiesList()),
                optional(s.getCollisionProbabilitiesList()),
                optional(s.getReferenceLogProbsList()),
                optional(s.getRolloutLogProbsList()),
                OptionalDouble.of(s.getReward()),
                s.getCorrect(),
                s.getTruncated() ? FinishReason.LENGTH : FinishReason.STOP);
    }

    private static float @Nullable [] optional(List<Float> values) {
        return values.isEmpty() ? null : Floats.toArray(values);
    }

    /** Adds gradient. */
    public AccumulateResponse accumulate(AccumulateRequest request) throws Exception {
        return once(
                request.getRequestId(),
                AccumulateResponse.class,
                () -> {
                    List<String> ids = known("sequence_ids", request.getSequenceIdsList());
                    if (ids.isEmpty()) {
                        ids = List.copyOf(sequences.keySet());
                    }
                    List<String> update =
                            known("update_sequence_ids", request.getUpdateSequenceIdsList());
                    try {
                        return objective == null
                                ? accumulateCoefficients(ids)
                                : accumulateObjective(ids, update.isEmpty() ? ids : update);
                    } catch (NonFiniteException
                            | dev.forkpoint.learner.objective.NonFiniteException e) {
                        trainer.discard();
                        accumulated = false;
                        throw nonFinite(e);
                    }
                });
    }

    private List<String> known(String field, List<String> ids) {
        for (String sequence : ids) {
            if (!sequences.containsKey(sequence)) {
                throw new ServiceException(
                        Code.NOT_FOUND,
                        "UNKNOWN_SEQUENCE",
                        field + ": \"" + sequence + "\" was not submitted");
            }
        }
        return ids;
    }

    private static ServiceException nonFinite(RuntimeException e) {
        return new ServiceException(
                Code.FAILED_PRECONDITION, "NON_FINITE", String.valueOf(e.getMessage()), e);
    }

    private AccumulateResponse accumulateCoefficients(List<String> ids) {
        List<TrainingSequence> training = new ArrayList<>();
        List<float[]> coefficients = new ArrayList<>();
        for (String sequence : ids) {
            Sequence s = sequenceOf(sequence);
            int[] positions =
                    IntStream.range(0, s.getCoefficientsCount())
                            .filter(t -> s.getCoefficients(t) != 0)
                            .toArray();
            training.add(training(s, positions));
            float[] kept = new float[positions.length];
            for (int k = 0; k < kept.length; k++) {
                kept[k] = s.getCoefficients(positions[k]);
            }
            coefficients.add(kept);
        }
        double[] losses = new double[training.size()];
        run(
                training,
                (i, logProb, entropy, byLogProb, byEntropy) -> {
                    float[] c = coefficients.get(i);
                    for (int k = 0; k < c.length; k++) {
                        byLogProb[k] = c[k];
                        losses[i] += (double) c[k] * logProb[k];
                    }
                });
        return AccumulateResponse.newBuilder().setLoss(Arrays.stream(losses).sum()).build();
    }

    private Sequence sequenceOf(String sequence) {
        Sequence s = sequences.get(sequence);
        if (s == null) {
            throw new IllegalStateException("sequence " + sequence);
        }
        return s;
    }

    private void run(List<TrainingSequence> training, SparseObjective sparse) {
        trainer.accumulate(training, temperature, sparse);
        accumulated = true;
    }

    private AccumulateResponse accumulateObjective(List<String> ids, List<String> update) {
        Selected step = selected;
        Objective o = objective;
        if (step == null || o == null) {
            accumulated = true; // no group has signal: an update that moves nothing
            return AccumulateResponse.getDefaultInstance();
        }
        int[] whole = responses(step, update);
        if (whole.length == 0) {
            accumulated = true;
            return AccumulateResponse.getDefaultInstance();
        }
        UpdateObjective parts = step.objective().update(whole, current(o, step, update), control);
        List<TrainingSequence> training = new ArrayList<>();
        List<Integer> responseOf = new ArrayList<>();
        for (String sequence : ids) {
            Integer response = step.responseOf().get(sequence);
            if (response == null) {
                continue;
            }
            int[] positions = parts.positions(response);
            if (positions.length > 0) {
                training.add(training(sequenceOf(sequence), positions));
                responseOf.add(response);
            }
        }
        ResponseLoss[] losses = new ResponseLoss[training.size()];
        run(
                training,
                (i, logProb, entropy, byLogProb, byEntropy) -> {
                    ResponseLoss loss =
                            parts.evaluate(
                                    responseOf.get(i),
                                    doubles(logProb),
                                    o.needsEntropy() ? doubles(entropy) : null);
                    losses[i] = loss;
                    double[] byH = loss.byEntropy();
                    for (int t = 0; t < byLogProb.length; t++) {
                        byLogProb[t] = (float) loss.byLogProb()[t];
                        byEntropy[t] = byH == null ? 0 : (float) byH[t];
                    }
                });
        var statistics = parts.statistics(List.of(losses));
        control = o.nextControl(control, statistics);
        AccumulateResponse.Builder answer =
                AccumulateResponse.newBuilder()
                        .setLoss(statistics.loss())
                        .putMetrics("mask/kept_tokens", statistics.counts().keptTokens());
        TokenStatistics tokens = statistics.tokens();
        if (tokens.tokens() > 0) {
            double n = tokens.tokens();
            answer.putMetrics("clip/low_fraction", tokens.boundLow() / n)
                    .putMetrics("clip/high_fraction", tokens.boundHigh() / n)
                    .putMetrics("ratio/min", tokens.smallestRatio())
                    .putMetrics("ratio/max", tokens.largestRatio())
                    .putMetrics("kl/k3", tokens.sumK3() / n);
        }
        return answer.build();
    }

    private static int[] responses(Selected step, List<String> ids) {
        return ids.stream()
                .filter(step.responseOf()::containsKey)
                .mapToInt(sequence -> step.responseOf().getOrDefault(sequence, -1))
                .sorted()
                .distinct()
                .toArray();
    }

    /** The policy as it is now on the update's tokens, in the order of responses. */
    private @Nullable CurrentScores current(Objective o, Selected step, List<String> update) {
        if (!o.needsCurrentScores() && o.entropySource() != EntropySource.CURRENT) {
            return null;
        }
        List<Sequence> ordered =
                update.stream()
                        .filter(step.responseOf()::containsKey)
                        .distinct()
                        .sorted(
                                java.util.Comparator.comparingInt(
                                        s -> step.responseOf().getOrDefault(s, -1)))
                        .map(this::sequenceOf)
                        .toList();
        List<TokenScores> scores =
                trainer.score(
                        ordered.stream().map(s -> Ints.toArray(s.getTokenIdsList())).toList(),
                        ordered.stream().mapToInt(s -> Math.max(1, s.getPromptLength())).toArray(),
                        temperature);
        List<float[]> logProb = new ArrayList<>();
        List<float[]> entropy = new ArrayList<>();
        List<float[]> collision = new ArrayList<>();
        for (int i = 0; i < ordered.size(); i++) {
            int from = ordered.get(i).getPromptLength();
            int to = ordered.get(i).getTokenIdsCount();
            logProb.add(Arrays.copyOfRange(scores.get(i).logProb(), from, to));
            entropy.add(Arrays.copyOfRange(scores.get(i).entropy(), from, to));
            collision.add(Arrays.copyOfRange(scores.get(i).collisionProbability(), from, to));
        }
        return new CurrentScores(
                Floats.concat(logProb.toArray(float[][]::new)),
                Floats.concat(entropy.toArray(float[][]::new)),
                Floats.concat(collision.toArray(float[][]::new)));
    }

    private static TrainingSequence training(Sequence s, int[] positions) {
        return new TrainingSequence(
                Ints.toArray(s.getTokenIdsList()),
                s.getPromptLength(),
                Arrays.stream(positions).map(t -> s.getPromptLength() + t).toArray());
    }

    private static double[] doubles(float[] values) {
        double[] out = new double[values.length];
        Arrays.setAll(out, i -> values[i]);
        return out;
    }

    /** One optimiser change. */
    public ApplyUpdateResponse apply(String requestId) throws Exception {
        return once(
                requestId,
                ApplyUpdateResponse.class,
                () -> {
                    if (!accumulated) {
                        throw new ServiceException(
                                Code.FAILED_PRECONDITION,
                                "NOTHING_ACCUMULATED",
                                "nothing was accumulated since the last update");
                    }
                    double rate = LearningRate.at(optimizer, updates + 1, 0);
                    UpdateStatistics done;
                    try {
                        done = trainer.apply(LearningRate.adamW(optimizer, rate));
                    } catch (NonFiniteException e) {
                        accumulated = false;
                        throw nonFinite(e);
                    }
                    accumulated = false;
                    updates++;
                    return ApplyUpdateResponse.newBuilder()
                            .setUpdates(updates)
                            .setGradientNorm(done.gradientNorm())
                            .setLearningRate(rate)
                            .build();
                });
    }

    /** Writes the next snapshot. */
    public PublishPolicyResponse publish(String requestId) throws Exception {
        return once(
                requestId,
                PublishPolicyResponse.class,
                () -> {
                    Path to = folder.resolve(Long.toString(nextVersion));
                    try {
                        trainer.publish(to);
                        PolicySnapshot snapshot =
                                PolicySnapshot.newBuilder()
                                        .setPolicyId(id)
                                        .setVersion(nextVersion)
                                        .setUri(to.toUri().toString())
                                        .setBaseUri(baseUri)
                                        .setManifestSha256(
                                                Manifest.sha256(to.resolve(Manifest.FILE_NAME)))
                                        .build();
                        nextVersion++;
                        return PublishPolicyResponse.newBuilder().setPolicy(snapshot).build();
                    } catch (IOException e) {
                        throw new ServiceException(
                                Code.FAILED_PRECONDITION,
                                "RUN_DIRECTORY",
                                to + " cannot be written: " + e,
                                e);
                    }
                });
    }

    /** Where it stands. */
    public synchronized GetTrainerResponse describe() {
        GetTrainerResponse.Builder out =
                GetTrainerResponse.newBuilder()
                        .setUpdates(updates)
                        .setSequences(sequences.size())
                        .setTrainableParameters(trainer.trainableParameters());
        if (nextVersion > 0) {
            out.setPublishedVersion(nextVersion - 1);
        }
        return out.build();
    }

    @Override
    public synchronized void close() {
        trainer.close();
    }
}
