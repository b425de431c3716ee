/**
 * What a run leaves for other tools: rollouts as Parquet, curves as TensorBoard events. Files
 * alone.
 */
@NullMarked
package dev.forkpoint.learner.record;

import org.jspecify.annotations.NullMarked;
