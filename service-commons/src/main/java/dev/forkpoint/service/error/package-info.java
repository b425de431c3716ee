/** Failures as google.rpc.Status: one exception type, one mapping. */
@NullMarked
package dev.forkpoint.service.error;

import org.jspecify.annotations.NullMarked;
