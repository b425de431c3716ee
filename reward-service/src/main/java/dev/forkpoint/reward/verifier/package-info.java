/**
 * The contract of every verifiable reward: what is asked, what is answered, and what it may cost.
 */
@NullMarked
package dev.forkpoint.reward.verifier;

import org.jspecify.annotations.NullMarked;
