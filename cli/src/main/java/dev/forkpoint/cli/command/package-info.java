/** One class a command, and what commands share. */
@NullMarked
package dev.forkpoint.cli.command;

import org.jspecify.annotations.NullMarked;
