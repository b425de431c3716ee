@NullMarked
package dev.forkpoint.learner;

import org.jspecify.annotations.NullMarked;
