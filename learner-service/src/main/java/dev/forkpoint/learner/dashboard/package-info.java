/** Runs in the browser, and the policies of runs for those who load them over HTTP. */
@NullMarked
package dev.forkpoint.learner.dashboard;

import org.jspecify.annotations.NullMarked;
