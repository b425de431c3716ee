from forkpoint.policy.v1 import policy_pb2 as _policy_pb2
from google.rpc import status_pb2 as _status_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GenerateRequest(_message.Message):
    __slots__ = ("rollout", "cancel")
    ROLLOUT_FIELD_NUMBER: _ClassVar[int]
    CANCEL_FIELD_NUMBER: _ClassVar[int]
    rollout: RolloutRequest
    cancel: str
    def __init__(self, rollout: _Optional[_Union[RolloutRequest, _Mapping]] = ..., cancel: _Optional[str] = ...) -> None: ...

class RolloutRequest(_message.Message):
    __slots__ = ("request_id", "prompt_ids", "prompt_text", "prompt_chat", "seed", "sampling", "policy_version", "chunks", "return_text", "timeout_ms", "priority")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    PROMPT_IDS_FIELD_NUMBER: _ClassVar[int]
    PROMPT_TEXT_FIELD_NUMBER: _ClassVar[int]
    PROMPT_CHAT_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    SAMPLING_FIELD_NUMBER: _ClassVar[int]
    POLICY_VERSION_FIELD_NUMBER: _ClassVar[int]
    CHUNKS_FIELD_NUMBER: _ClassVar[int]
    RETURN_TEXT_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_MS_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    prompt_ids: _policy_pb2.TokenIds
    prompt_text: str
    prompt_chat: _policy_pb2.Chat
    seed: int
    sampling: _policy_pb2.SamplingParameters
    policy_version: int
    chunks: ChunkPolicy
    return_text: bool
    timeout_ms: int
    priority: int
    def __init__(self, request_id: _Optional[str] = ..., prompt_ids: _Optional[_Union[_policy_pb2.TokenIds, _Mapping]] = ..., prompt_text: _Optional[str] = ..., prompt_chat: _Optional[_Union[_policy_pb2.Chat, _Mapping]] = ..., seed: _Optional[int] = ..., sampling: _Optional[_Union[_policy_pb2.SamplingParameters, _Mapping]] = ..., policy_version: _Optional[int] = ..., chunks: _Optional[_Union[ChunkPolicy, _Mapping]] = ..., return_text: _Optional[bool] = ..., timeout_ms: _Optional[int] = ..., priority: _Optional[int] = ...) -> None: ...

class ChunkPolicy(_message.Message):
    __slots__ = ("every_tokens", "every_ms")
    EVERY_TOKENS_FIELD_NUMBER: _ClassVar[int]
    EVERY_MS_FIELD_NUMBER: _ClassVar[int]
    every_tokens: int
    every_ms: int
    def __init__(self, every_tokens: _Optional[int] = ..., every_ms: _Optional[int] = ...) -> None: ...

class GenerateResponse(_message.Message):
    __slots__ = ("request_id", "rollout", "chunk", "error")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    ROLLOUT_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    rollout: Rollout
    chunk: TokenChunk
    error: _status_pb2.Status
    def __init__(self, request_id: _Optional[str] = ..., rollout: _Optional[_Union[Rollout, _Mapping]] = ..., chunk: _Optional[_Union[TokenChunk, _Mapping]] = ..., error: _Optional[_Union[_status_pb2.Status, _Mapping]] = ...) -> None: ...

class Rollout(_message.Message):
    __slots__ = ("prompt_ids", "token_ids", "log_probs", "entropies", "collision_probabilities", "finish_reason", "policy_id", "policy_version", "text", "queue_seconds", "decode_seconds")
    PROMPT_IDS_FIELD_NUMBER: _ClassVar[int]
    TOKEN_IDS_FIELD_NUMBER: _ClassVar[int]
    LOG_PROBS_FIELD_NUMBER: _ClassVar[int]
    ENTROPIES_FIELD_NUMBER: _ClassVar[int]
    COLLISION_PROBABILITIES_FIELD_NUMBER: _ClassVar[int]
    FINISH_REASON_FIELD_NUMBER: _ClassVar[int]
    POLICY_ID_FIELD_NUMBER: _ClassVar[int]
    POLICY_VERSION_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    QUEUE_SECONDS_FIELD_NUMBER: _ClassVar[int]
    DECODE_SECONDS_FIELD_NUMBER: _ClassVar[int]
    prompt_ids: _containers.RepeatedScalarFieldContainer[int]
    token_ids: _containers.RepeatedScalarFieldContainer[int]
    log_probs: _containers.RepeatedScalarFieldContainer[float]
    entropies: _containers.RepeatedScalarFieldContainer[float]
    collision_probabilities: _containers.RepeatedScalarFieldContainer[float]
    finish_reason: _policy_pb2.FinishReason
    policy_id: str
    policy_version: int
    text: str
    queue_seconds: float
    decode_seconds: float
    def __init__(self, prompt_ids: _Optional[_Iterable[int]] = ..., token_ids: _Optional[_Iterable[int]] = ..., log_probs: _Optional[_Iterable[float]] = ..., entropies: _Optional[_Iterable[float]] = ..., collision_probabilities: _Optional[_Iterable[float]] = ..., finish_reason: _Optional[_Union[_policy_pb2.FinishReason, str]] = ..., policy_id: _Optional[str] = ..., policy_version: _Optional[int] = ..., text: _Optional[str] = ..., queue_seconds: _Optional[float] = ..., decode_seconds: _Optional[float] = ...) -> None: ...

