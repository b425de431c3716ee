@NullMarked
package dev.forkpoint.learner.record;

import org.jspecify.annotations.NullMarked;
