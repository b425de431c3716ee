/**
 * From rollouts to a whole {@link dev.forkpoint.learner.objective.Step}, and from a step to its
 * updates and micro-batches. Pure functions: the same rollouts give the same step in whatever order
 * they arrived.
 */
@NullMarked
package dev.forkpoint.learner.step;

import org.jspecify.annotations.NullMarked;
