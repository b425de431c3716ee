package dev.forkpoint.entropy.scoring;

import com.google.rpc.Code;
import dev.forkpoint.policy.Policy;
import dev.forkpoint.policy.PolicyOptions;
import dev.forkpoint.policy.Scorer;
import dev.forkpoint.policy.ScorerOptions;
import dev.forkpoint.proto.policy.v1.PolicySnapshot;
import dev.forkpoint.service.error.ServiceException;
import dev.forkpoint.service.store.PolicyFiles;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * The policy versions in memory, within a budget. A lineage keeps its newest versions; when room is
 * needed, the oldest versions of the lineage that asks for it leave first. Thread-safe.
 */
public final class PolicyTable implements AutoCloseable {

    private final PolicyOptions policyOptions;
    private final ScorerOptions scorerOptions;
    private final long budgetBytes;
    private final int versionsKept;
    private final List<LoadedPolicy> loaded = new ArrayList<>(); // in the order of loading

    /**
     * @param versionsKept most versions of one lineage that are not pinned
     */
    public PolicyTable(
            PolicyOptions policyOptions,
            ScorerOptions scorerOptions,
            long budgetBytes,
            int versionsKept) {
        this.policyOptions = policyOptions;
        this.scorerOptions = scorerOptions;
        this.budgetBytes = budgetBytes;
        this.versionsKept = versionsKept;
    }

    public long budgetBytes() {
        return budgetBytes;
    }

    public synchronized List<LoadedPolicy> list() {
        return List.copyOf(loaded);
    }

    /** Whether exactly this snapshot is loaded. */
    public synchronized boolean holds(PolicySnapshot snapshot) {
        return loaded.stream().anyMatch(p -> p.snapshot().equals(snapshot));
    }

    /**
     * Loads one more version; one of the same lineage and number is replaced.
     *
     * @throws IOException if the folder is damaged or not supported; nothing changed
     */
    public void load(PolicySnapshot snapshot, PolicyFiles files, boolean pinned)
            throws IOException {
        Policy policy =
                Policy.load(
                        files.directory(),
                        files.adapter().map(policyOptions::withAdapter).orElse(policyOptions));
        long bytes = policy.config().parameterCount() * Float.BYTES;
        List<LoadedPolicy> leaving;
        LoadedPolicy entry;
        try {
            if (bytes > budgetBytes) {
                throw overBudget(snapshot, bytes);
            }
            entry =
                    new LoadedPolicy(
                            snapshot, policy, new Scorer(policy, scorerOptions), bytes, pinned);
        } catch (RuntimeException e) {
            policy.close();
            throw e;
        }
        synchronized (this) {
            leaving = makeRoom(snapshot, bytes);
            if (leaving.isEmpty() && total() + bytes > budgetBytes) {
                entry.release();
                throw overBudget(snapshot, bytes);
            }
            loaded.removeAll(leaving);
            loaded.add(entry);
        }
        leaving.forEach(LoadedPolicy::release);
    }

    /** What leaves for the new version; empty when nothing must or nothing helps. */
    private List<LoadedPolicy> makeRoom(PolicySnapshot snapshot, long bytes) {
        List<LoadedPolicy> leaving = new ArrayList<>();
        long total = total() + bytes;
        for (LoadedPolicy p : loaded) {
            if (sameVersion(p, snapshot)) {
                leaving.add(p);
                total -= p.weightBytes();
            }
        }
        List<LoadedPolicy> oldest =
                loaded.stream()
                        .filter(p -> !p.pinned() && !leaving.contains(p))
                        .sorted(
                                Comparator.comparing(
                                        p ->
                                                !p.snapshot()
                                                        .getPolicyId()
                                                        .equals(snapshot.getPolicyId())))
                        .toList();
        long stay =
                oldest.stream()
                        .filter(p -> p.snapshot().getPolicyId().equals(snapshot.getPolicyId()))
                        .count();
        for (LoadedPolicy p : oldest) {
            boolean own = p.snapshot().getPolicyId().equals(snapshot.getPolicyId());
            if (total <= budgetBytes && !(own && stay >= versionsKept)) {
                break;
            }
            stay -= own ? 1 : 0;
            leaving.add(p);
            total -= p.weightBytes();
        }
        return total <= budgetBytes ? leaving : List.of();
    }

