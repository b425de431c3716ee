/** The paper's analyses of token entropies, over streams of any size. */
@NullMarked
package dev.forkpoint.entropy.analysis;

import org.jspecify.annotations.NullMarked;
