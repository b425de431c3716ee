"""What vLLM mixes into each of its workers (worker_extension_cls): weights from a Hugging Face directory, in place."""

import json
import os


class PolicyWorker:
    def _files(self, directory):
        index = os.path.join(directory, "model.safetensors.index.json")
        if os.path.exists(index):
            with open(index, encoding="utf-8") as f:
                names = sorted(set(json.load(f)["weight_map"].values()))
        else:
            names = ["model.safetensors"]
        return [os.path.join(directory, name) for name in names]

    def _weights(self, directory):
        from safetensors import safe_open

        for path in self._files(directory):
            with safe_open(path, framework="pt", device="cpu") as tensors:
                for name in tensors.keys():
                    yield name, tensors.get_tensor(name)

    def check_policy(self, directory):
        """Raises ValueError where the directory's tensors are not, by name and shape, those of the policy that runs.

        safe_open reads header and sizes, so a truncated file shows here, before load_policy changes a weight.
        """
        from safetensors import safe_open

        found = {}
        for path in self._files(directory):
            with safe_open(path, framework="pt", device="cpu") as tensors:
                for name in tensors.keys():
                    found[name] = list(tensors.get_slice(name).get_shape())
        with open(os.path.join(directory, "config.json"), encoding="utf-8") as f:
            config = json.load(f)
        running = self.model_runner.model_config.hf_config
        for key in ("hidden_size", "num_hidden_layers", "vocab_size", "num_attention_heads", "num_key_value_heads"):
            if config.get(key) != getattr(running, key, None):
                raise ValueError(f"{key}: {config.get(key)} (allowed: {getattr(running, key, None)}, as of the policy that runs)")
        embedding = found.get("model.embed_tokens.weight")
        if embedding != [running.vocab_size, running.hidden_size]:
            raise ValueError(f"model.embed_tokens.weight: {embedding} (allowed: {[running.vocab_size, running.hidden_size]})")

    def load_policy(self, directory):
        self.model_runner.model.load_weights(self._weights(directory))
