from forkpoint.learner.v1 import objective_pb2 as _objective_pb2
from forkpoint.policy.v1 import policy_pb2 as _policy_pb2
from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class LearningRateSchedule(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LEARNING_RATE_SCHEDULE_UNSPECIFIED: _ClassVar[LearningRateSchedule]
    LEARNING_RATE_SCHEDULE_CONSTANT: _ClassVar[LearningRateSchedule]
    LEARNING_RATE_SCHEDULE_LINEAR: _ClassVar[LearningRateSchedule]
    LEARNING_RATE_SCHEDULE_COSINE: _ClassVar[LearningRateSchedule]
LEARNING_RATE_SCHEDULE_UNSPECIFIED: LearningRateSchedule
LEARNING_RATE_SCHEDULE_CONSTANT: LearningRateSchedule
LEARNING_RATE_SCHEDULE_LINEAR: LearningRateSchedule
LEARNING_RATE_SCHEDULE_COSINE: LearningRateSchedule

class RunSpec(_message.Message):
    __slots__ = ("name", "description", "seed", "reinforcement", "supervised", "optimizer", "evaluation", "checkpoint", "lora", "trainer")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    REINFORCEMENT_FIELD_NUMBER: _ClassVar[int]
    SUPERVISED_FIELD_NUMBER: _ClassVar[int]
    OPTIMIZER_FIELD_NUMBER: _ClassVar[int]
    EVALUATION_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    LORA_FIELD_NUMBER: _ClassVar[int]
    TRAINER_FIELD_NUMBER: _ClassVar[int]
    name: str
    description: str
    seed: int
    reinforcement: ReinforcementSpec
    supervised: SupervisedSpec
    optimizer: OptimizerSpec
    evaluation: EvaluationSpec
    checkpoint: CheckpointSpec
    lora: LoraSpec
    trainer: TrainerSpec
    def __init__(self, name: _Optional[str] = ..., description: _Optional[str] = ..., seed: _Optional[int] = ..., reinforcement: _Optional[_Union[ReinforcementSpec, _Mapping]] = ..., supervised: _Optional[_Union[SupervisedSpec, _Mapping]] = ..., optimizer: _Optional[_Union[OptimizerSpec, _Mapping]] = ..., evaluation: _Optional[_Union[EvaluationSpec, _Mapping]] = ..., checkpoint: _Optional[_Union[CheckpointSpec, _Mapping]] = ..., lora: _Optional[_Union[LoraSpec, _Mapping]] = ..., trainer: _Optional[_Union[TrainerSpec, _Mapping]] = ...) -> None: ...

class ReinforcementSpec(_message.Message):
    __slots__ = ("policy", "data", "verifier", "sampling", "prompts_per_step", "group_size", "steps", "max_seconds", "updates_per_step", "responses_per_update", "passes_per_step", "planner", "objective", "rescore_share", "max_staleness", "reference_policy")
    POLICY_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    VERIFIER_FIELD_NUMBER: _ClassVar[int]
    SAMPLING_FIELD_NUMBER: _ClassVar[int]
    PROMPTS_PER_STEP_FIELD_NUMBER: _ClassVar[int]
    GROUP_SIZE_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    MAX_SECONDS_FIELD_NUMBER: _ClassVar[int]
    UPDATES_PER_STEP_FIELD_NUMBER: _ClassVar[int]
    RESPONSES_PER_UPDATE_FIELD_NUMBER: _ClassVar[int]
    PASSES_PER_STEP_FIELD_NUMBER: _ClassVar[int]
    PLANNER_FIELD_NUMBER: _ClassVar[int]
    OBJECTIVE_FIELD_NUMBER: _ClassVar[int]
    RESCORE_SHARE_FIELD_NUMBER: _ClassVar[int]
    MAX_STALENESS_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_POLICY_FIELD_NUMBER: _ClassVar[int]
    policy: str
    data: DataSpec
    verifier: VerifierSpec
    sampling: _policy_pb2.SamplingParameters
    prompts_per_step: int
    group_size: int
    steps: int
    max_seconds: int
    updates_per_step: int
    responses_per_update: int
    passes_per_step: int
    planner: RolloutPlanner
    objective: _objective_pb2.ObjectiveSpec
    rescore_share: float
    max_staleness: int
    reference_policy: str
    def __init__(self, policy: _Optional[str] = ..., data: _Optional[_Union[DataSpec, _Mapping]] = ..., verifier: _Optional[_Union[VerifierSpec, _Mapping]] = ..., sampling: _Optional[_Union[_policy_pb2.SamplingParameters, _Mapping]] = ..., prompts_per_step: _Optional[int] = ..., group_size: _Optional[int] = ..., steps: _Optional[int] = ..., max_seconds: _Optional[int] = ..., updates_per_step: _Optional[int] = ..., responses_per_update: _Optional[int] = ..., passes_per_step: _Optional[int] = ..., planner: _Optional[_Union[RolloutPlanner, _Mapping]] = ..., objective: _Optional[_Union[_objective_pb2.ObjectiveSpec, _Mapping]] = ..., rescore_share: _Optional[float] = ..., max_staleness: _Optional[int] = ..., reference_policy: _Optional[str] = ...) -> None: ...

class DataSpec(_message.Message):
    __slots__ = ("task", "json_lines", "parquet")
    TASK_FIELD_NUMBER: _ClassVar[int]
    JSON_LINES_FIELD_NUMBER: _ClassVar[int]
    PARQUET_FIELD_NUMBER: _ClassVar[int]
    task: TaskData
    json_lines: JsonLinesData
    parquet: ParquetData
    def __init__(self, task: _Optional[_Union[TaskData, _Mapping]] = ..., json_lines: _Optional[_Union[JsonLinesData, _Mapping]] = ..., parquet: _Optional[_Union[ParquetData, _Mapping]] = ...) -> None: ...

class TaskData(_message.Message):
    __slots__ = ("name", "options")
    NAME_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    name: str
    options: _struct_pb2.Struct
    def __init__(self, name: _Optional[str] = ..., options: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ...) -> None: ...

class JsonLinesData(_message.Message):
    __slots__ = ("path", "columns", "template", "held_out_fraction")
    PATH_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    TEMPLATE_FIELD_NUMBER: _ClassVar[int]
    HELD_OUT_FRACTION_FIELD_NUMBER: _ClassVar[int]
    path: str
    columns: ColumnSpec
    template: PromptTemplate
    held_out_fraction: float
    def __init__(self, path: _Optional[str] = ..., columns: _Optional[_Union[ColumnSpec, _Mapping]] = ..., template: _Optional[_Union[PromptTemplate, _Mapping]] = ..., held_out_fraction: _Optional[float] = ...) -> None: ...

class ParquetData(_message.Message):
    __slots__ = ("path", "columns", "template", "held_out_fraction")
    PATH_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    TEMPLATE_FIELD_NUMBER: _ClassVar[int]
    HELD_OUT_FRACTION_FIELD_NUMBER: _ClassVar[int]
    path: str
    columns: ColumnSpec
    template: PromptTemplate
    held_out_fraction: float
    def __init__(self, path: _Optional[str] = ..., columns: _Optional[_Union[ColumnSpec, _Mapping]] = ..., template: _Optional[_Union[PromptTemplate, _Mapping]] = ..., held_out_fraction: _Optional[float] = ...) -> None: ...

class ColumnSpec(_message.Message):
    __slots__ = ("problem", "answer", "id")
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    problem: str
    answer: str
    id: str
    def __init__(self, problem: _Optional[str] = ..., answer: _Optional[str] = ..., id: _Optional[str] = ...) -> None: ...

class PromptTemplate(_message.Message):
    __slots__ = ("text", "chat_user", "chat_system")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    CHAT_USER_FIELD_NUMBER: _ClassVar[int]
    CHAT_SYSTEM_FIELD_NUMBER: _ClassVar[int]
    text: str
    chat_user: str
    chat_system: str
    def __init__(self, text: _Optional[str] = ..., chat_user: _Optional[str] = ..., chat_system: _Optional[str] = ...) -> None: ...

class VerifierSpec(_message.Message):
    __slots__ = ("name", "options")
    NAME_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    name: str
    options: _struct_pb2.Struct
    def __init__(self, name: _Optional[str] = ..., options: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ...) -> None: ...

class RolloutPlanner(_message.Message):
    __slots__ = ("plain", "dynamic_sampling", "hora")
    PLAIN_FIELD_NUMBER: _ClassVar[int]
    DYNAMIC_SAMPLING_FIELD_NUMBER: _ClassVar[int]
    HORA_FIELD_NUMBER: _ClassVar[int]
    plain: PlainPlanner
    dynamic_sampling: DynamicSamplingPlanner
    hora: HoraPlanner
    def __init__(self, plain: _Optional[_Union[PlainPlanner, _Mapping]] = ..., dynamic_sampling: _Optional[_Union[DynamicSamplingPlanner, _Mapping]] = ..., hora: _Optional[_Union[HoraPlanner, _Mapping]] = ...) -> None: ...

class PlainPlanner(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class DynamicSamplingPlanner(_message.Message):
    __slots__ = ("max_rounds",)
    MAX_ROUNDS_FIELD_NUMBER: _ClassVar[int]
    max_rounds: int
    def __init__(self, max_rounds: _Optional[int] = ...) -> None: ...

class HoraPlanner(_message.Message):
    __slots__ = ("initial_responses", "batch")
    INITIAL_RESPONSES_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    initial_responses: int
    batch: int
    def __init__(self, initial_responses: _Optional[int] = ..., batch: _Optional[int] = ...) -> None: ...

class SupervisedSpec(_message.Message):
    __slots__ = ("fresh", "policy", "task", "steps", "batch_size")
    FRESH_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    BATCH_SIZE_FIELD_NUMBER: _ClassVar[int]
    fresh: FreshModel
    policy: str
    task: TaskData
    steps: int
    batch_size: int
    def __init__(self, fresh: _Optional[_Union[FreshModel, _Mapping]] = ..., policy: _Optional[str] = ..., task: _Optional[_Union[TaskData, _Mapping]] = ..., steps: _Optional[int] = ..., batch_size: _Optional[int] = ...) -> None: ...

class FreshModel(_message.Message):
    __slots__ = ("hidden_size", "layers", "heads", "key_value_heads", "head_dim", "intermediate_size", "rope_theta", "max_positions", "tokenizer")
    HIDDEN_SIZE_FIELD_NUMBER: _ClassVar[int]
    LAYERS_FIELD_NUMBER: _ClassVar[int]
    HEADS_FIELD_NUMBER: _ClassVar[int]
    KEY_VALUE_HEADS_FIELD_NUMBER: _ClassVar[int]
    HEAD_DIM_FIELD_NUMBER: _ClassVar[int]
    INTERMEDIATE_SIZE_FIELD_NUMBER: _ClassVar[int]
    ROPE_THETA_FIELD_NUMBER: _ClassVar[int]
    MAX_POSITIONS_FIELD_NUMBER: _ClassVar[int]
    TOKENIZER_FIELD_NUMBER: _ClassVar[int]
    hidden_size: int
    layers: int
    heads: int
    key_value_heads: int
    head_dim: int
    intermediate_size: int
    rope_theta: float
    max_positions: int
    tokenizer: str
    def __init__(self, hidden_size: _Optional[int] = ..., layers: _Optional[int] = ..., heads: _Optional[int] = ..., key_value_heads: _Optional[int] = ..., head_dim: _Optional[int] = ..., intermediate_size: _Optional[int] = ..., rope_theta: _Optional[float] = ..., max_positions: _Optional[int] = ..., tokenizer: _Optional[str] = ...) -> None: ...

class OptimizerSpec(_message.Message):
    __slots__ = ("learning_rate", "beta1", "beta2", "epsilon", "weight_decay", "max_gradient_norm", "warmup_updates", "schedule", "final_fraction")
    LEARNING_RATE_FIELD_NUMBER: _ClassVar[int]
    BETA1_FIELD_NUMBER: _ClassVar[int]
    BETA2_FIELD_NUMBER: _ClassVar[int]
    EPSILON_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_DECAY_FIELD_NUMBER: _ClassVar[int]
    MAX_GRADIENT_NORM_FIELD_NUMBER: _ClassVar[int]
    WARMUP_UPDATES_FIELD_NUMBER: _ClassVar[int]
    SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    FINAL_FRACTION_FIELD_NUMBER: _ClassVar[int]
    learning_rate: float
    beta1: float
    beta2: float
    epsilon: float
    weight_decay: float
    max_gradient_norm: float
    warmup_updates: int
    schedule: LearningRateSchedule
    final_fraction: float
    def __init__(self, learning_rate: _Optional[float] = ..., beta1: _Optional[float] = ..., beta2: _Optional[float] = ..., epsilon: _Optional[float] = ..., weight_decay: _Optional[float] = ..., max_gradient_norm: _Optional[float] = ..., warmup_updates: _Optional[int] = ..., schedule: _Optional[_Union[LearningRateSchedule, str]] = ..., final_fraction: _Optional[float] = ...) -> None: ...

class EvaluationSpec(_message.Message):
    __slots__ = ("problems", "samples", "seed", "every_steps", "problems_during", "sampling", "data")
    PROBLEMS_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    EVERY_STEPS_FIELD_NUMBER: _ClassVar[int]
    PROBLEMS_DURING_FIELD_NUMBER: _ClassVar[int]
    SAMPLING_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    problems: int
    samples: int
    seed: int
    every_steps: int
    problems_during: int
    sampling: _policy_pb2.SamplingParameters
    data: DataSpec
    def __init__(self, problems: _Optional[int] = ..., samples: _Optional[int] = ..., seed: _Optional[int] = ..., every_steps: _Optional[int] = ..., problems_during: _Optional[int] = ..., sampling: _Optional[_Union[_policy_pb2.SamplingParameters, _Mapping]] = ..., data: _Optional[_Union[DataSpec, _Mapping]] = ...) -> None: ...

class CheckpointSpec(_message.Message):
    __slots__ = ("every_steps", "keep", "keep_policies")
    EVERY_STEPS_FIELD_NUMBER: _ClassVar[int]
    KEEP_FIELD_NUMBER: _ClassVar[int]
    KEEP_POLICIES_FIELD_NUMBER: _ClassVar[int]
    every_steps: int
    keep: int
    keep_policies: int
    def __init__(self, every_steps: _Optional[int] = ..., keep: _Optional[int] = ..., keep_policies: _Optional[int] = ...) -> None: ...

class LoraSpec(_message.Message):
    __slots__ = ("rank", "alpha", "rank_stabilised", "target_modules")
    RANK_FIELD_NUMBER: _ClassVar[int]
    ALPHA_FIELD_NUMBER: _ClassVar[int]
    RANK_STABILISED_FIELD_NUMBER: _ClassVar[int]
    TARGET_MODULES_FIELD_NUMBER: _ClassVar[int]
    rank: int
    alpha: float
    rank_stabilised: bool
    target_modules: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, rank: _Optional[int] = ..., alpha: _Optional[float] = ..., rank_stabilised: _Optional[bool] = ..., target_modules: _Optional[_Iterable[str]] = ...) -> None: ...

class TrainerSpec(_message.Message):
    __slots__ = ("tokens_per_micro_batch", "device", "threads", "gradient_checkpointing", "bfloat16_autocast")
    TOKENS_PER_MICRO_BATCH_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    THREADS_FIELD_NUMBER: _ClassVar[int]
    GRADIENT_CHECKPOINTING_FIELD_NUMBER: _ClassVar[int]
    BFLOAT16_AUTOCAST_FIELD_NUMBER: _ClassVar[int]
    tokens_per_micro_batch: int
    device: str
    threads: int
    gradient_checkpointing: bool
    bfloat16_autocast: bool
    def __init__(self, tokens_per_micro_batch: _Optional[int] = ..., device: _Optional[str] = ..., threads: _Optional[int] = ..., gradient_checkpointing: _Optional[bool] = ..., bfloat16_autocast: _Optional[bool] = ...) -> None: ...
