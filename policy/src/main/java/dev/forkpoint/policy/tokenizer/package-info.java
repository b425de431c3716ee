/** Text to token ids and back: tokenizer.json, chat templates, decoding of streams. */
@NullMarked
package dev.forkpoint.policy.tokenizer;

import org.jspecify.annotations.NullMarked;
