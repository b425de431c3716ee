/** Measures the library in-process: the side that services and peers are compared with. */
@NullMarked
package dev.forkpoint.policy.bench;

import org.jspecify.annotations.NullMarked;
