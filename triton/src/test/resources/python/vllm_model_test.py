"""Tests of vllm/model.py against a stand-in for vLLM and for Triton's Python utilities. Argument: directory of model.py."""

import asyncio
import importlib
import json
import math
import os
import sys
import time
import types
import unittest

import numpy as np

MODEL_DIR = sys.argv.pop(1)
VOCABULARY = 50


# ---- Triton's Python utilities ----
class Tensor:
    def __init__(self, name, values):
        self.name, self.values = name, values

    def as_numpy(self):
        return self.values


class TritonError(Exception):
    pass


class InferenceResponse:
    def __init__(self, output_tensors, error=None):
        self.outputs = {t.name: t.as_numpy() for t in output_tensors}
        self.error = error


class Sender:
    def __init__(self):
        self.responses, self.final, self.cancelled = [], False, False

    def send(self, response, flags=0):
        assert not self.final, "a response after the last"
        self.responses.append(response)
        self.final = flags == 1

    def is_cancelled(self):
        return self.cancelled

    def wait(self):
        end = time.time() + 120
        while not self.final:
            assert time.time() < end, "no final response"
            time.sleep(0.002)
        return self.responses

    def joined(self, name):
        return [v for r in self.responses for v in r.outputs[name].tolist()]


class Request:
    def __init__(self, timeout=0, **inputs):
        types_ = {"seed": np.int64, "temperature": np.float64, "top_p": np.float64, "min_p": np.float64, "fork_temperature": np.float64, "ignore_eos": np.bool_, "control": np.object_}
        self.inputs = {
            name: Tensor(name, np.array(v if isinstance(v, list) else [v], dtype=types_.get(name, np.int32)))
            for name, v in inputs.items()
        }
        self.sender, self._timeout = Sender(), timeout

    def get_response_sender(self):
        return self.sender

    def request_id(self):
        return "r"

    def timeout(self):
        return self._timeout


pb = types.ModuleType("triton_python_backend_utils")
pb.Tensor, pb.InferenceResponse, pb.TritonError = Tensor, InferenceResponse, TritonError
pb.TRITONSERVER_RESPONSE_COMPLETE_FINAL = 1
pb.get_input_tensor_by_name = lambda request, name: request.inputs.get(name)
sys.modules["triton_python_backend_utils"] = pb


# ---- vLLM ----
class Record:
    def __init__(self, **kwargs):
        self.__dict__.update(kwargs)


class AsyncLLM:
    last = None

    def __init__(self, arguments):
        self.arguments, self.calls, self.aborted, self.loras, self.weights = arguments, [], [], {}, 0
        self.requests, self.step = [], 0.001
        AsyncLLM.last = self

    @classmethod
    def from_engine_args(cls, arguments):
        return cls(arguments)

    async def generate(self, prompt, parameters, request_id, lora_request=None, priority=0):
        self.requests.append(Record(prompt=prompt, parameters=parameters, lora=lora_request, priority=priority))
        if prompt.prompt_token_ids[0] >= VOCABULARY:
            raise ValueError("token id out of vocabulary")
        for i in range(parameters.max_tokens):
            await asyncio.sleep(self.step)
            token = (prompt.prompt_token_ids[-1] + self.weights + i + 1) % VOCABULARY
            distribution = np.random.default_rng(token).normal(size=VOCABULARY)
            distribution -= np.log(np.exp(distribution).sum())
            ids = range(VOCABULARY) if parameters.logprobs == -1 else [token]
            entry = {v: Record(logprob=float(distribution[v])) for v in ids}
            stop = token in parameters.stop_token_ids
            last = stop or i + 1 == parameters.max_tokens
            yield Record(outputs=[Record(token_ids=[token], logprobs=[entry], finish_reason="stop" if stop else "length" if last else None)])
            if last:
                return

    async def abort(self, request_id):
        self.aborted.append(request_id)

    async def collective_rpc(self, method, args=()):
        self.calls.append((method, *args))
        if method == "check_policy" and "corrupt" in args[0]:
            raise ValueError("model.safetensors: truncated")
        if method == "load_policy":
            await asyncio.sleep(0.02)
            self.weights = int(os.path.basename(args[0]))

    async def reset_prefix_cache(self):
        self.calls.append(("reset_prefix_cache",))

    async def add_lora(self, lora):
        if "corrupt" in lora.path:
            raise ValueError("adapter_model.safetensors: truncated")
        self.loras[lora.lora_int_id] = lora

    async def remove_lora(self, lora_id):
        del self.loras[lora_id]

    def shutdown(self):
        self.calls.append(("shutdown",))


