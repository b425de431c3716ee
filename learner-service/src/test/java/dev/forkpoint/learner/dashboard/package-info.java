@NullMarked
package dev.forkpoint.learner.dashboard;

import org.jspecify.annotations.NullMarked;
