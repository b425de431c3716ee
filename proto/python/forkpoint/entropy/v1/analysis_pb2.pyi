from forkpoint.policy.v1 import policy_pb2 as _policy_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AnalyzeRequest(_message.Message):
    __slots__ = ("settings", "responses")
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    RESPONSES_FIELD_NUMBER: _ClassVar[int]
    settings: AnalysisSettings
    responses: _containers.RepeatedCompositeFieldContainer[AnalyzedResponse]
    def __init__(self, settings: _Optional[_Union[AnalysisSettings, _Mapping]] = ..., responses: _Optional[_Iterable[_Union[AnalyzedResponse, _Mapping]]] = ...) -> None: ...

class AnalysisSettings(_message.Message):
    __slots__ = ("keep_fraction", "minimum_count", "table_size", "tokenizer")
    KEEP_FRACTION_FIELD_NUMBER: _ClassVar[int]
    MINIMUM_COUNT_FIELD_NUMBER: _ClassVar[int]
    TABLE_SIZE_FIELD_NUMBER: _ClassVar[int]
    TOKENIZER_FIELD_NUMBER: _ClassVar[int]
    keep_fraction: float
    minimum_count: int
    table_size: int
    tokenizer: _policy_pb2.PolicySnapshot
    def __init__(self, keep_fraction: _Optional[float] = ..., minimum_count: _Optional[int] = ..., table_size: _Optional[int] = ..., tokenizer: _Optional[_Union[_policy_pb2.PolicySnapshot, _Mapping]] = ...) -> None: ...

class AnalyzedResponse(_message.Message):
    __slots__ = ("token_ids", "entropies", "base_entropies", "log_probs", "collision_probabilities")
    TOKEN_IDS_FIELD_NUMBER: _ClassVar[int]
    ENTROPIES_FIELD_NUMBER: _ClassVar[int]
    BASE_ENTROPIES_FIELD_NUMBER: _ClassVar[int]
    LOG_PROBS_FIELD_NUMBER: _ClassVar[int]
    COLLISION_PROBABILITIES_FIELD_NUMBER: _ClassVar[int]
    token_ids: _containers.RepeatedScalarFieldContainer[int]
    entropies: _containers.RepeatedScalarFieldContainer[float]
    base_entropies: _containers.RepeatedScalarFieldContainer[float]
    log_probs: _containers.RepeatedScalarFieldContainer[float]
    collision_probabilities: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, token_ids: _Optional[_Iterable[int]] = ..., entropies: _Optional[_Iterable[float]] = ..., base_entropies: _Optional[_Iterable[float]] = ..., log_probs: _Optional[_Iterable[float]] = ..., collision_probabilities: _Optional[_Iterable[float]] = ...) -> None: ...