def module(name, **contents):
    m = types.ModuleType(name)
    m.__dict__.update(contents)
    sys.modules[name] = m


class LoRARequest:
    def __init__(self, name, lora_int_id, path):
        self.name, self.lora_int_id, self.path = name, lora_int_id, path


module("vllm", SamplingParams=Record)
module("vllm.inputs", TokensPrompt=Record)
module("vllm.sampling_params", RequestOutputKind=Record(DELTA="delta"))
module("vllm.engine")
module("vllm.engine.arg_utils", AsyncEngineArgs=Record)
module("vllm.v1")
module("vllm.v1.engine")
module("vllm.v1.engine.async_llm", AsyncLLM=AsyncLLM)
module("vllm.lora")
module("vllm.lora.request", LoRARequest=LoRARequest)

sys.path.insert(0, MODEL_DIR)
model_module = importlib.import_module("model")


def start(**parameters):
    all_ = {"policy_version": "3", "policy_directory": "/policies/0", "entropy": "absent", "logprobs_mode": "processed", **parameters}
    model = model_module.TritonPythonModel()
    model.initialize({"model_config": json.dumps({"parameters": {k: {"string_value": v} for k, v in all_.items()}})})
    return model


def rollout(prompt=(1, 2), max_tokens=20, timeout=0, **inputs):
    return Request(timeout=timeout, prompt_ids=list(prompt), seed=7, max_tokens=max_tokens, **inputs)


