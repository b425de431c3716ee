/** Runs programs of strangers in processes that see nothing of this machine. */
@NullMarked
package dev.forkpoint.reward.sandbox;

import org.jspecify.annotations.NullMarked;
