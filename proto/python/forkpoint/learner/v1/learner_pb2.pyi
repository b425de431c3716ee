from forkpoint.learner.v1 import objective_pb2 as _objective_pb2
from forkpoint.learner.v1 import run_spec_pb2 as _run_spec_pb2
from forkpoint.policy.v1 import policy_pb2 as _policy_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CreateTrainerRequest(_message.Message):
    __slots__ = ("request_id", "policy", "optimizer", "objective", "temperature", "lora", "trainer")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    OPTIMIZER_FIELD_NUMBER: _ClassVar[int]
    OBJECTIVE_FIELD_NUMBER: _ClassVar[int]
    TEMPERATURE_FIELD_NUMBER: _ClassVar[int]
    LORA_FIELD_NUMBER: _ClassVar[int]
    TRAINER_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    policy: str
    optimizer: _run_spec_pb2.OptimizerSpec
    objective: _objective_pb2.ObjectiveSpec
    temperature: float
    lora: _run_spec_pb2.LoraSpec
    trainer: _run_spec_pb2.TrainerSpec
    def __init__(self, request_id: _Optional[str] = ..., policy: _Optional[str] = ..., optimizer: _Optional[_Union[_run_spec_pb2.OptimizerSpec, _Mapping]] = ..., objective: _Optional[_Union[_objective_pb2.ObjectiveSpec, _Mapping]] = ..., temperature: _Optional[float] = ..., lora: _Optional[_Union[_run_spec_pb2.LoraSpec, _Mapping]] = ..., trainer: _Optional[_Union[_run_spec_pb2.TrainerSpec, _Mapping]] = ...) -> None: ...

class CreateTrainerResponse(_message.Message):
    __slots__ = ("trainer_id",)
    TRAINER_ID_FIELD_NUMBER: _ClassVar[int]
    trainer_id: str
    def __init__(self, trainer_id: _Optional[str] = ...) -> None: ...

class Sequence(_message.Message):
    __slots__ = ("sequence_id", "token_ids", "prompt_length", "coefficients", "group_id", "reward", "correct", "old_log_probs", "entropies", "collision_probabilities", "rollout_log_probs", "reference_log_probs", "truncated")
    SEQUENCE_ID_FIELD_NUMBER: _ClassVar[int]
    TOKEN_IDS_FIELD_NUMBER: _ClassVar[int]
    PROMPT_LENGTH_FIELD_NUMBER: _ClassVar[int]
    COEFFICIENTS_FIELD_NUMBER: _ClassVar[int]
    GROUP_ID_FIELD_NUMBER: _ClassVar[int]
    REWARD_FIELD_NUMBER: _ClassVar[int]
    CORRECT_FIELD_NUMBER: _ClassVar[int]
    OLD_LOG_PROBS_FIELD_NUMBER: _ClassVar[int]
    ENTROPIES_FIELD_NUMBER: _ClassVar[int]
    COLLISION_PROBABILITIES_FIELD_NUMBER: _ClassVar[int]
    ROLLOUT_LOG_PROBS_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_LOG_PROBS_FIELD_NUMBER: _ClassVar[int]
    TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    sequence_id: str
    token_ids: _containers.RepeatedScalarFieldContainer[int]
    prompt_length: int
    coefficients: _containers.RepeatedScalarFieldContainer[float]
    group_id: str
    reward: float
    correct: bool
    old_log_probs: _containers.RepeatedScalarFieldContainer[float]
    entropies: _containers.RepeatedScalarFieldContainer[float]
    collision_probabilities: _containers.RepeatedScalarFieldContainer[float]
    rollout_log_probs: _containers.RepeatedScalarFieldContainer[float]
    reference_log_probs: _containers.RepeatedScalarFieldContainer[float]
    truncated: bool
    def __init__(self, sequence_id: _Optional[str] = ..., token_ids: _Optional[_Iterable[int]] = ..., prompt_length: _Optional[int] = ..., coefficients: _Optional[_Iterable[float]] = ..., group_id: _Optional[str] = ..., reward: _Optional[float] = ..., correct: _Optional[bool] = ..., old_log_probs: _Optional[_Iterable[float]] = ..., entropies: _Optional[_Iterable[float]] = ..., collision_probabilities: _Optional[_Iterable[float]] = ..., rollout_log_probs: _Optional[_Iterable[float]] = ..., reference_log_probs: _Optional[_Iterable[float]] = ..., truncated: _Optional[bool] = ...) -> None: ...

