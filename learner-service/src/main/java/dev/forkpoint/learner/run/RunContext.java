package dev.forkpoint.learner.run;

import dev.forkpoint.learner.peer.EntropyClient;
import dev.forkpoint.learner.peer.Peers;
import dev.forkpoint.learner.peer.RewardClient;
import dev.forkpoint.learner.peer.RolloutClient;
import dev.forkpoint.policy.checkpoint.Manifest;
import dev.forkpoint.proto.learner.v1.Progress;
import dev.forkpoint.proto.learner.v1.RunSpec;
import dev.forkpoint.proto.learner.v1.WatchRunResponse;
import dev.forkpoint.proto.policy.v1.PolicySnapshot;
import dev.forkpoint.service.store.SnapshotSource;
import dev.forkpoint.service.telemetry.Telemetry;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** What both kinds of run lean on: directory, events, the other services, the wish to stop. */
final class RunContext implements AutoCloseable {

    final String runId;
    final RunSpec spec;
    final RunDirectory directory;
    final EventLog events;
    final SnapshotSource snapshots;
    final Telemetry telemetry;
    final RolloutClient rollouts;
    final EntropyClient entropies;
    final RewardClient rewards;
    private final String policyBaseUri;
    private volatile boolean stopping;

    RunContext(
            String runId,
            RunSpec spec,
            RunDirectory directory,
            EventLog events,
            SnapshotSource snapshots,
            Peers peers,
            String policyBaseUri) {
        this.runId = runId;
        this.spec = spec;
        this.directory = directory;
        this.events = events;
        this.snapshots = snapshots;
        this.policyBaseUri = policyBaseUri;
        telemetry = peers.telemetry();
        rollouts = new RolloutClient(peers.rollout());
        entropies = new EntropyClient(peers.entropy());
        rewards = new RewardClient(peers.reward());
    }

    void stop() {
        stopping = true;
    }

    boolean stopping() {
        return stopping;
    }

    /** Tells how far a phase is. */
    void progress(String phase, int step, long done, long total) {
        events.tell(
                WatchRunResponse.newBuilder()
                        .setProgress(
                                Progress.newBuilder()
                                        .setPhase(phase)
                                        .setStep(step)
                                        .setDone(done)
                                        .setTotal(total)));
    }

    void warn(String text) {
        events.add(WatchRunResponse.newBuilder().setWarning(text));
    }

    /**
     * Waits for all, telling progress; every future has a deadline of its own.
     *
     * @throws RunStoppedException when the run is to stop
     * @throws RuntimeException the first failure
     */
    <T> List<T> await(String phase, int step, List<CompletableFuture<T>> futures) {
        CompletableFuture<Void> all =
                CompletableFuture.allOf(futures.toArray(CompletableFuture[]::new));
        CompletableFuture<Object> failed = new CompletableFuture<>();
        for (CompletableFuture<T> f : futures) {
            f.whenComplete(
                    (value, t) -> {
                        if (t != null) {
                            failed.completeExceptionally(t);
                        }
                    });
        }
        CompletableFuture<Object> first = CompletableFuture.anyOf(all, failed);
        while (true) {
            long done = futures.stream().filter(CompletableFuture::isDone).count();
            progress(phase, step, done, futures.size());
            if (stopping) {
                throw new RunStoppedException();
            }
            try {
                first.get(200, TimeUnit.MILLISECONDS);
                break;
            } catch (TimeoutException e) {
                continue;
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new RunStoppedException();
            } catch (ExecutionException e) {
                Throwable cause = Sampling.cause(new CompletionException(e.getCause()));
                throw cause instanceof RuntimeException r ? r : new CompletionException(cause);
            }
        }
        progress(phase, step, futures.size(), futures.size());
        List<T> out = new ArrayList<>(futures.size());
        futures.forEach(f -> out.add(f.join()));
        return out;
    }

    /** How the other services are told of a published version. */
    PolicySnapshot snapshot(long version) throws IOException {
        Path folder = directory.policy(version);
        String uri =
                policyBaseUri.isEmpty()
                        ? folder.toUri().toString()
                        : policyBaseUri + runId + "/" + version + "/";
        return PolicySnapshot.newBuilder()
                .setPolicyId(runId)
                .setVersion(version)
                .setUri(uri)
                .setBaseUri(spec.hasLora() ? baseUri() : "")
                .setManifestSha256(Manifest.sha256(folder.resolve(Manifest.FILE_NAME)))
                .build();
    }

    /** Where the adapters' base is: the policy that the run began with. */
    private String baseUri() {
        if (spec.hasReinforcement()) {
            return spec.getReinforcement().getPolicy();
        }
        return spec.getSupervised().hasFresh()
                ? directory.fresh().toUri().toString()
                : spec.getSupervised().getPolicy();
    }

    @Override
    public void close() {
        rollouts.close();
        entropies.close();
        rewards.close();
    }
}
