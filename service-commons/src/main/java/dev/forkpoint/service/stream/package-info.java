/** The server side of bidirectional streams: request ids, cancellation, back-pressure. */
@NullMarked
package dev.forkpoint.service.stream;

import org.jspecify.annotations.NullMarked;
