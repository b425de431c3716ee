/**
 * Files of a policy: safetensors, Hugging Face and PEFT layouts, the manifest of hashes, atomic
 * writes.
 */
@NullMarked
package dev.forkpoint.policy.checkpoint;

import org.jspecify.annotations.NullMarked;