class VllmModelTest(unittest.TestCase):
    def setUp(self):
        self.model = start()
        self.engine = AsyncLLM.last

    def tearDown(self):
        self.model.finalize()
        self.assertEqual(self.model.running, set())

    def send(self, request):
        self.assertIsNone(self.model.execute([request]))
        return request.sender

    def refused(self, request, text):
        (response,) = self.send(request).wait()
        self.assertIsNotNone(response.error)
        self.assertIn(text, str(response.error))

    def test_answers_a_whole_rollout_with_one_response(self):
        sender = self.send(rollout())
        (response,) = sender.wait()
        self.assertEqual(response.outputs["token_ids"].tolist(), list(range(3, 23)))
        self.assertEqual(response.outputs["policy_versions"].tolist(), [3] * 20)
        self.assertEqual(response.outputs["finish_reason"].tolist(), [2])
        self.assertEqual(len(response.outputs["log_probs"]), 20)
        self.assertEqual(response.outputs["entropies"].tolist(), [], "absent, not approximated")
        self.assertGreaterEqual(response.outputs["queue_micros"][0], 0)
        self.assertEqual(
            {n: v.dtype.name for n, v in response.outputs.items()},
            {"token_ids": "int32", "log_probs": "float32", "entropies": "float32", "collision_probabilities": "float32", "policy_versions": "int64", "finish_reason": "int32", "queue_micros": "int64", "batch_size": "int32"},
        )

    def test_hands_the_sampling_parameters_to_vllm(self):
        self.send(rollout(temperature=0.7, stop_ids=[9], ignore_eos=True, priority=-2)).wait()
        (request,) = self.engine.requests
        p = request.parameters
        self.assertEqual((p.temperature, p.top_p, p.top_k, p.min_p, p.seed, p.ignore_eos), (0.7, 1.0, 0, 0.0, 7, True))
        self.assertEqual((p.stop_token_ids, p.logprobs, p.detokenize, p.output_kind), ([9], 0, False, "delta"))
        self.assertEqual((request.prompt.prompt_token_ids, request.priority), ([1, 2], -2))

    def test_streams_the_first_token_at_once_and_then_chunks(self):
        sender = self.send(rollout(chunk_tokens=8))
        sender.wait()
        self.assertEqual([len(r.outputs["token_ids"]) for r in sender.responses], [1, 8, 8, 3])
        self.assertEqual(sender.joined("token_ids"), list(range(3, 23)))
        self.assertEqual([r.outputs["finish_reason"][0] for r in sender.responses], [0, 0, 0, 2])

    def test_ends_at_a_stop_id(self):
        sender = self.send(rollout(stop_ids=[6]))
        sender.wait()
        self.assertEqual(sender.joined("token_ids"), [3, 4, 5, 6])
        self.assertEqual(sender.responses[-1].outputs["finish_reason"].tolist(), [1])

    def test_a_cancelled_rollout_is_aborted_in_vllm(self):
        request = rollout(max_tokens=100_000, chunk_tokens=1)
        self.send(request)
        while len(request.sender.responses) < 3:
            time.sleep(0.002)
        request.sender.cancelled = True
        self.assertEqual(request.sender.wait()[-1].outputs["finish_reason"].tolist(), [3])
        while not self.engine.aborted:
            time.sleep(0.002)

    def test_a_rollout_that_waits_can_be_cancelled_too(self):
        self.engine.step = 1000
        request = rollout()
        self.send(request)
        request.sender.cancelled = True
        self.assertEqual(request.sender.wait()[-1].outputs["finish_reason"].tolist(), [3])

    def test_a_late_rollout_fails(self):
        self.refused(rollout(max_tokens=100_000, timeout=30_000), "DEADLINE_EXCEEDED")

    def test_refuses_what_does_not_fit_naming_it(self):
        for inputs, text in [
            ({"prompt": [-1]}, "prompt_ids: -1"), ({"max_tokens": 0}, "max_tokens: 0"), ({"temperature": -1.0}, "temperature: -1.0"),
            ({"temperature": math.nan}, "temperature: nan"), ({"top_p": 0.0}, "top_p: 0.0"), ({"top_k": -1}, "top_k: -1"),
            ({"min_p": 2.0}, "min_p: 2.0"), ({"chunk_tokens": -1}, "chunk_tokens: -1"), ({"fork_temperature": 1.0}, "UNSUPPORTED: fork_temperature"),
            ({"prompt": [999]}, "INVALID_ARGUMENT: ValueError: token id out of vocabulary"), ({"temperature": [1.0, 1.0]}, "temperature: shape [2]"),
        ]:
            with self.subTest(text):
                self.refused(rollout(**inputs), text)
        self.refused(Request(prompt_ids=[1], max_tokens=1), "seed: missing")

    def test_refuses_sampling_whose_log_probs_vllm_would_report_otherwise(self):
        self.refused(rollout(top_p=0.9), "top_p")
        self.refused(rollout(temperature=0.0), "temperature")
        raw = start(logprobs_mode="raw")
        request = rollout(temperature=0.7)
        raw.execute([request])
        self.assertIn("temperature: 0.7", str(request.sender.wait()[0].error))
        request = rollout(top_p=0.9)
        raw.execute([request])
        self.assertIsNone(request.sender.wait()[0].error)
        raw.finalize()

    def test_exact_entropy_is_that_of_the_whole_vocabulary(self):
        exact = start(entropy="exact")
        request = rollout(max_tokens=3)
        exact.execute([request])
        request.sender.wait()
        for token, lp, h, c in zip(*(request.sender.joined(n) for n in ("token_ids", "log_probs", "entropies", "collision_probabilities")), strict=True):
            d = np.random.default_rng(token).normal(size=VOCABULARY)
            p = np.exp(d) / np.exp(d).sum()
            self.assertAlmostEqual(lp, math.log(p[token]), places=5)
            self.assertAlmostEqual(h, -(p * np.log(p)).sum(), places=5)
            self.assertAlmostEqual(c, (p * p).sum(), places=6)
        self.assertEqual(AsyncLLM.last.arguments.max_logprobs, -1)
        exact.finalize()

    def control(self, **control):
        return Request(prompt_ids=[0], seed=0, max_tokens=1, control=json.dumps(control).encode())

    def test_weights_change_in_place_when_the_rollouts_in_flight_have_ended(self):
        before = rollout(max_tokens=50, chunk_tokens=4)
        self.send(before)
        while not before.sender.responses:
            time.sleep(0.002)
        load = self.control(op="load", policy_version=4, policy_directory="/policies/10")
        self.send(load)
        after = rollout(max_tokens=5)
        self.send(after)
        self.assertEqual(load.sender.wait()[0].outputs["policy_versions"].tolist(), [4])
        before.sender.wait()
        after.sender.wait()
        self.assertEqual(before.sender.joined("policy_versions"), [3] * 50)
        self.assertEqual(before.sender.joined("token_ids"), [(3 + i) % VOCABULARY for i in range(50)])
        self.assertEqual(after.sender.joined("policy_versions"), [4] * 5)
        self.assertEqual(after.sender.joined("token_ids"), [13, 14, 15, 16, 17])
        self.assertEqual(self.engine.calls, [("check_policy", "/policies/10"), ("load_policy", "/policies/10"), ("reset_prefix_cache",)])

    def test_a_policy_that_is_refused_changes_nothing(self):
        self.refused(self.control(op="load", policy_version=4, policy_directory="/policies/corrupt"), "truncated")
        status = self.control(op="status")
        self.assertEqual(self.send(status).wait()[0].outputs["policy_versions"].tolist(), [3])
        sender = self.send(rollout(max_tokens=2))
        sender.wait()
        self.assertEqual(sender.joined("token_ids"), [3, 4])
        self.assertNotIn("load_policy", [c[0] for c in self.engine.calls])

    def test_an_adapter_swaps_by_a_fresh_id_without_waiting(self):
        first = self.control(op="load", policy_version=4, policy_directory="/policies/0", adapter_directory="/adapters/a")
        self.send(first).wait()
        running = rollout(max_tokens=60, chunk_tokens=1)
        self.send(running)
        while not running.sender.responses:
            time.sleep(0.002)
        second = self.control(op="load", policy_version=5, policy_directory="/policies/0", adapter_directory="/adapters/b")
        self.send(second).wait()
        self.assertFalse(running.sender.final, "the load does not wait for rollouts")
        fresh = rollout(max_tokens=2)
        self.send(fresh).wait()
        running.sender.wait()
        self.assertEqual([(r.lora.lora_int_id, r.lora.path) for r in self.engine.requests], [(1, "/adapters/a"), (2, "/adapters/b")])
        self.assertEqual(set(running.sender.joined("policy_versions")), {4})
        self.assertEqual(set(fresh.sender.joined("policy_versions")), {5})
        end = time.time() + 120
        while set(self.engine.loras) != {2} and time.time() < end:
            time.sleep(0.002)
        self.assertEqual(set(self.engine.loras), {2}, "the old adapter goes when its rollouts have ended")
        self.refused(self.control(op="load", policy_version=6, policy_directory="/policies/0", adapter_directory="/adapters/corrupt"), "truncated")
        status = self.control(op="status")
        self.assertEqual(self.send(status).wait()[0].outputs["policy_versions"].tolist(), [5])


