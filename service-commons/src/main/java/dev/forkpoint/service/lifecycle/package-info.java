/** What every service process does: tell where it listens, end with its parent. */
@NullMarked
package dev.forkpoint.service.lifecycle;

import org.jspecify.annotations.NullMarked;
