package dev.forkpoint.entropy.scoring;

import dev.forkpoint.policy.TokenScores;
import dev.forkpoint.service.error.ServiceException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.function.Consumer;

/**
 * Sequences that wait to be scored, in order of arrival; scored in rounds of one policy version and
 * temperature, so that few and large tensor calls serve many small requests. Thread-safe.
 */
public final class ScoringQueue implements AutoCloseable {

    /** A sequence, and who wants its scores. Owns one use of the policy. */
    public static final class Job {
        private final LoadedPolicy policy;
        private final int[] ids;
        private final int first;
        private final double temperature;
        private final Consumer<TokenScores> scored;
        private final Consumer<Throwable> failed;

        /**
         * @param policy acquired by the caller; the queue releases it
         * @param first position of the first token whose scores are wanted, 1 to the length
         * @param temperature above 0
         */
        public Job(
                LoadedPolicy policy,
                int[] ids,
                int first,
                double temperature,
                Consumer<TokenScores> scored,
                Consumer<Throwable> failed) {
            this.policy = policy;
            this.ids = ids;
            this.first = first;
            this.temperature = temperature;
            this.scored = scored;
            this.failed = failed;
        }
    }

    private final ArrayDeque<Job> waiting = new ArrayDeque<>();
    private final int tokensPerRound;
    private final int maxQueued;
    private final Thread worker;
    private boolean closed;
    private int scoring;

    public ScoringQueue(int tokensPerRound, int maxQueued) {
        this.tokensPerRound = tokensPerRound;
        this.maxQueued = maxQueued;
        worker = new Thread(this::work, "scoring-rounds");
        worker.setDaemon(true);
        worker.start();
    }

    /** Adds a job, or sheds it. */
    public void add(Job job) {
        synchronized (this) {
            if (waiting.size() < maxQueued && !closed) {
                waiting.add(job);
                notifyAll();
                return;
            }
        }
        job.policy.release();
        throw ServiceException.overloaded(
                "sequences waiting: at most " + maxQueued, Duration.ofSeconds(1));
    }

    /** Forgets a job that has not begun. */
    public void remove(Job job) {
        boolean removed;
        synchronized (this) {
            removed = waiting.remove(job);
        }
        if (removed) {
            job.policy.release();
        }
    }

    /** Sequences waiting. */
    public synchronized int queued() {
        return waiting.size();
    }

    /** Sequences of the round being scored. */
    public synchronized int active() {
        return scoring;
    }

    private void work() {
        while (true) {
            List<Job> round;
            synchronized (this) {
                scoring = 0;
                while (waiting.isEmpty() && !closed) {
                    try {
                        wait();
                    } catch (InterruptedException e) {
                        closed = true;
                    }
                }
                if (closed) {
                    return;
                }
                round = nextRound();
                scoring = round.size();
            }
            score(round);
        }
    }

    private List<Job> nextRound() {
        List<Job> round = new ArrayList<>();
        int tokens = 0;
        for (Iterator<Job> it = waiting.iterator(); it.hasNext() && tokens < tokensPerRound; ) {
            Job job = it.next();
            if (round.isEmpty()
                    || (job.policy == round.get(0).policy
                            && job.temperature == round.get(0).temperature)) {
                round.add(job);
                tokens += job.ids.length;
                it.remove();
            }
        }
        return round;
    }

    private static void score(List<Job> round) {
        Job first = round.get(0);
        try {
            List<TokenScores> scores =
                    first.policy
                            .scorer()
                            .score(
                                    round.stream().map(j -> j.ids).toList(),
                                    round.stream().mapToInt(j -> j.first).toArray(),
                                    first.temperature);
            for (int i = 0; i < round.size(); i++) {
                round.get(i).scored.accept(scores.get(i));
            }
        } catch (RuntimeException | OutOfMemoryError e) {
            round.forEach(j -> j.failed.accept(e));
        } finally {
            round.forEach(j -> j.policy.release());
        }
    }

    @Override
    public void close() {
        List<Job> left;
        synchronized (this) {
            closed = true;
            left = List.copyOf(waiting);
            waiting.clear();
            notifyAll();
        }
        for (Job job : left) {
            job.failed.accept(
                    ServiceException.overloaded("the service is stopping", Duration.ofSeconds(1)));
            job.policy.release();
        }
        try {
            worker.join(30_000);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
