/** Ablation studies: what a study file asks, what its runs came to, and the page about them. */
@NullMarked
package dev.forkpoint.cli.study;

import org.jspecify.annotations.NullMarked;
