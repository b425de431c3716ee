/**
 * Verifiers that read text or token ids without mathematics: equality, numbers, choices, patterns,
 * format, length, repetition.
 */
@NullMarked
package dev.forkpoint.reward.text;

import org.jspecify.annotations.NullMarked;