    private long total() {
        return loaded.stream().mapToLong(LoadedPolicy::weightBytes).sum();
    }

    private static boolean sameVersion(LoadedPolicy p, PolicySnapshot s) {
        return p.snapshot().getPolicyId().equals(s.getPolicyId())
                && p.snapshot().getVersion() == s.getVersion();
    }

    private ServiceException overBudget(PolicySnapshot snapshot, long bytes) {
        return new ServiceException(
                Code.RESOURCE_EXHAUSTED,
                "POLICY_BUDGET",
                "policy: "
                        + snapshot.getPolicyId()
                        + " version "
                        + snapshot.getVersion()
                        + " takes "
                        + (bytes >> 20)
                        + " MiB (budget of all versions: "
                        + (budgetBytes >> 20)
                        + " MiB; unload one, or raise forkpoint.entropy.policy-budget-mib)");
    }

    /**
     * The version to score with, for the caller to {@linkplain LoadedPolicy#release release}.
     *
     * @param policyId lineage; empty: the one loaded last
     * @param version empty: the newest of the lineage
     */
    public synchronized LoadedPolicy acquire(String policyId, OptionalLong version) {
        String lineage =
                policyId.isEmpty() && !loaded.isEmpty()
                        ? loaded.get(loaded.size() - 1).snapshot().getPolicyId()
                        : policyId;
        Optional<LoadedPolicy> found =
                loaded.stream()
                        .filter(p -> p.snapshot().getPolicyId().equals(lineage))
                        .filter(
                                p ->
                                        version.isEmpty()
                                                || p.snapshot().getVersion() == version.getAsLong())
                        .max(Comparator.comparingLong(p -> p.snapshot().getVersion()));
        LoadedPolicy policy =
                found.orElseThrow(
                        () ->
                                new ServiceException(
                                        Code.FAILED_PRECONDITION,
                                        "POLICY_NOT_LOADED",
                                        "policy: "
                                                + (lineage.isEmpty() ? "any" : lineage)
                                                + (version.isPresent()
                                                        ? " version " + version.getAsLong()
                                                        : "")
                                                + " (loaded: "
                                                + names()
                                                + ")"));
        policy.retain();
        return policy;
    }

    private String names() {
        return loaded.isEmpty()
                ? "none"
                : String.join(
                        ", ",
                        loaded.stream()
                                .map(
                                        p ->
                                                p.snapshot().getPolicyId()
                                                        + "@"
                                                        + p.snapshot().getVersion())
                                .toList());
    }

    /** Takes a version out of the table. */
    public void unload(String policyId, long version) {
        LoadedPolicy found;
        synchronized (this) {
            found =
                    loaded.stream()
                            .filter(
                                    p ->
                                            p.snapshot().getPolicyId().equals(policyId)
                                                    && p.snapshot().getVersion() == version)
                            .findFirst()
                            .orElseThrow(
                                    () ->
                                            new ServiceException(
                                                    Code.NOT_FOUND,
                                                    "POLICY_NOT_LOADED",
                                                    "policy: "
                                                            + policyId
                                                            + "@"
                                                            + version
                                                            + " (loaded: "
                                                            + names()
                                                            + ")"));
            loaded.remove(found);
        }
        found.release();
    }

    @Override
    public void close() {
        List<LoadedPolicy> all;
        synchronized (this) {
            all = List.copyOf(loaded);
            loaded.clear();
        }
        all.forEach(LoadedPolicy::release);
    }
}
