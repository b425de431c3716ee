from forkpoint.policy.v1 import policy_pb2 as _policy_pb2
from google.rpc import status_pb2 as _status_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ScoreRequest(_message.Message):
    __slots__ = ("sequence", "cancel")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    CANCEL_FIELD_NUMBER: _ClassVar[int]
    sequence: SequenceToScore
    cancel: str
    def __init__(self, sequence: _Optional[_Union[SequenceToScore, _Mapping]] = ..., cancel: _Optional[str] = ...) -> None: ...

class SequenceToScore(_message.Message):
    __slots__ = ("request_id", "ids", "text", "policy_id", "policy_version", "temperature", "first_position")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    IDS_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    POLICY_ID_FIELD_NUMBER: _ClassVar[int]
    POLICY_VERSION_FIELD_NUMBER: _ClassVar[int]
    TEMPERATURE_FIELD_NUMBER: _ClassVar[int]
    FIRST_POSITION_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    ids: _policy_pb2.TokenIds
    text: str
    policy_id: str
    policy_version: int
    temperature: float
    first_position: int
    def __init__(self, request_id: _Optional[str] = ..., ids: _Optional[_Union[_policy_pb2.TokenIds, _Mapping]] = ..., text: _Optional[str] = ..., policy_id: _Optional[str] = ..., policy_version: _Optional[int] = ..., temperature: _Optional[float] = ..., first_position: _Optional[int] = ...) -> None: ...

class ScoreResponse(_message.Message):
    __slots__ = ("request_id", "scores", "error")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    SCORES_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    scores: TokenScores
    error: _status_pb2.Status
    def __init__(self, request_id: _Optional[str] = ..., scores: _Optional[_Union[TokenScores, _Mapping]] = ..., error: _Optional[_Union[_status_pb2.Status, _Mapping]] = ...) -> None: ...

class TokenScores(_message.Message):
    __slots__ = ("first_position", "log_probs", "entropies", "collision_probabilities", "policy_id", "policy_version", "token_ids")
    FIRST_POSITION_FIELD_NUMBER: _ClassVar[int]
    LOG_PROBS_FIELD_NUMBER: _ClassVar[int]
    ENTROPIES_FIELD_NUMBER: _ClassVar[int]
    COLLISION_PROBABILITIES_FIELD_NUMBER: _ClassVar[int]
    POLICY_ID_FIELD_NUMBER: _ClassVar[int]
    POLICY_VERSION_FIELD_NUMBER: _ClassVar[int]
    TOKEN_IDS_FIELD_NUMBER: _ClassVar[int]
    first_position: int
    log_probs: _containers.RepeatedScalarFieldContainer[float]
    entropies: _containers.RepeatedScalarFieldContainer[float]
    collision_probabilities: _containers.RepeatedScalarFieldContainer[float]
    policy_id: str
    policy_version: int
    token_ids: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, first_position: _Optional[int] = ..., log_probs: _Optional[_Iterable[float]] = ..., entropies: _Optional[_Iterable[float]] = ..., collision_probabilities: _Optional[_Iterable[float]] = ..., policy_id: _Optional[str] = ..., policy_version: _Optional[int] = ..., token_ids: _Optional[_Iterable[int]] = ...) -> None: ...

class SummarizeRequest(_message.Message):
    __slots__ = ("entropies", "keep_fraction", "percentiles", "histogram_bounds")
    ENTROPIES_FIELD_NUMBER: _ClassVar[int]
    KEEP_FRACTION_FIELD_NUMBER: _ClassVar[int]
    PERCENTILES_FIELD_NUMBER: _ClassVar[int]
    HISTOGRAM_BOUNDS_FIELD_NUMBER: _ClassVar[int]
    entropies: _containers.RepeatedScalarFieldContainer[float]
    keep_fraction: float
    percentiles: _containers.RepeatedScalarFieldContainer[float]
    histogram_bounds: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, entropies: _Optional[_Iterable[float]] = ..., keep_fraction: _Optional[float] = ..., percentiles: _Optional[_Iterable[float]] = ..., histogram_bounds: _Optional[_Iterable[float]] = ...) -> None: ...

