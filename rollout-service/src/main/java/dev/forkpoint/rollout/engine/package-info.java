/** What produces rollouts: one interface, and the engines behind it. */
@NullMarked
package dev.forkpoint.rollout.engine;

import org.jspecify.annotations.NullMarked;
