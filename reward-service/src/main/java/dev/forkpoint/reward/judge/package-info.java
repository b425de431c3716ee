/** Rewards that another model or service gives over HTTP. */
@NullMarked
package dev.forkpoint.reward.judge;

import org.jspecify.annotations.NullMarked;