class SubmitSequencesRequest(_message.Message):
    __slots__ = ("request_id", "trainer_id", "sequences")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    TRAINER_ID_FIELD_NUMBER: _ClassVar[int]
    SEQUENCES_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    trainer_id: str
    sequences: _containers.RepeatedCompositeFieldContainer[Sequence]
    def __init__(self, request_id: _Optional[str] = ..., trainer_id: _Optional[str] = ..., sequences: _Optional[_Iterable[_Union[Sequence, _Mapping]]] = ...) -> None: ...

class SubmitSequencesResponse(_message.Message):
    __slots__ = ("response_tokens", "kept_tokens", "threshold")
    RESPONSE_TOKENS_FIELD_NUMBER: _ClassVar[int]
    KEPT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    response_tokens: int
    kept_tokens: int
    threshold: float
    def __init__(self, response_tokens: _Optional[int] = ..., kept_tokens: _Optional[int] = ..., threshold: _Optional[float] = ...) -> None: ...

class AccumulateRequest(_message.Message):
    __slots__ = ("request_id", "trainer_id", "sequence_ids", "update_sequence_ids")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    TRAINER_ID_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_IDS_FIELD_NUMBER: _ClassVar[int]
    UPDATE_SEQUENCE_IDS_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    trainer_id: str
    sequence_ids: _containers.RepeatedScalarFieldContainer[str]
    update_sequence_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, request_id: _Optional[str] = ..., trainer_id: _Optional[str] = ..., sequence_ids: _Optional[_Iterable[str]] = ..., update_sequence_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class AccumulateResponse(_message.Message):
    __slots__ = ("loss", "metrics")
    class MetricsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    LOSS_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    loss: float
    metrics: _containers.ScalarMap[str, float]
    def __init__(self, loss: _Optional[float] = ..., metrics: _Optional[_Mapping[str, float]] = ...) -> None: ...

class ApplyUpdateRequest(_message.Message):
    __slots__ = ("request_id", "trainer_id")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    TRAINER_ID_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    trainer_id: str
    def __init__(self, request_id: _Optional[str] = ..., trainer_id: _Optional[str] = ...) -> None: ...

class ApplyUpdateResponse(_message.Message):
    __slots__ = ("updates", "gradient_norm", "learning_rate")
    UPDATES_FIELD_NUMBER: _ClassVar[int]
    GRADIENT_NORM_FIELD_NUMBER: _ClassVar[int]
    LEARNING_RATE_FIELD_NUMBER: _ClassVar[int]
    updates: int
    gradient_norm: float
    learning_rate: float
    def __init__(self, updates: _Optional[int] = ..., gradient_norm: _Optional[float] = ..., learning_rate: _Optional[float] = ...) -> None: ...

class PublishPolicyRequest(_message.Message):
    __slots__ = ("request_id", "trainer_id")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    TRAINER_ID_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    trainer_id: str
    def __init__(self, request_id: _Optional[str] = ..., trainer_id: _Optional[str] = ...) -> None: ...

class PublishPolicyResponse(_message.Message):
    __slots__ = ("policy",)
    POLICY_FIELD_NUMBER: _ClassVar[int]
    policy: _policy_pb2.PolicySnapshot
    def __init__(self, policy: _Optional[_Union[_policy_pb2.PolicySnapshot, _Mapping]] = ...) -> None: ...

class GetTrainerRequest(_message.Message):
    __slots__ = ("trainer_id",)
    TRAINER_ID_FIELD_NUMBER: _ClassVar[int]
    trainer_id: str
    def __init__(self, trainer_id: _Optional[str] = ...) -> None: ...

class GetTrainerResponse(_message.Message):
    __slots__ = ("updates", "published_version", "sequences", "trainable_parameters")
    UPDATES_FIELD_NUMBER: _ClassVar[int]
    PUBLISHED_VERSION_FIELD_NUMBER: _ClassVar[int]
    SEQUENCES_FIELD_NUMBER: _ClassVar[int]
    TRAINABLE_PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    updates: int
    published_version: int
    sequences: int
    trainable_parameters: int
    def __init__(self, updates: _Optional[int] = ..., published_version: _Optional[int] = ..., sequences: _Optional[int] = ..., trainable_parameters: _Optional[int] = ...) -> None: ...

class CloseTrainerRequest(_message.Message):
    __slots__ = ("trainer_id",)
    TRAINER_ID_FIELD_NUMBER: _ClassVar[int]
    trainer_id: str
    def __init__(self, trainer_id: _Optional[str] = ...) -> None: ...

class CloseTrainerResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
