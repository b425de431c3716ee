package dev.forkpoint.entropy.analysis;

import java.util.Arrays;
import java.util.SplittableRandom;

/**
 * Every token while they fit, then a uniform sample of them (Vitter's algorithm R, 1985); so memory
 * is bounded. Three values a token.
 */
final class TokenSample {

    private final int capacity;
    private final SplittableRandom random = new SplittableRandom(0x5EED);
    private float[] entropy = new float[1 << 10];
    private float[] base = new float[1 << 10];
    private float[] gradient = new float[1 << 10];
    private int held;
    private long seen;

    /**
     * @param capacity most tokens held
     */
    TokenSample(int capacity) {
        this.capacity = capacity;
    }

    void add(float h, float ofBase, float norm) {
        seen++;
        int at = held;
        if (held < capacity) {
            if (held == entropy.length) {
                int length = Math.min(capacity, 2 * held);
                entropy = Arrays.copyOf(entropy, length);
                base = Arrays.copyOf(base, length);
                gradient = Arrays.copyOf(gradient, length);
            }
            held++;
        } else {
            long place = random.nextLong(seen);
            if (place >= capacity) {
                return;
            }
            at = (int) place;
        }
        entropy[at] = h;
        base[at] = ofBase;
        gradient[at] = norm;
    }

    /** Whether every token is held. */
    boolean complete() {
        return seen == held;
    }

    float[] entropy() {
        return Arrays.copyOf(entropy, held);
    }

    float[] base() {
        return Arrays.copyOf(base, held);
    }

    float[] gradient() {
        return Arrays.copyOf(gradient, held);
    }
}
