/** The decoder's shapes and the TorchScript functions that compute it. */
@NullMarked
package dev.forkpoint.policy.decoder;

import org.jspecify.annotations.NullMarked;
