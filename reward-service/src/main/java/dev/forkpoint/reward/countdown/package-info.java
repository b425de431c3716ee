/**
 * Countdown: reach a target with three numbers. Problems, demonstrations and the verifier in one
 * place.
 */
@NullMarked
package dev.forkpoint.reward.countdown;

import org.jspecify.annotations.NullMarked;
