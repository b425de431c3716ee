/** Translation between the contracts and runs and trainers. */
@NullMarked
package dev.forkpoint.learner.grpc;

import org.jspecify.annotations.NullMarked;
