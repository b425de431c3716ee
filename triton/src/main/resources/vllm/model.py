"""A policy on vLLM, served by Triton's Python backend under version 1 of Forkpoint's tensor contract.

Beside the contract's inputs it takes `control`, a JSON text, alone on its request: {"op": "status"} or {"op": "load",
"policy_version": N, "policy_directory": DIR, "adapter_directory": DIR or absent}. Weights change inside the running engine;
rollouts in flight end on the version they began with, and the engine takes new ones when it holds the new weights. An adapter
becomes a LoRA request of a fresh id, so the base is not touched and nothing waits. A control request is answered with one token
of no meaning that carries the version served.

What is called of vLLM: AsyncLLM.from_engine_args, generate, abort, collective_rpc, reset_prefix_cache, add_lora, remove_lora,
shutdown.
"""

import asyncio
import json
import math
import os
import threading

import numpy as np
import triton_python_backend_utils as pb_utils

STOP, LENGTH, CANCELLED = 1, 2, 3
MAX_TEMPERATURE = 100.0
POLL_SECONDS = 0.05


class Refused(Exception):
    """A request that does not fit; the text begins with a code of the contract."""

    def __init__(self, code, message):
        super().__init__(f"{code}: {message}")


def allowed(holds, name, found, what):
    if not holds:
        raise Refused("INVALID_ARGUMENT", f"{name}: {found} (allowed: {what})")


class Rollout:
    """The inputs of one request."""

    def __init__(self, request):
        def get(name, default=None):
            tensor = pb_utils.get_input_tensor_by_name(request, name)
            if tensor is None:
                if default is None:
                    raise Refused("INVALID_ARGUMENT", f"{name}: missing")
                return default
            values = tensor.as_numpy()
            if name in ("prompt_ids", "stop_ids"):
                return [int(v) for v in values]
            allowed(values.shape == (1,), name, f"shape {list(values.shape)}", "[1]")
            return values[0].item()

        self.prompt_ids = get("prompt_ids")
        self.seed = get("seed")
        self.max_tokens = get("max_tokens")
        self.temperature = get("temperature", 1.0)
        self.top_p = get("top_p", 1.0)
        self.top_k = get("top_k", 0)
        self.min_p = get("min_p", 0.0)
        self.stop_ids = get("stop_ids", [])
        self.ignore_eos = bool(get("ignore_eos", False))
        self.chunk_tokens = get("chunk_tokens", 0)
        self.chunk_millis = get("chunk_millis", 0)
        self.priority = get("priority", 0)
        self.timeout_micros = request.timeout()
        allowed(self.prompt_ids, "prompt_ids", "no ids", "at least one")
        allowed(min(self.prompt_ids) >= 0, "prompt_ids", min(self.prompt_ids), "ids from 0 up")
        allowed(self.max_tokens >= 1, "max_tokens", self.max_tokens, "at least 1")
        allowed(
            self.temperature == 0 or 1e-3 <= self.temperature <= MAX_TEMPERATURE,
            "temperature", self.temperature, "0, or 0.001 to 100",
        )
        allowed(0 < self.top_p <= 1, "top_p", self.top_p, "above 0, up to 1")
        allowed(self.top_k >= 0, "top_k", self.top_k, "at least 0")
        allowed(0 <= self.min_p <= 1, "min_p", self.min_p, "0 to 1")
        allowed(self.chunk_tokens >= 0, "chunk_tokens", self.chunk_tokens, "at least 0")
        allowed(self.chunk_millis >= 0, "chunk_millis", self.chunk_millis, "at least 0")
        for name in ("fork_temperature", "fork_entropy"):
            if pb_utils.get_input_tensor_by_name(request, name) is not None:
                raise Refused("UNSUPPORTED", f"{name}: vLLM has one temperature a response")

    @property
    def whole(self):
        return self.chunk_tokens == 0 and self.chunk_millis == 0


class Chunk:
    """Tokens that have not been sent yet."""

    def __init__(self):
        self.ids, self.log_probs, self.entropies, self.collisions = [], [], [], []

    def response(self, version, finish_reason, queue_micros=-1, batch_size=-1):
        n = len(self.ids)
        outputs = [
            ("token_ids", self.ids, np.int32),
            ("log_probs", self.log_probs, np.float32),
            ("entropies", self.entropies, np.float32),
            ("collision_probabilities", self.collisions, np.float32),
            ("policy_versions", [version] * n, np.int64),
            ("finish_reason", [finish_reason], np.int32),
            ("queue_micros", [queue_micros], np.int64),
            ("batch_size", [batch_size], np.int32),
        ]
        return pb_utils.InferenceResponse([pb_utils.Tensor(name, np.array(v, dtype=t)) for name, v, t in outputs])


