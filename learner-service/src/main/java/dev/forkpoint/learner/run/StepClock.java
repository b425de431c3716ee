package dev.forkpoint.learner.run;

/** Seconds that the phases of a step took. */
final class StepClock {

    private final long began = System.nanoTime();
    private long sampled = began;
    private long updated = began;
    private long published = began;

    void sampled() {
        sampled = System.nanoTime();
    }

    void updated() {
        updated = System.nanoTime();
    }

    void published() {
        published = System.nanoTime();
    }

    double sampleSeconds() {
        return (sampled - began) * 1e-9;
    }

    double updateSeconds() {
        return (updated - sampled) * 1e-9;
    }

    double publishSeconds() {
        return (published - updated) * 1e-9;
    }

    /** The whole step until now. */
    double seconds() {
        return (System.nanoTime() - began) * 1e-9;
    }
}
