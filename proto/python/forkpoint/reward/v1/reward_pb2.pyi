from google.protobuf import struct_pb2 as _struct_pb2
from google.rpc import status_pb2 as _status_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PredictionForm(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PREDICTION_FORM_UNSPECIFIED: _ClassVar[PredictionForm]
    PREDICTION_FORM_RESPONSE: _ClassVar[PredictionForm]
    PREDICTION_FORM_ANSWER: _ClassVar[PredictionForm]

class Verdict(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    VERDICT_UNSPECIFIED: _ClassVar[Verdict]
    VERDICT_CORRECT: _ClassVar[Verdict]
    VERDICT_INCORRECT: _ClassVar[Verdict]
    VERDICT_NO_ANSWER: _ClassVar[Verdict]
    VERDICT_UNPARSABLE_ANSWER: _ClassVar[Verdict]
    VERDICT_UNPARSABLE_GOLD: _ClassVar[Verdict]
    VERDICT_TOO_COSTLY: _ClassVar[Verdict]

class Split(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SPLIT_UNSPECIFIED: _ClassVar[Split]
    SPLIT_TRAIN: _ClassVar[Split]
    SPLIT_HELD_OUT: _ClassVar[Split]
PREDICTION_FORM_UNSPECIFIED: PredictionForm
PREDICTION_FORM_RESPONSE: PredictionForm
PREDICTION_FORM_ANSWER: PredictionForm
VERDICT_UNSPECIFIED: Verdict
VERDICT_CORRECT: Verdict
VERDICT_INCORRECT: Verdict
VERDICT_NO_ANSWER: Verdict
VERDICT_UNPARSABLE_ANSWER: Verdict
VERDICT_UNPARSABLE_GOLD: Verdict
VERDICT_TOO_COSTLY: Verdict
SPLIT_UNSPECIFIED: Split
SPLIT_TRAIN: Split
SPLIT_HELD_OUT: Split

class VerifyRequest(_message.Message):
    __slots__ = ("item", "cancel")
    ITEM_FIELD_NUMBER: _ClassVar[int]
    CANCEL_FIELD_NUMBER: _ClassVar[int]
    item: VerifyItem
    cancel: str
    def __init__(self, item: _Optional[_Union[VerifyItem, _Mapping]] = ..., cancel: _Optional[str] = ...) -> None: ...

class VerifyItem(_message.Message):
    __slots__ = ("request_id", "verifier", "gold", "prediction", "form", "token_ids", "task", "options", "truncated")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    VERIFIER_FIELD_NUMBER: _ClassVar[int]
    GOLD_FIELD_NUMBER: _ClassVar[int]
    PREDICTION_FIELD_NUMBER: _ClassVar[int]
    FORM_FIELD_NUMBER: _ClassVar[int]
    TOKEN_IDS_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    verifier: str
    gold: str
    prediction: str
    form: PredictionForm
    token_ids: _containers.RepeatedScalarFieldContainer[int]
    task: _struct_pb2.Struct
    options: _struct_pb2.Struct
    truncated: bool
    def __init__(self, request_id: _Optional[str] = ..., verifier: _Optional[str] = ..., gold: _Optional[str] = ..., prediction: _Optional[str] = ..., form: _Optional[_Union[PredictionForm, str]] = ..., token_ids: _Optional[_Iterable[int]] = ..., task: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., options: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., truncated: _Optional[bool] = ...) -> None: ...

class VerifyResponse(_message.Message):
    __slots__ = ("request_id", "verification", "error")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    VERIFICATION_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    verification: Verification
    error: _status_pb2.Status
    def __init__(self, request_id: _Optional[str] = ..., verification: _Optional[_Union[Verification, _Mapping]] = ..., error: _Optional[_Union[_status_pb2.Status, _Mapping]] = ...) -> None: ...

class Verification(_message.Message):
    __slots__ = ("reward", "verdict", "extracted", "reason", "probabilistic", "micros", "parts")
    REWARD_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    EXTRACTED_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    PROBABILISTIC_FIELD_NUMBER: _ClassVar[int]
    MICROS_FIELD_NUMBER: _ClassVar[int]
    PARTS_FIELD_NUMBER: _ClassVar[int]
    reward: float
    verdict: Verdict
    extracted: str
    reason: str
    probabilistic: bool
    micros: int
    parts: _containers.RepeatedCompositeFieldContainer[RewardPart]
    def __init__(self, reward: _Optional[float] = ..., verdict: _Optional[_Union[Verdict, str]] = ..., extracted: _Optional[str] = ..., reason: _Optional[str] = ..., probabilistic: _Optional[bool] = ..., micros: _Optional[int] = ..., parts: _Optional[_Iterable[_Union[RewardPart, _Mapping]]] = ...) -> None: ...

class RewardPart(_message.Message):
    __slots__ = ("verifier", "weight", "reward", "verdict")
    VERIFIER_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    REWARD_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    verifier: str
    weight: float
    reward: float
    verdict: Verdict
    def __init__(self, verifier: _Optional[str] = ..., weight: _Optional[float] = ..., reward: _Optional[float] = ..., verdict: _Optional[_Union[Verdict, str]] = ...) -> None: ...

class ListVerifiersRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListVerifiersResponse(_message.Message):
    __slots__ = ("verifiers",)
    VERIFIERS_FIELD_NUMBER: _ClassVar[int]
    verifiers: _containers.RepeatedCompositeFieldContainer[VerifierInfo]
    def __init__(self, verifiers: _Optional[_Iterable[_Union[VerifierInfo, _Mapping]]] = ...) -> None: ...

class VerifierInfo(_message.Message):
    __slots__ = ("name", "summary", "options", "needs_gold")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    NEEDS_GOLD_FIELD_NUMBER: _ClassVar[int]
    name: str
    summary: str
    options: _containers.RepeatedCompositeFieldContainer[OptionInfo]
    needs_gold: bool
    def __init__(self, name: _Optional[str] = ..., summary: _Optional[str] = ..., options: _Optional[_Iterable[_Union[OptionInfo, _Mapping]]] = ..., needs_gold: _Optional[bool] = ...) -> None: ...

class OptionInfo(_message.Message):
    __slots__ = ("name", "summary")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    name: str
    summary: str
    def __init__(self, name: _Optional[str] = ..., summary: _Optional[str] = ...) -> None: ...

class GenerateProblemsRequest(_message.Message):
    __slots__ = ("task", "split", "seed", "start", "count", "options", "demonstrations")
    TASK_FIELD_NUMBER: _ClassVar[int]
    SPLIT_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    DEMONSTRATIONS_FIELD_NUMBER: _ClassVar[int]
    task: str
    split: Split
    seed: int
    start: int
    count: int
    options: _struct_pb2.Struct
    demonstrations: bool
    def __init__(self, task: _Optional[str] = ..., split: _Optional[_Union[Split, str]] = ..., seed: _Optional[int] = ..., start: _Optional[int] = ..., count: _Optional[int] = ..., options: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., demonstrations: _Optional[bool] = ...) -> None: ...

class GenerateProblemsResponse(_message.Message):
    __slots__ = ("problems",)
    PROBLEMS_FIELD_NUMBER: _ClassVar[int]
    problems: _containers.RepeatedCompositeFieldContainer[Problem]
    def __init__(self, problems: _Optional[_Iterable[_Union[Problem, _Mapping]]] = ...) -> None: ...

class Problem(_message.Message):
    __slots__ = ("index", "prompt", "gold", "task", "demonstration", "verifier")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    PROMPT_FIELD_NUMBER: _ClassVar[int]
    GOLD_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    DEMONSTRATION_FIELD_NUMBER: _ClassVar[int]
    VERIFIER_FIELD_NUMBER: _ClassVar[int]
    index: int
    prompt: str
    gold: str
    task: _struct_pb2.Struct
    demonstration: str
    verifier: str
    def __init__(self, index: _Optional[int] = ..., prompt: _Optional[str] = ..., gold: _Optional[str] = ..., task: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., demonstration: _Optional[str] = ..., verifier: _Optional[str] = ...) -> None: ...

class ListTasksRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListTasksResponse(_message.Message):
    __slots__ = ("tasks",)
    TASKS_FIELD_NUMBER: _ClassVar[int]
    tasks: _containers.RepeatedCompositeFieldContainer[TaskInfo]
    def __init__(self, tasks: _Optional[_Iterable[_Union[TaskInfo, _Mapping]]] = ...) -> None: ...

class TaskInfo(_message.Message):
    __slots__ = ("name", "summary", "options", "verifier", "demonstrations")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    VERIFIER_FIELD_NUMBER: _ClassVar[int]
    DEMONSTRATIONS_FIELD_NUMBER: _ClassVar[int]
    name: str
    summary: str
    options: _containers.RepeatedCompositeFieldContainer[OptionInfo]
    verifier: str
    demonstrations: bool
    def __init__(self, name: _Optional[str] = ..., summary: _Optional[str] = ..., options: _Optional[_Iterable[_Union[OptionInfo, _Mapping]]] = ..., verifier: _Optional[str] = ..., demonstrations: _Optional[bool] = ...) -> None: ...
