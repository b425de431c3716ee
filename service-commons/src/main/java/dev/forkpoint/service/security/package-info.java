/** TLS and tokens: what a service asks of its callers, and what it shows its peers. */
@NullMarked
package dev.forkpoint.service.security;

import org.jspecify.annotations.NullMarked;
