package dev.forkpoint.learner.objective;

/** Why a response ended. */
public enum FinishReason {
    /** The policy ended it: end-of-sequence or a stop text. */
    STOP,
    /** It reached the token limit or filled the context, so the policy had not finished. */
    LENGTH
}
