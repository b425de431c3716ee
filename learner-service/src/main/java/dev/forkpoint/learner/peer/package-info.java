/** The other three services as a run sees them. */
@NullMarked
package dev.forkpoint.learner.peer;

import org.jspecify.annotations.NullMarked;
