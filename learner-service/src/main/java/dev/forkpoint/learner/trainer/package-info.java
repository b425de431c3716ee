/** What changes weights, behind six calls that know no tensor library. */
@NullMarked
package dev.forkpoint.learner.trainer;

import org.jspecify.annotations.NullMarked;
