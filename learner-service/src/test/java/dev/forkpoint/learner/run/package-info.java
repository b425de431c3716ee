@NullMarked
package dev.forkpoint.learner.run;

import org.jspecify.annotations.NullMarked;
