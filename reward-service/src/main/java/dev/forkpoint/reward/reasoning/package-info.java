/** Task families with generators and verifiers in one place, each with a difficulty knob. */
@NullMarked
package dev.forkpoint.reward.reasoning;

import org.jspecify.annotations.NullMarked;
