/** Counter-based random numbers: pure functions of seed and position. Plain Java. */
@NullMarked
package dev.forkpoint.policy.sampling;

import org.jspecify.annotations.NullMarked;
