/**
 * The equation that everything trains by, on plain arrays:
 *
 * <pre>loss = −(1/Z) Σ_t m_t w_t ℓ(logp_t; old_t, A) + Σ_j c_j aux_j</pre>
 *
 * <p>Each factor is a small sealed interface, each published method one small class behind it with
 * its equation and source ({@link dev.forkpoint.learner.objective.Published}); {@link
 * dev.forkpoint.learner.objective.Objective} is their composition. Nothing here knows a tensor
 * library, a wire format or a service: an objective answers with the derivative of the loss by
 * every token's log-probability, and whoever owns the tensors carries it on.
 *
 * <p>Dimensions: P prompts, R responses, T tokens of a response, N response tokens of the step;
 * ragged arrays are flat [N] with {@code int[] offset} [R + 1]. Log-probabilities and entropies are
 * in nats.
 */
@NullMarked
package dev.forkpoint.learner.objective;

import org.jspecify.annotations.NullMarked;
