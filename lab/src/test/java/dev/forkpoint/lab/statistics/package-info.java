@NullMarked
package dev.forkpoint.lab.statistics;

import org.jspecify.annotations.NullMarked;
