/** Calls to replicas of a peer service: balancing, retries, breakers, deadlines. */
@NullMarked
package dev.forkpoint.service.client;

import org.jspecify.annotations.NullMarked;
