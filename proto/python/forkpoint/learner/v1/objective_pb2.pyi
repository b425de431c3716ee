from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SignallessGroups(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SIGNALLESS_GROUPS_UNSPECIFIED: _ClassVar[SignallessGroups]
    SIGNALLESS_GROUPS_DROP: _ClassVar[SignallessGroups]
    SIGNALLESS_GROUPS_KEEP: _ClassVar[SignallessGroups]

class EntropySource(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ENTROPY_SOURCE_UNSPECIFIED: _ClassVar[EntropySource]
    ENTROPY_SOURCE_ROLLOUT: _ClassVar[EntropySource]
    ENTROPY_SOURCE_RECOMPUTED: _ClassVar[EntropySource]
    ENTROPY_SOURCE_CURRENT: _ClassVar[EntropySource]

class TokenScore(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TOKEN_SCORE_UNSPECIFIED: _ClassVar[TokenScore]
    TOKEN_SCORE_ENTROPY: _ClassVar[TokenScore]
    TOKEN_SCORE_GRADIENT: _ClassVar[TokenScore]
    TOKEN_SCORE_SURPRISAL: _ClassVar[TokenScore]
SIGNALLESS_GROUPS_UNSPECIFIED: SignallessGroups
SIGNALLESS_GROUPS_DROP: SignallessGroups
SIGNALLESS_GROUPS_KEEP: SignallessGroups
ENTROPY_SOURCE_UNSPECIFIED: EntropySource
ENTROPY_SOURCE_ROLLOUT: EntropySource
ENTROPY_SOURCE_RECOMPUTED: EntropySource
ENTROPY_SOURCE_CURRENT: EntropySource
TOKEN_SCORE_UNSPECIFIED: TokenScore
TOKEN_SCORE_ENTROPY: TokenScore
TOKEN_SCORE_GRADIENT: TokenScore
TOKEN_SCORE_SURPRISAL: TokenScore

class ObjectiveSpec(_message.Message):
    __slots__ = ("reward_shapers", "advantage", "signalless_groups", "entropy_source", "selector", "weighters", "surrogate", "normaliser", "auxiliary_terms")
    REWARD_SHAPERS_FIELD_NUMBER: _ClassVar[int]
    ADVANTAGE_FIELD_NUMBER: _ClassVar[int]
    SIGNALLESS_GROUPS_FIELD_NUMBER: _ClassVar[int]
    ENTROPY_SOURCE_FIELD_NUMBER: _ClassVar[int]
    SELECTOR_FIELD_NUMBER: _ClassVar[int]
    WEIGHTERS_FIELD_NUMBER: _ClassVar[int]
    SURROGATE_FIELD_NUMBER: _ClassVar[int]
    NORMALISER_FIELD_NUMBER: _ClassVar[int]
    AUXILIARY_TERMS_FIELD_NUMBER: _ClassVar[int]
    reward_shapers: _containers.RepeatedCompositeFieldContainer[RewardShaper]
    advantage: AdvantageEstimator
    signalless_groups: SignallessGroups
    entropy_source: EntropySource
    selector: TokenSelector
    weighters: _containers.RepeatedCompositeFieldContainer[TokenWeighter]
    surrogate: Surrogate
    normaliser: Normaliser
    auxiliary_terms: _containers.RepeatedCompositeFieldContainer[AuxiliaryTerm]
    def __init__(self, reward_shapers: _Optional[_Iterable[_Union[RewardShaper, _Mapping]]] = ..., advantage: _Optional[_Union[AdvantageEstimator, _Mapping]] = ..., signalless_groups: _Optional[_Union[SignallessGroups, str]] = ..., entropy_source: _Optional[_Union[EntropySource, str]] = ..., selector: _Optional[_Union[TokenSelector, _Mapping]] = ..., weighters: _Optional[_Iterable[_Union[TokenWeighter, _Mapping]]] = ..., surrogate: _Optional[_Union[Surrogate, _Mapping]] = ..., normaliser: _Optional[_Union[Normaliser, _Mapping]] = ..., auxiliary_terms: _Optional[_Iterable[_Union[AuxiliaryTerm, _Mapping]]] = ...) -> None: ...

class RewardShaper(_message.Message):
    __slots__ = ("overlong", "scale")
    OVERLONG_FIELD_NUMBER: _ClassVar[int]
    SCALE_FIELD_NUMBER: _ClassVar[int]
    overlong: OverlongPenalty
    scale: ScaleReward
    def __init__(self, overlong: _Optional[_Union[OverlongPenalty, _Mapping]] = ..., scale: _Optional[_Union[ScaleReward, _Mapping]] = ...) -> None: ...

class OverlongPenalty(_message.Message):
    __slots__ = ("max_tokens", "cache_tokens")
    MAX_TOKENS_FIELD_NUMBER: _ClassVar[int]
    CACHE_TOKENS_FIELD_NUMBER: _ClassVar[int]
    max_tokens: int
    cache_tokens: int
    def __init__(self, max_tokens: _Optional[int] = ..., cache_tokens: _Optional[int] = ...) -> None: ...

class ScaleReward(_message.Message):
    __slots__ = ("factor", "offset")
    FACTOR_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    factor: float
    offset: float
    def __init__(self, factor: _Optional[float] = ..., offset: _Optional[float] = ...) -> None: ...

class AdvantageEstimator(_message.Message):
    __slots__ = ("group_normalised", "group_centred", "leave_one_out", "batch_normalised", "mastery_scaled")
    GROUP_NORMALISED_FIELD_NUMBER: _ClassVar[int]
    GROUP_CENTRED_FIELD_NUMBER: _ClassVar[int]
    LEAVE_ONE_OUT_FIELD_NUMBER: _ClassVar[int]
    BATCH_NORMALISED_FIELD_NUMBER: _ClassVar[int]
    MASTERY_SCALED_FIELD_NUMBER: _ClassVar[int]
    group_normalised: GroupNormalised
    group_centred: GroupCentred
    leave_one_out: LeaveOneOut
    batch_normalised: BatchNormalised
    mastery_scaled: MasteryScaled
    def __init__(self, group_normalised: _Optional[_Union[GroupNormalised, _Mapping]] = ..., group_centred: _Optional[_Union[GroupCentred, _Mapping]] = ..., leave_one_out: _Optional[_Union[LeaveOneOut, _Mapping]] = ..., batch_normalised: _Optional[_Union[BatchNormalised, _Mapping]] = ..., mastery_scaled: _Optional[_Union[MasteryScaled, _Mapping]] = ...) -> None: ...

class GroupNormalised(_message.Message):
    __slots__ = ("epsilon",)
    EPSILON_FIELD_NUMBER: _ClassVar[int]
    epsilon: float
    def __init__(self, epsilon: _Optional[float] = ...) -> None: ...

class GroupCentred(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class LeaveOneOut(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class BatchNormalised(_message.Message):
    __slots__ = ("epsilon",)
    EPSILON_FIELD_NUMBER: _ClassVar[int]
    epsilon: float
    def __init__(self, epsilon: _Optional[float] = ...) -> None: ...

class MasteryScaled(_message.Message):
    __slots__ = ("epsilon",)
    EPSILON_FIELD_NUMBER: _ClassVar[int]
    epsilon: float
    def __init__(self, epsilon: _Optional[float] = ...) -> None: ...

class TokenSelector(_message.Message):
    __slots__ = ("all", "top", "bottom", "random", "band", "top_gradient", "top_surprisal", "matched_random", "top_difference", "clip_cov", "off_policy_sequence_mask")
    ALL_FIELD_NUMBER: _ClassVar[int]
    TOP_FIELD_NUMBER: _ClassVar[int]
    BOTTOM_FIELD_NUMBER: _ClassVar[int]
    RANDOM_FIELD_NUMBER: _ClassVar[int]
    BAND_FIELD_NUMBER: _ClassVar[int]
    TOP_GRADIENT_FIELD_NUMBER: _ClassVar[int]
    TOP_SURPRISAL_FIELD_NUMBER: _ClassVar[int]
    MATCHED_RANDOM_FIELD_NUMBER: _ClassVar[int]
    TOP_DIFFERENCE_FIELD_NUMBER: _ClassVar[int]
    CLIP_COV_FIELD_NUMBER: _ClassVar[int]
    OFF_POLICY_SEQUENCE_MASK_FIELD_NUMBER: _ClassVar[int]
    all: AllTokens
    top: TopEntropy
    bottom: BottomEntropy
    random: RandomTokens
    band: EntropyBand
    top_gradient: TopGradient
    top_surprisal: TopSurprisal
    matched_random: MatchedRandom
    top_difference: TopDifference
    clip_cov: ClipCov
    off_policy_sequence_mask: OffPolicySequenceMask
    def __init__(self, all: _Optional[_Union[AllTokens, _Mapping]] = ..., top: _Optional[_Union[TopEntropy, _Mapping]] = ..., bottom: _Optional[_Union[BottomEntropy, _Mapping]] = ..., random: _Optional[_Union[RandomTokens, _Mapping]] = ..., band: _Optional[_Union[EntropyBand, _Mapping]] = ..., top_gradient: _Optional[_Union[TopGradient, _Mapping]] = ..., top_surprisal: _Optional[_Union[TopSurprisal, _Mapping]] = ..., matched_random: _Optional[_Union[MatchedRandom, _Mapping]] = ..., top_difference: _Optional[_Union[TopDifference, _Mapping]] = ..., clip_cov: _Optional[_Union[ClipCov, _Mapping]] = ..., off_policy_sequence_mask: _Optional[_Union[OffPolicySequenceMask, _Mapping]] = ...) -> None: ...

class AllTokens(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class TopEntropy(_message.Message):
    __slots__ = ("keep_fraction",)
    KEEP_FRACTION_FIELD_NUMBER: _ClassVar[int]
    keep_fraction: float
    def __init__(self, keep_fraction: _Optional[float] = ...) -> None: ...

class BottomEntropy(_message.Message):
    __slots__ = ("keep_fraction",)
    KEEP_FRACTION_FIELD_NUMBER: _ClassVar[int]
    keep_fraction: float
    def __init__(self, keep_fraction: _Optional[float] = ...) -> None: ...

class RandomTokens(_message.Message):
    __slots__ = ("keep_fraction",)
    KEEP_FRACTION_FIELD_NUMBER: _ClassVar[int]
    keep_fraction: float
    def __init__(self, keep_fraction: _Optional[float] = ...) -> None: ...

class EntropyBand(_message.Message):
    __slots__ = ("to",)
    FROM_FIELD_NUMBER: _ClassVar[int]
    TO_FIELD_NUMBER: _ClassVar[int]
    to: float
    def __init__(self, to: _Optional[float] = ..., **kwargs) -> None: ...

class TopGradient(_message.Message):
    __slots__ = ("keep_fraction",)
    KEEP_FRACTION_FIELD_NUMBER: _ClassVar[int]
    keep_fraction: float
    def __init__(self, keep_fraction: _Optional[float] = ...) -> None: ...

class TopSurprisal(_message.Message):
    __slots__ = ("keep_fraction",)
    KEEP_FRACTION_FIELD_NUMBER: _ClassVar[int]
    keep_fraction: float
    def __init__(self, keep_fraction: _Optional[float] = ...) -> None: ...

class MatchedRandom(_message.Message):
    __slots__ = ("keep_fraction",)
    KEEP_FRACTION_FIELD_NUMBER: _ClassVar[int]
    keep_fraction: float
    def __init__(self, keep_fraction: _Optional[float] = ...) -> None: ...

class TopDifference(_message.Message):
    __slots__ = ("keep_fraction", "not_in")
    KEEP_FRACTION_FIELD_NUMBER: _ClassVar[int]
    IN_FIELD_NUMBER: _ClassVar[int]
    NOT_IN_FIELD_NUMBER: _ClassVar[int]
    keep_fraction: float
    not_in: TokenScore
    def __init__(self, keep_fraction: _Optional[float] = ..., not_in: _Optional[_Union[TokenScore, str]] = ..., **kwargs) -> None: ...

class ClipCov(_message.Message):
    __slots__ = ("ratio", "lower", "upper", "keep_fraction")
    RATIO_FIELD_NUMBER: _ClassVar[int]
    LOWER_FIELD_NUMBER: _ClassVar[int]
    UPPER_FIELD_NUMBER: _ClassVar[int]
    KEEP_FRACTION_FIELD_NUMBER: _ClassVar[int]
    ratio: float
    lower: float
    upper: float
    keep_fraction: float
    def __init__(self, ratio: _Optional[float] = ..., lower: _Optional[float] = ..., upper: _Optional[float] = ..., keep_fraction: _Optional[float] = ...) -> None: ...

class OffPolicySequenceMask(_message.Message):
    __slots__ = ("delta", "keep_fraction")
    DELTA_FIELD_NUMBER: _ClassVar[int]
    KEEP_FRACTION_FIELD_NUMBER: _ClassVar[int]
    delta: float
    keep_fraction: float
    def __init__(self, delta: _Optional[float] = ..., keep_fraction: _Optional[float] = ...) -> None: ...

class TokenWeighter(_message.Message):
    __slots__ = ("truncated_importance", "masked_importance", "entropy_shaped_advantage")
    TRUNCATED_IMPORTANCE_FIELD_NUMBER: _ClassVar[int]
    MASKED_IMPORTANCE_FIELD_NUMBER: _ClassVar[int]
    ENTROPY_SHAPED_ADVANTAGE_FIELD_NUMBER: _ClassVar[int]
    truncated_importance: TruncatedImportance
    masked_importance: MaskedImportance
    entropy_shaped_advantage: EntropyShapedAdvantage
    def __init__(self, truncated_importance: _Optional[_Union[TruncatedImportance, _Mapping]] = ..., masked_importance: _Optional[_Union[MaskedImportance, _Mapping]] = ..., entropy_shaped_advantage: _Optional[_Union[EntropyShapedAdvantage, _Mapping]] = ...) -> None: ...

class TruncatedImportance(_message.Message):
    __slots__ = ("cap", "sequence_level")
    CAP_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_LEVEL_FIELD_NUMBER: _ClassVar[int]
    cap: float
    sequence_level: bool
    def __init__(self, cap: _Optional[float] = ..., sequence_level: _Optional[bool] = ...) -> None: ...

class MaskedImportance(_message.Message):
    __slots__ = ("lower", "upper", "sequence_level")
    LOWER_FIELD_NUMBER: _ClassVar[int]
    UPPER_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_LEVEL_FIELD_NUMBER: _ClassVar[int]
    lower: float
    upper: float
    sequence_level: bool
    def __init__(self, lower: _Optional[float] = ..., upper: _Optional[float] = ..., sequence_level: _Optional[bool] = ...) -> None: ...

class EntropyShapedAdvantage(_message.Message):
    __slots__ = ("alpha", "kappa")
    ALPHA_FIELD_NUMBER: _ClassVar[int]
    KAPPA_FIELD_NUMBER: _ClassVar[int]
    alpha: float
    kappa: float
    def __init__(self, alpha: _Optional[float] = ..., kappa: _Optional[float] = ...) -> None: ...

class Surrogate(_message.Message):
    __slots__ = ("clipped", "cispo", "sapo", "vespo", "reinforce", "kl_cov", "htpo")
    CLIPPED_FIELD_NUMBER: _ClassVar[int]
    CISPO_FIELD_NUMBER: _ClassVar[int]
    SAPO_FIELD_NUMBER: _ClassVar[int]
    VESPO_FIELD_NUMBER: _ClassVar[int]
    REINFORCE_FIELD_NUMBER: _ClassVar[int]
    KL_COV_FIELD_NUMBER: _ClassVar[int]
    HTPO_FIELD_NUMBER: _ClassVar[int]
    clipped: ClippedSurrogate
    cispo: CispoSurrogate
    sapo: SapoSurrogate
    vespo: VespoSurrogate
    reinforce: ReinforceSurrogate
    kl_cov: KlCovSurrogate
    htpo: HtpoSurrogate
    def __init__(self, clipped: _Optional[_Union[ClippedSurrogate, _Mapping]] = ..., cispo: _Optional[_Union[CispoSurrogate, _Mapping]] = ..., sapo: _Optional[_Union[SapoSurrogate, _Mapping]] = ..., vespo: _Optional[_Union[VespoSurrogate, _Mapping]] = ..., reinforce: _Optional[_Union[ReinforceSurrogate, _Mapping]] = ..., kl_cov: _Optional[_Union[KlCovSurrogate, _Mapping]] = ..., htpo: _Optional[_Union[HtpoSurrogate, _Mapping]] = ...) -> None: ...

class ClippedSurrogate(_message.Message):
    __slots__ = ("clip_low", "clip_high", "dual_clip", "ratio_cap", "ratio")
    CLIP_LOW_FIELD_NUMBER: _ClassVar[int]
    CLIP_HIGH_FIELD_NUMBER: _ClassVar[int]
    DUAL_CLIP_FIELD_NUMBER: _ClassVar[int]
    RATIO_CAP_FIELD_NUMBER: _ClassVar[int]
    RATIO_FIELD_NUMBER: _ClassVar[int]
    clip_low: float
    clip_high: float
    dual_clip: float
    ratio_cap: float
    ratio: RatioReducer
    def __init__(self, clip_low: _Optional[float] = ..., clip_high: _Optional[float] = ..., dual_clip: _Optional[float] = ..., ratio_cap: _Optional[float] = ..., ratio: _Optional[_Union[RatioReducer, _Mapping]] = ...) -> None: ...

class RatioReducer(_message.Message):
    __slots__ = ("token", "sequence_geometric", "clipped_geometric", "sequence_token", "power_mean")
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_GEOMETRIC_FIELD_NUMBER: _ClassVar[int]
    CLIPPED_GEOMETRIC_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    POWER_MEAN_FIELD_NUMBER: _ClassVar[int]
    token: TokenRatio
    sequence_geometric: SequenceGeometricRatio
    clipped_geometric: ClippedGeometricRatio
    sequence_token: SequenceTokenRatio
    power_mean: PowerMeanRatio
    def __init__(self, token: _Optional[_Union[TokenRatio, _Mapping]] = ..., sequence_geometric: _Optional[_Union[SequenceGeometricRatio, _Mapping]] = ..., clipped_geometric: _Optional[_Union[ClippedGeometricRatio, _Mapping]] = ..., sequence_token: _Optional[_Union[SequenceTokenRatio, _Mapping]] = ..., power_mean: _Optional[_Union[PowerMeanRatio, _Mapping]] = ...) -> None: ...

class TokenRatio(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class SequenceGeometricRatio(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ClippedGeometricRatio(_message.Message):
    __slots__ = ("epsilon",)
    EPSILON_FIELD_NUMBER: _ClassVar[int]
    epsilon: float
    def __init__(self, epsilon: _Optional[float] = ...) -> None: ...

class SequenceTokenRatio(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class PowerMeanRatio(_message.Message):
    __slots__ = ("p", "final_p", "schedule_steps")
    P_FIELD_NUMBER: _ClassVar[int]
    FINAL_P_FIELD_NUMBER: _ClassVar[int]
    SCHEDULE_STEPS_FIELD_NUMBER: _ClassVar[int]
    p: float
    final_p: float
    schedule_steps: int
    def __init__(self, p: _Optional[float] = ..., final_p: _Optional[float] = ..., schedule_steps: _Optional[int] = ...) -> None: ...

class CispoSurrogate(_message.Message):
    __slots__ = ("ratio_max",)
    RATIO_MAX_FIELD_NUMBER: _ClassVar[int]
    ratio_max: float
    def __init__(self, ratio_max: _Optional[float] = ...) -> None: ...

class SapoSurrogate(_message.Message):
    __slots__ = ("tau_positive", "tau_negative")
    TAU_POSITIVE_FIELD_NUMBER: _ClassVar[int]
    TAU_NEGATIVE_FIELD_NUMBER: _ClassVar[int]
    tau_positive: float
    tau_negative: float
    def __init__(self, tau_positive: _Optional[float] = ..., tau_negative: _Optional[float] = ...) -> None: ...

class VespoSurrogate(_message.Message):
    __slots__ = ("k_positive", "lambda_positive", "k_negative", "lambda_negative")
    K_POSITIVE_FIELD_NUMBER: _ClassVar[int]
    LAMBDA_POSITIVE_FIELD_NUMBER: _ClassVar[int]
    K_NEGATIVE_FIELD_NUMBER: _ClassVar[int]
    LAMBDA_NEGATIVE_FIELD_NUMBER: _ClassVar[int]
    k_positive: float
    lambda_positive: float
    k_negative: float
    lambda_negative: float
    def __init__(self, k_positive: _Optional[float] = ..., lambda_positive: _Optional[float] = ..., k_negative: _Optional[float] = ..., lambda_negative: _Optional[float] = ...) -> None: ...

class ReinforceSurrogate(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class KlCovSurrogate(_message.Message):
    __slots__ = ("ratio", "coefficient")
    RATIO_FIELD_NUMBER: _ClassVar[int]
    COEFFICIENT_FIELD_NUMBER: _ClassVar[int]
    ratio: float
    coefficient: float
    def __init__(self, ratio: _Optional[float] = ..., coefficient: _Optional[float] = ...) -> None: ...

class HtpoSurrogate(_message.Message):
    __slots__ = ("clip_low", "clip_high", "dual_clip", "top_fraction", "hard_below", "drop_low", "drop_high")
    CLIP_LOW_FIELD_NUMBER: _ClassVar[int]
    CLIP_HIGH_FIELD_NUMBER: _ClassVar[int]
    DUAL_CLIP_FIELD_NUMBER: _ClassVar[int]
    TOP_FRACTION_FIELD_NUMBER: _ClassVar[int]
    HARD_BELOW_FIELD_NUMBER: _ClassVar[int]
    DROP_LOW_FIELD_NUMBER: _ClassVar[int]
    DROP_HIGH_FIELD_NUMBER: _ClassVar[int]
    clip_low: float
    clip_high: float
    dual_clip: float
    top_fraction: float
    hard_below: float
    drop_low: float
    drop_high: float
    def __init__(self, clip_low: _Optional[float] = ..., clip_high: _Optional[float] = ..., dual_clip: _Optional[float] = ..., top_fraction: _Optional[float] = ..., hard_below: _Optional[float] = ..., drop_low: _Optional[float] = ..., drop_high: _Optional[float] = ...) -> None: ...

class Normaliser(_message.Message):
    __slots__ = ("all_tokens", "kept_tokens", "sequence_mean", "fixed_length", "sequence_sum")
    ALL_TOKENS_FIELD_NUMBER: _ClassVar[int]
    KEPT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_MEAN_FIELD_NUMBER: _ClassVar[int]
    FIXED_LENGTH_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_SUM_FIELD_NUMBER: _ClassVar[int]
    all_tokens: AllTokensNormaliser
    kept_tokens: KeptTokensNormaliser
    sequence_mean: SequenceMeanNormaliser
    fixed_length: FixedLengthNormaliser
    sequence_sum: SequenceSumNormaliser
    def __init__(self, all_tokens: _Optional[_Union[AllTokensNormaliser, _Mapping]] = ..., kept_tokens: _Optional[_Union[KeptTokensNormaliser, _Mapping]] = ..., sequence_mean: _Optional[_Union[SequenceMeanNormaliser, _Mapping]] = ..., fixed_length: _Optional[_Union[FixedLengthNormaliser, _Mapping]] = ..., sequence_sum: _Optional[_Union[SequenceSumNormaliser, _Mapping]] = ...) -> None: ...

class AllTokensNormaliser(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class KeptTokensNormaliser(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class SequenceMeanNormaliser(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class FixedLengthNormaliser(_message.Message):
    __slots__ = ("max_tokens",)
    MAX_TOKENS_FIELD_NUMBER: _ClassVar[int]
    max_tokens: int
    def __init__(self, max_tokens: _Optional[int] = ...) -> None: ...

class SequenceSumNormaliser(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class AuxiliaryTerm(_message.Message):
    __slots__ = ("coefficient", "kl_k1", "kl_k2", "kl_k3", "entropy_bonus", "adaptive_entropy_bonus", "hinge_kl")
    COEFFICIENT_FIELD_NUMBER: _ClassVar[int]
    KL_K1_FIELD_NUMBER: _ClassVar[int]
    KL_K2_FIELD_NUMBER: _ClassVar[int]
    KL_K3_FIELD_NUMBER: _ClassVar[int]
    ENTROPY_BONUS_FIELD_NUMBER: _ClassVar[int]
    ADAPTIVE_ENTROPY_BONUS_FIELD_NUMBER: _ClassVar[int]
    HINGE_KL_FIELD_NUMBER: _ClassVar[int]
    coefficient: float
    kl_k1: KlK1
    kl_k2: KlK2
    kl_k3: KlK3
    entropy_bonus: EntropyBonus
    adaptive_entropy_bonus: AdaptiveEntropyBonus
    hinge_kl: HingeKl
    def __init__(self, coefficient: _Optional[float] = ..., kl_k1: _Optional[_Union[KlK1, _Mapping]] = ..., kl_k2: _Optional[_Union[KlK2, _Mapping]] = ..., kl_k3: _Optional[_Union[KlK3, _Mapping]] = ..., entropy_bonus: _Optional[_Union[EntropyBonus, _Mapping]] = ..., adaptive_entropy_bonus: _Optional[_Union[AdaptiveEntropyBonus, _Mapping]] = ..., hinge_kl: _Optional[_Union[HingeKl, _Mapping]] = ...) -> None: ...

class KlK1(_message.Message):
    __slots__ = ("importance_corrected",)
    IMPORTANCE_CORRECTED_FIELD_NUMBER: _ClassVar[int]
    importance_corrected: bool
    def __init__(self, importance_corrected: _Optional[bool] = ...) -> None: ...

class KlK2(_message.Message):
    __slots__ = ("importance_corrected",)
    IMPORTANCE_CORRECTED_FIELD_NUMBER: _ClassVar[int]
    importance_corrected: bool
    def __init__(self, importance_corrected: _Optional[bool] = ...) -> None: ...

class KlK3(_message.Message):
    __slots__ = ("importance_corrected",)
    IMPORTANCE_CORRECTED_FIELD_NUMBER: _ClassVar[int]
    importance_corrected: bool
    def __init__(self, importance_corrected: _Optional[bool] = ...) -> None: ...

class EntropyBonus(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class AdaptiveEntropyBonus(_message.Message):
    __slots__ = ("target", "delta")
    TARGET_FIELD_NUMBER: _ClassVar[int]
    DELTA_FIELD_NUMBER: _ClassVar[int]
    target: float
    delta: float
    def __init__(self, target: _Optional[float] = ..., delta: _Optional[float] = ...) -> None: ...

class HingeKl(_message.Message):
    __slots__ = ("delta",)
    DELTA_FIELD_NUMBER: _ClassVar[int]
    delta: float
    def __init__(self, delta: _Optional[float] = ...) -> None: ...
