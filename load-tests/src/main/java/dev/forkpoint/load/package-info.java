/** Load on running services over gRPC: schedules, recorders, scenarios and reports. */
@NullMarked
package dev.forkpoint.load;

import org.jspecify.annotations.NullMarked;
