/** What a set of entropies says together. Plain arrays. */
@NullMarked
package dev.forkpoint.entropy.summary;

import org.jspecify.annotations.NullMarked;
