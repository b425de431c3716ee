@NullMarked
package dev.forkpoint.learner.data;

import org.jspecify.annotations.NullMarked;
