/**
 * Exact selection of the top or bottom share of values: the only copy in the project. Plain arrays.
 */
@NullMarked
package dev.forkpoint.policy.selection;

import org.jspecify.annotations.NullMarked;
