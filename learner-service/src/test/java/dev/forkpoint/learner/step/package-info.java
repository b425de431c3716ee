@NullMarked
package dev.forkpoint.learner.step;

import org.jspecify.annotations.NullMarked;