class SummarizeResponse(_message.Message):
    __slots__ = ("count", "mean", "threshold", "kept_count", "kept_entropy_share", "percentile_values", "percentiles", "histogram_counts", "histogram_bounds", "share_below_hundredth")
    COUNT_FIELD_NUMBER: _ClassVar[int]
    MEAN_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    KEPT_COUNT_FIELD_NUMBER: _ClassVar[int]
    KEPT_ENTROPY_SHARE_FIELD_NUMBER: _ClassVar[int]
    PERCENTILE_VALUES_FIELD_NUMBER: _ClassVar[int]
    PERCENTILES_FIELD_NUMBER: _ClassVar[int]
    HISTOGRAM_COUNTS_FIELD_NUMBER: _ClassVar[int]
    HISTOGRAM_BOUNDS_FIELD_NUMBER: _ClassVar[int]
    SHARE_BELOW_HUNDREDTH_FIELD_NUMBER: _ClassVar[int]
    count: int
    mean: float
    threshold: float
    kept_count: int
    kept_entropy_share: float
    percentile_values: _containers.RepeatedScalarFieldContainer[float]
    percentiles: _containers.RepeatedScalarFieldContainer[float]
    histogram_counts: _containers.RepeatedScalarFieldContainer[int]
    histogram_bounds: _containers.RepeatedScalarFieldContainer[float]
    share_below_hundredth: float
    def __init__(self, count: _Optional[int] = ..., mean: _Optional[float] = ..., threshold: _Optional[float] = ..., kept_count: _Optional[int] = ..., kept_entropy_share: _Optional[float] = ..., percentile_values: _Optional[_Iterable[float]] = ..., percentiles: _Optional[_Iterable[float]] = ..., histogram_counts: _Optional[_Iterable[int]] = ..., histogram_bounds: _Optional[_Iterable[float]] = ..., share_below_hundredth: _Optional[float] = ...) -> None: ...

class LoadPolicyRequest(_message.Message):
    __slots__ = ("policy", "pinned")
    POLICY_FIELD_NUMBER: _ClassVar[int]
    PINNED_FIELD_NUMBER: _ClassVar[int]
    policy: _policy_pb2.PolicySnapshot
    pinned: bool
    def __init__(self, policy: _Optional[_Union[_policy_pb2.PolicySnapshot, _Mapping]] = ..., pinned: _Optional[bool] = ...) -> None: ...

class LoadPolicyResponse(_message.Message):
    __slots__ = ("policy_version", "load_seconds")
    POLICY_VERSION_FIELD_NUMBER: _ClassVar[int]
    LOAD_SECONDS_FIELD_NUMBER: _ClassVar[int]
    policy_version: int
    load_seconds: float
    def __init__(self, policy_version: _Optional[int] = ..., load_seconds: _Optional[float] = ...) -> None: ...

class UnloadPolicyRequest(_message.Message):
    __slots__ = ("policy_id", "version")
    POLICY_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    policy_id: str
    version: int
    def __init__(self, policy_id: _Optional[str] = ..., version: _Optional[int] = ...) -> None: ...

class UnloadPolicyResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListPoliciesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListPoliciesResponse(_message.Message):
    __slots__ = ("policies", "budget_bytes")
    POLICIES_FIELD_NUMBER: _ClassVar[int]
    BUDGET_BYTES_FIELD_NUMBER: _ClassVar[int]
    policies: _containers.RepeatedCompositeFieldContainer[LoadedPolicy]
    budget_bytes: int
    def __init__(self, policies: _Optional[_Iterable[_Union[LoadedPolicy, _Mapping]]] = ..., budget_bytes: _Optional[int] = ...) -> None: ...

class LoadedPolicy(_message.Message):
    __slots__ = ("policy", "weight_bytes", "pinned")
    POLICY_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_BYTES_FIELD_NUMBER: _ClassVar[int]
    PINNED_FIELD_NUMBER: _ClassVar[int]
    policy: _policy_pb2.PolicySnapshot
    weight_bytes: int
    pinned: bool
    def __init__(self, policy: _Optional[_Union[_policy_pb2.PolicySnapshot, _Mapping]] = ..., weight_bytes: _Optional[int] = ..., pinned: _Optional[bool] = ...) -> None: ...