class TokenChunk(_message.Message):
    __slots__ = ("first_position", "token_ids", "log_probs", "entropies", "text", "policy_version")
    FIRST_POSITION_FIELD_NUMBER: _ClassVar[int]
    TOKEN_IDS_FIELD_NUMBER: _ClassVar[int]
    LOG_PROBS_FIELD_NUMBER: _ClassVar[int]
    ENTROPIES_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    POLICY_VERSION_FIELD_NUMBER: _ClassVar[int]
    first_position: int
    token_ids: _containers.RepeatedScalarFieldContainer[int]
    log_probs: _containers.RepeatedScalarFieldContainer[float]
    entropies: _containers.RepeatedScalarFieldContainer[float]
    text: str
    policy_version: int
    def __init__(self, first_position: _Optional[int] = ..., token_ids: _Optional[_Iterable[int]] = ..., log_probs: _Optional[_Iterable[float]] = ..., entropies: _Optional[_Iterable[float]] = ..., text: _Optional[str] = ..., policy_version: _Optional[int] = ...) -> None: ...

class LoadPolicyRequest(_message.Message):
    __slots__ = ("policy",)
    POLICY_FIELD_NUMBER: _ClassVar[int]
    policy: _policy_pb2.PolicySnapshot
    def __init__(self, policy: _Optional[_Union[_policy_pb2.PolicySnapshot, _Mapping]] = ...) -> None: ...

class LoadPolicyResponse(_message.Message):
    __slots__ = ("policy_version", "load_seconds")
    POLICY_VERSION_FIELD_NUMBER: _ClassVar[int]
    LOAD_SECONDS_FIELD_NUMBER: _ClassVar[int]
    policy_version: int
    load_seconds: float
    def __init__(self, policy_version: _Optional[int] = ..., load_seconds: _Optional[float] = ...) -> None: ...

class GetPolicyRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetPolicyResponse(_message.Message):
    __slots__ = ("policy", "engine", "reports_entropy", "deterministic", "vocabulary_size", "context_length", "active_sequences", "queued_sequences", "model_type")
    POLICY_FIELD_NUMBER: _ClassVar[int]
    ENGINE_FIELD_NUMBER: _ClassVar[int]
    REPORTS_ENTROPY_FIELD_NUMBER: _ClassVar[int]
    DETERMINISTIC_FIELD_NUMBER: _ClassVar[int]
    VOCABULARY_SIZE_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_LENGTH_FIELD_NUMBER: _ClassVar[int]
    ACTIVE_SEQUENCES_FIELD_NUMBER: _ClassVar[int]
    QUEUED_SEQUENCES_FIELD_NUMBER: _ClassVar[int]
    MODEL_TYPE_FIELD_NUMBER: _ClassVar[int]
    policy: _policy_pb2.PolicySnapshot
    engine: str
    reports_entropy: bool
    deterministic: bool
    vocabulary_size: int
    context_length: int
    active_sequences: int
    queued_sequences: int
    model_type: str
    def __init__(self, policy: _Optional[_Union[_policy_pb2.PolicySnapshot, _Mapping]] = ..., engine: _Optional[str] = ..., reports_entropy: _Optional[bool] = ..., deterministic: _Optional[bool] = ..., vocabulary_size: _Optional[int] = ..., context_length: _Optional[int] = ..., active_sequences: _Optional[int] = ..., queued_sequences: _Optional[int] = ..., model_type: _Optional[str] = ...) -> None: ...
