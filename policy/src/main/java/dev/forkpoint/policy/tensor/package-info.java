/**
 * The only place that sees DJL's native interface: scopes, the script's functions, worker threads.
 */
@NullMarked
package dev.forkpoint.policy.tensor;

import org.jspecify.annotations.NullMarked;
