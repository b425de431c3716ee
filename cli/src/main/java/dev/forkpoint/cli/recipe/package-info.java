/** Recipes: YAML of {@code learner.v1.RunSpec}. */
@NullMarked
package dev.forkpoint.cli.recipe;

import org.jspecify.annotations.NullMarked;
