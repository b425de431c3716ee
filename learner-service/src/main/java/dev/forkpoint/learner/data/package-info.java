/** Where prompts come from, with a place that survives resume. */
@NullMarked
package dev.forkpoint.learner.data;

import org.jspecify.annotations.NullMarked;