class AnalyzeResponse(_message.Message):
    __slots__ = ("tokens", "responses", "exact", "mean", "share_below_hundredth", "percentiles", "percentile_values", "histogram_bounds", "histogram_counts", "keep_fraction", "threshold", "top_entropy_share", "highest", "lowest", "base", "gradient")
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    RESPONSES_FIELD_NUMBER: _ClassVar[int]
    EXACT_FIELD_NUMBER: _ClassVar[int]
    MEAN_FIELD_NUMBER: _ClassVar[int]
    SHARE_BELOW_HUNDREDTH_FIELD_NUMBER: _ClassVar[int]
    PERCENTILES_FIELD_NUMBER: _ClassVar[int]
    PERCENTILE_VALUES_FIELD_NUMBER: _ClassVar[int]
    HISTOGRAM_BOUNDS_FIELD_NUMBER: _ClassVar[int]
    HISTOGRAM_COUNTS_FIELD_NUMBER: _ClassVar[int]
    KEEP_FRACTION_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    TOP_ENTROPY_SHARE_FIELD_NUMBER: _ClassVar[int]
    HIGHEST_FIELD_NUMBER: _ClassVar[int]
    LOWEST_FIELD_NUMBER: _ClassVar[int]
    BASE_FIELD_NUMBER: _ClassVar[int]
    GRADIENT_FIELD_NUMBER: _ClassVar[int]
    tokens: int
    responses: int
    exact: bool
    mean: float
    share_below_hundredth: float
    percentiles: _containers.RepeatedScalarFieldContainer[float]
    percentile_values: _containers.RepeatedScalarFieldContainer[float]
    histogram_bounds: _containers.RepeatedScalarFieldContainer[float]
    histogram_counts: _containers.RepeatedScalarFieldContainer[int]
    keep_fraction: float
    threshold: float
    top_entropy_share: float
    highest: _containers.RepeatedCompositeFieldContainer[TokenEntropy]
    lowest: _containers.RepeatedCompositeFieldContainer[TokenEntropy]
    base: BaseComparison
    gradient: GradientComparison
    def __init__(self, tokens: _Optional[int] = ..., responses: _Optional[int] = ..., exact: _Optional[bool] = ..., mean: _Optional[float] = ..., share_below_hundredth: _Optional[float] = ..., percentiles: _Optional[_Iterable[float]] = ..., percentile_values: _Optional[_Iterable[float]] = ..., histogram_bounds: _Optional[_Iterable[float]] = ..., histogram_counts: _Optional[_Iterable[int]] = ..., keep_fraction: _Optional[float] = ..., threshold: _Optional[float] = ..., top_entropy_share: _Optional[float] = ..., highest: _Optional[_Iterable[_Union[TokenEntropy, _Mapping]]] = ..., lowest: _Optional[_Iterable[_Union[TokenEntropy, _Mapping]]] = ..., base: _Optional[_Union[BaseComparison, _Mapping]] = ..., gradient: _Optional[_Union[GradientComparison, _Mapping]] = ...) -> None: ...

class TokenEntropy(_message.Message):
    __slots__ = ("token_id", "count", "mean", "text")
    TOKEN_ID_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    MEAN_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    token_id: int
    count: int
    mean: float
    text: str
    def __init__(self, token_id: _Optional[int] = ..., count: _Optional[int] = ..., mean: _Optional[float] = ..., text: _Optional[str] = ...) -> None: ...

class BaseComparison(_message.Message):
    __slots__ = ("top_overlap", "changes", "base_threshold")
    TOP_OVERLAP_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    BASE_THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    top_overlap: float
    changes: _containers.RepeatedCompositeFieldContainer[EntropyChange]
    base_threshold: float
    def __init__(self, top_overlap: _Optional[float] = ..., changes: _Optional[_Iterable[_Union[EntropyChange, _Mapping]]] = ..., base_threshold: _Optional[float] = ...) -> None: ...

class EntropyChange(_message.Message):
    __slots__ = ("from_percentile", "count", "base_mean", "change")
    FROM_PERCENTILE_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    BASE_MEAN_FIELD_NUMBER: _ClassVar[int]
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    from_percentile: float
    count: int
    base_mean: float
    change: float
    def __init__(self, from_percentile: _Optional[float] = ..., count: _Optional[int] = ..., base_mean: _Optional[float] = ..., change: _Optional[float] = ...) -> None: ...

class GradientComparison(_message.Message):
    __slots__ = ("correlation", "top_gradient_share", "top_overlap", "surprisal_correlation")
    CORRELATION_FIELD_NUMBER: _ClassVar[int]
    TOP_GRADIENT_SHARE_FIELD_NUMBER: _ClassVar[int]
    TOP_OVERLAP_FIELD_NUMBER: _ClassVar[int]
    SURPRISAL_CORRELATION_FIELD_NUMBER: _ClassVar[int]
    correlation: float
    top_gradient_share: float
    top_overlap: float
    surprisal_correlation: float
    def __init__(self, correlation: _Optional[float] = ..., top_gradient_share: _Optional[float] = ..., top_overlap: _Optional[float] = ..., surprisal_correlation: _Optional[float] = ...) -> None: ...