def entropy_and_collision(log_probs):
    """Of a whole distribution, given as natural logarithms: -sum p ln p in nats, and sum p squared."""
    entropy = collision = 0.0
    for lp in log_probs:
        if lp > -math.inf:
            p = math.exp(lp)
            entropy -= p * lp
            collision += p * p
    return entropy, collision


async def _with_ticks(stream, seconds):
    """What the stream gives, and None whenever it gives nothing for so long: a request that waits can be cancelled too."""
    following = None
    try:
        while True:
            following = following or asyncio.ensure_future(anext(stream))
            done, _ = await asyncio.wait({following}, timeout=seconds)
            if not done:
                yield None
                continue
            try:
                output = following.result()
            except StopAsyncIteration:
                return
            following = None
            yield output
    finally:
        if following is not None:
            following.cancel()


class TritonPythonModel:
    def initialize(self, args):
        config = json.loads(args["model_config"])
        parameters = {k: v["string_value"] for k, v in config["parameters"].items()}
        self.version = int(parameters["policy_version"])
        self.exact_entropy = parameters["entropy"] == "exact"
        # "processed": of the distribution at the decoding temperature, after the filters; "raw": at temperature 1. The
        # contract wants it at the decoding temperature before the filters, which is the one where there are no filters and
        # the other where the temperature is 1.
        self.logprobs_mode = parameters["logprobs_mode"]
        self.lora = None
        self.next_lora_id = 1
        self.running = set()
        self.vocabulary = None
        self.admit = None
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, name="vllm-loop", daemon=True)
        self.thread.start()
        asyncio.run_coroutine_threadsafe(self._start(parameters), self.loop).result()

    async def _start(self, parameters):
        from vllm.engine.arg_utils import AsyncEngineArgs
        from vllm.v1.engine.async_llm import AsyncLLM

        # vLLM starts its workers as processes of their own: they find forkpoint_worker by this
        here = os.path.dirname(os.path.abspath(__file__))
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH")]))
        self.admit = asyncio.Event()
        self.admit.set()
        self.loading = asyncio.Lock()
        arguments = {
            "model": parameters["policy_directory"],
            "skip_tokenizer_init": True,
            "logprobs_mode": self.logprobs_mode + "_logprobs",
            "max_logprobs": -1 if self.exact_entropy else 1,
            "worker_extension_cls": "forkpoint_worker.PolicyWorker",
        }
        arguments.update(json.loads(parameters.get("engine_arguments", "{}")))
        self.engine = AsyncLLM.from_engine_args(AsyncEngineArgs(**arguments))
        if "adapter_directory" in parameters:
            self.lora = await self._add_lora(self.version, parameters["adapter_directory"])

    def execute(self, requests):
        for request in requests:
            asyncio.run_coroutine_threadsafe(self._serve(request), self.loop)
        return None

    async def _serve(self, request):
        sender = request.get_response_sender()
        try:
            control = pb_utils.get_input_tensor_by_name(request, "control")
            if control is not None:
                await self._control(json.loads(control.as_numpy()[0]))
                answer = Chunk()
                answer.ids, answer.log_probs = [0], [0.0]
                answer.entropies = answer.collisions = [0.0] if self.exact_entropy else []
                last = answer.response(self.version, STOP)
            else:
                last = await self._generate(Rollout(request), request.request_id(), sender)
        except Refused as e:
            last = pb_utils.InferenceResponse([], error=pb_utils.TritonError(str(e)))
        except Exception as e:  # vLLM's own refusals are ValueErrors
            code = "INVALID_ARGUMENT" if isinstance(e, ValueError) else "INTERNAL"
            last = pb_utils.InferenceResponse([], error=pb_utils.TritonError(f"{code}: {type(e).__name__}: {e}"))
        sender.send(last, flags=pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL)

    def _check_log_probs(self, rollout):
        filters = rollout.top_p < 1 or rollout.top_k > 0 or rollout.min_p > 0
        if self.logprobs_mode == "processed":
            allowed(not filters, "top_p, top_k, min_p", "on", "off where log-probs are vLLM's processed ones")
            allowed(rollout.temperature > 0, "temperature", 0, "above 0 where log-probs are vLLM's processed ones")
        else:
            allowed(rollout.temperature in (0, 1), "temperature", rollout.temperature, "0 or 1 where log-probs are vLLM's raw ones")

    async def _generate(self, rollout, request_id, sender):
        from vllm import SamplingParams
        from vllm.inputs import TokensPrompt
        from vllm.sampling_params import RequestOutputKind

        self._check_log_probs(rollout)
        arrived = self.loop.time()
        deadline = arrived + rollout.timeout_micros / 1e6 if rollout.timeout_micros else math.inf
        await self.admit.wait()
        version, lora = self.version, self.lora
        vllm_id = f"{request_id}-{id(rollout)}"
        parameters = SamplingParams(
            temperature=rollout.temperature,
            top_p=rollout.top_p,
            top_k=rollout.top_k,
            min_p=rollout.min_p,
            seed=rollout.seed,
            max_tokens=rollout.max_tokens,
            stop_token_ids=rollout.stop_ids,
            ignore_eos=rollout.ignore_eos,
            logprobs=-1 if self.exact_entropy else 0,
            detokenize=False,
            output_kind=RequestOutputKind.DELTA,
        )
        chunk, sent_at, queue_micros, finish = Chunk(), None, -1, None
        outputs = self.engine.generate(
            TokensPrompt(prompt_token_ids=rollout.prompt_ids), parameters, vllm_id,
            lora_request=lora, priority=rollout.priority,
        )
        self.running.add(vllm_id)
        try:
            async for output in _with_ticks(outputs, POLL_SECONDS):
                if sender.is_cancelled():
                    return chunk.response(version, CANCELLED)
                now = self.loop.time()
                if now > deadline:
                    raise Refused("DEADLINE_EXCEEDED", f"the rollout did not end within its timeout of {rollout.timeout_micros} µs")
                if output is None:
                    continue
                if queue_micros < 0:
                    queue_micros = int((now - arrived) * 1e6)
                completion = output.outputs[0]
                self._append(chunk, completion)
                if completion.finish_reason is not None:
                    finish = {"stop": STOP, "length": LENGTH}.get(completion.finish_reason, CANCELLED)
                    break
                due = sent_at is None or 0 < rollout.chunk_tokens <= len(chunk.ids) or (
                    rollout.chunk_millis > 0 and (now - sent_at) * 1000 >= rollout.chunk_millis
                )
                if not rollout.whole and due and chunk.ids:
                    sender.send(chunk.response(version, 0))
                    chunk, sent_at = Chunk(), now
            if finish is None:
                raise Refused("INTERNAL", "vLLM ended the stream without a finish reason")
            return chunk.response(version, finish, queue_micros, len(self.running))
        finally:
            if finish is None:
                await self.engine.abort(vllm_id)
            self.running.discard(vllm_id)

    def _append(self, chunk, completion):
        for token, entry in zip(completion.token_ids, completion.logprobs, strict=True):
            chunk.ids.append(token)
            chunk.log_probs.append(entry[token].logprob)
            if self.exact_entropy:
                entropy, collision = entropy_and_collision(e.logprob for e in entry.values())
                chunk.entropies.append(entropy)
                chunk.collisions.append(collision)

    async def _control(self, control):
        if control["op"] == "status":
            return
        if control["op"] != "load":
            raise Refused("INVALID_ARGUMENT", f"control.op: {control['op']} (allowed: status, load)")
        async with self.loading:
            version = int(control["policy_version"])
            adapter = control.get("adapter_directory")
            if adapter is not None:
                # the new adapter is in before the old one goes, and rollouts in flight keep theirs
                old, self.lora = self.lora, await self._add_lora(version, adapter)
                self.version = version
                if old is not None:
                    asyncio.create_task(self._remove_lora(old))
                return
            self.admit.clear()
            try:
                while self.running:
                    await asyncio.sleep(0.01)
                # refuses a damaged policy before it changes anything; see forkpoint_worker.py
                await self.engine.collective_rpc("check_policy", args=(control["policy_directory"],))
                await self.engine.collective_rpc("load_policy", args=(control["policy_directory"],))
                await self.engine.reset_prefix_cache()
                self.version, self.lora = version, None
            finally:
                self.admit.set()

    async def _add_lora(self, version, directory):
        from vllm.lora.request import LoRARequest

        lora = LoRARequest(f"policy-{version}-{self.next_lora_id}", self.next_lora_id, directory)
        self.next_lora_id += 1
        await self.engine.add_lora(lora)
        return lora

    async def _remove_lora(self, lora):
        waiting = set(self.running)
        while waiting & self.running:
            await asyncio.sleep(0.01)
        await self.engine.remove_lora(lora.lora_int_id)

    def finalize(self):
        async def stop():
            self.engine.shutdown()

        asyncio.run_coroutine_threadsafe(stop(), self.loop).result()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()