class PolicyWorkerTest(unittest.TestCase):
    """Against real safetensors files, where torch and safetensors are there."""

    def setUp(self):
        try:
            import safetensors.torch
            import torch
        except ImportError:
            self.skipTest("no torch or safetensors")
        import tempfile

        self.torch, self.save = torch, safetensors.torch.save_file
        self.directory = tempfile.mkdtemp()
        config = {"hidden_size": 4, "num_hidden_layers": 1, "vocab_size": 6, "num_attention_heads": 1, "num_key_value_heads": 1}
        self.weights = {"model.embed_tokens.weight": torch.arange(24.0).reshape(6, 4)}
        self.save(self.weights, os.path.join(self.directory, "model.safetensors"))
        with open(os.path.join(self.directory, "config.json"), "w", encoding="utf-8") as f:
            json.dump(config, f)
        self.worker = importlib.import_module("forkpoint_worker").PolicyWorker()
        self.loaded = {}
        self.worker.model_runner = Record(
            model_config=Record(hf_config=Record(**config)),
            model=Record(load_weights=lambda weights: self.loaded.update(weights)),
        )

    def test_loads_every_tensor(self):
        self.worker.check_policy(self.directory)
        self.worker.load_policy(self.directory)
        self.assertTrue(self.torch.equal(self.loaded["model.embed_tokens.weight"], self.weights["model.embed_tokens.weight"]))

    def test_refuses_other_shapes_and_truncated_files(self):
        path = os.path.join(self.directory, "model.safetensors")
        self.save({"model.embed_tokens.weight": self.torch.zeros(5, 4)}, path)
        with self.assertRaisesRegex(ValueError, "embed_tokens"):
            self.worker.check_policy(self.directory)
        self.save(self.weights, path)
        with open(path, "r+b") as f:
            f.truncate(os.path.getsize(path) - 8)
        with self.assertRaises(Exception):
            self.worker.check_policy(self.directory)
        self.assertEqual(self.loaded, {})


unittest.main(argv=[sys.argv[0], "-v"])
