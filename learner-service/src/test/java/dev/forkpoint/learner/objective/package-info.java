@NullMarked
package dev.forkpoint.learner.objective;

import org.jspecify.annotations.NullMarked;
