/** Which run, step and request a call belongs to, in logs and in traces. */
@NullMarked
package dev.forkpoint.service.telemetry;

import org.jspecify.annotations.NullMarked;
