/**
 * Finds the services that a command calls: running ones, or a local set of processes that it starts
 * and stops.
 */
@NullMarked
package dev.forkpoint.cli.local;

import org.jspecify.annotations.NullMarked;
