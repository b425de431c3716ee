package dev.forkpoint.learner.data;

import dev.forkpoint.proto.reward.v1.Problem;
import java.util.List;

/** An endless, replayable sequence of problems: problem i is the same whenever it is asked for. */
public interface PromptSource {

    /** Problems start, start + 1, …, start + count − 1 to train on. */
    List<Problem> train(long start, int count);

    /** The first {@code count} problems held out of training, in an order fixed by the seed. */
    List<Problem> heldOut(long seed, int count);

    /** Verifier of these problems where the specification names none; empty: it must name one. */
    String defaultVerifier();
}
