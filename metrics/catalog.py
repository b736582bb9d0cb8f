"""Every metric that can be computed. Adding one means writing its file and naming it here."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches

from metrics.aggregation import Composite, Median, PassRate, Quantile, WeightedMean
from metrics.attempts import (
    BestOfAttempts,
    Flakiness,
    MajorityVote,
    PassAtK,
    PassHatK,
    WorstOfAttempts,
)
from metrics.base import Metric
from metrics.batch import Json
from metrics.classes.calibration import Brier, Ece
from metrics.classes.classification import (
    Accuracy,
    BalancedAccuracy,
    ClassF1,
    ClassPrecision,
    ClassRecall,
    CohenKappa,
    F1Macro,
    F1Micro,
    F1Weighted,
    Mcc,
)
from metrics.fields import MetricParamsError, sample_params
from metrics.match.containment import Contains, StartsWith
from metrics.match.exact_match import ExactMatch, QuasiExactMatch
from metrics.match.multiple_choice import MultipleChoice
from metrics.match.numeric_match import NumericMatch
from metrics.match.regex_match import RegexMatch
from metrics.match.token_f1 import TokenF1
from metrics.operational import (
    CachedTokens,
    Cost,
    ErrorRate,
    InputTokens,
    Latency,
    OutputLength,
    OutputTokens,
    TimeToFirstToken,
)
from metrics.overlap.bleu import Bleu
from metrics.overlap.chrf import Chrf, ChrfPlusPlus
from metrics.overlap.edit_similarity import EditSimilarity
from metrics.overlap.length_ratio import LengthRatio
from metrics.overlap.rouge import Rouge1, Rouge2, RougeL
from metrics.overlap.rouge_lsum import RougeLsum
from metrics.overlap.rouge_w import RougeW
from metrics.overlap.ter import Ter
from metrics.parameters import read_parameter, shown
from metrics.retrieval import (
    AveragePrecision,
    HitAtK,
    Mrr,
    NdcgAtK,
    PrecisionAtK,
    RecallAtK,
)
from metrics.structured.json_fields import JsonFields, JsonFieldsMicro
from metrics.structured.json_schema import JsonSchema
from metrics.structured.json_valid import JsonValid
from metrics.structured.tool_calls import ToolCalls

# What is chosen from, by what it is about. The reference page and the forms keep this order.
GROUPS: Mapping[str, tuple[type[Metric], ...]] = {
    "Match": (
        ExactMatch,
        QuasiExactMatch,
        TokenF1,
        Contains,
        StartsWith,
        RegexMatch,
        NumericMatch,
        MultipleChoice,
    ),
    "Text overlap": (
        Bleu,
        Chrf,
        ChrfPlusPlus,
        Ter,
        Rouge1,
        Rouge2,
        RougeL,
        RougeLsum,
        RougeW,
        EditSimilarity,
        LengthRatio,
    ),
    "Structured": (
        JsonValid,
        JsonSchema,
        JsonFields,
        JsonFieldsMicro,
        ToolCalls,
    ),
    "Classification": (
        Accuracy,
        BalancedAccuracy,
        F1Macro,
        F1Micro,
        F1Weighted,
        ClassPrecision,
        ClassRecall,
        ClassF1,
        Mcc,
        CohenKappa,
        Brier,
        Ece,
    ),
    "Retrieval": (
        PrecisionAtK,
        RecallAtK,
        HitAtK,
        Mrr,
        AveragePrecision,
        NdcgAtK,
    ),
    "Several attempts": (
        PassAtK,
        PassHatK,
        MajorityVote,
        BestOfAttempts,
        WorstOfAttempts,
        Flakiness,
    ),
    "Operational": (
        Latency,
        TimeToFirstToken,
        InputTokens,
        OutputTokens,
        CachedTokens,
        Cost,
        ErrorRate,
        OutputLength,
    ),
    "Metrics of metrics": (
        PassRate,
        Median,
        Quantile,
        WeightedMean,
        Composite,
    ),
}
# Where metrics of the operator's own stand.
OWN_GROUP = "Your own"
CATALOG = tuple(metric for group in GROUPS.values() for metric in group)

_BY_NAME: dict[str, type[Metric]] = {metric.name: metric for metric in CATALOG}
_CATALOGED = frozenset(_BY_NAME)
MAX_DEPTH = 3  # a metric of a metric of a metric
_LONGEST_NAME = 100
_ALIAS = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:@-]{0,63}")


@dataclasses.dataclass(frozen=True, kw_only=True)
class MetricSpec:
    """A metric as a run asks for it: a name, parameters in plain JSON, and the name it answers to.

    `alias` is the key of the metric in every answer about the run.
    """

    name: str
    params: Mapping[str, Json] = dataclasses.field(default_factory=dict)
    alias: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "alias", self.alias or self.name)

    def as_json(self) -> dict[str, Json]:
        """Return the spec as it is written in a request."""
        return {"name": self.name, "params": dict(self.params), "as": self.alias}


def read_spec(value: Json) -> MetricSpec:
    """Read a metric as it stands in a request: a name, or ``{"name", "params", "as"}``."""
    if isinstance(value, str):
        return MetricSpec(name=value)
    if not isinstance(value, Mapping):
        raise MetricParamsError('A metric is a name, or {"name": ..., "params": ..., "as": ...}.')
    if unknown := sorted(value.keys() - {"name", "params", "as"}):
        raise MetricParamsError(
            f"A metric has no member {shown(unknown[0])}: name, params and as."
        )
    name, params, alias = value.get("name"), value.get("params", {}), value.get("as")
    if not isinstance(name, str):
        raise MetricParamsError('A metric needs a "name", which is text.')
    if not isinstance(params, Mapping):
        raise MetricParamsError(f'The "params" of {name} are not an object.')
    if alias is not None and not (isinstance(alias, str) and _ALIAS.fullmatch(alias)):
        raise MetricParamsError(
            f'The "as" of {name} is not a short name: up to 64 letters, digits and any of _.:@-.'
        )
    return MetricSpec(name=name, params=params, alias=alias or name)


def build(spec: MetricSpec) -> Metric:
    """Return the metric a spec asks for; refuse what cannot be computed with a sentence."""
    return _build(spec, depth=1)


def _build(spec: MetricSpec, *, depth: int) -> Metric:
    metric = _BY_NAME.get(spec.name)
    if metric is None:
        near = get_close_matches(spec.name[:_LONGEST_NAME], _BY_NAME, n=3)
        hint = f"Do you mean {' or '.join(near)}?" if near else "The catalog names all there are."
        raise MetricParamsError(f"There is no metric {shown(spec.name)}. {hint}")
    return configured(metric, spec.params, depth=depth)


def configured(metric: type[Metric], params: Mapping[str, Json], *, depth: int = 1) -> Metric:
    """Return the metric with parameters as a request writes them; refuse wrong ones."""
    fields = {field.name: field for field in dataclasses.fields(metric)}
    if unknown := sorted(params.keys() - fields.keys()):
        has = f"It has: {', '.join(fields)}." if fields else "It has none."
        raise MetricParamsError(f"{metric.name} has no parameter {shown(unknown[0])}. {has}")

    def build_inner(where: str, value: Json) -> Metric:
        if depth == MAX_DEPTH:
            raise MetricParamsError(f"{where} is one metric too many: {MAX_DEPTH} may be nested.")
        inner = read_spec(value)
        if inner.alias != inner.name:
            raise MetricParamsError(f'{where} has no "as": only the outermost metric is named.')
        return _build(inner, depth=depth + 1)

    for name in missing_params(metric, params):
        meaning = fields[name].metadata["meaning"]
        raise MetricParamsError(f"{metric.name} needs {name}: {meaning[:1].lower()}{meaning[1:]}")
    given = {
        name: read_parameter(metric.name, fields[name], value, build_inner)
        for name, value in params.items()
    }
    return metric(**given)


def missing_params(metric: type[Metric], params: Mapping[str, Json]) -> list[str]:
    """Return the parameters that must be given and are not."""
    return [name for name in sample_params(metric) if name not in params]


def sample_of(metric: type[Metric]) -> Metric:
    """Return the metric with its defaults, and samples of what a request must give."""
    return configured(metric, sample_params(metric))


def known_metrics() -> Mapping[str, type[Metric]]:
    """Return every metric there is by its name: the catalog's, then those that were registered."""
    return _BY_NAME


def register(metric: type[Metric]) -> None:
    """Add a metric that is not the catalog's own (see `metrics.custom`, which checks it)."""
    _BY_NAME[metric.name] = metric


def by_group() -> Mapping[str, Sequence[type[Metric]]]:
    """Return every metric there is by what it is about: the catalog's groups, then one's own."""
    own = tuple(metric for name, metric in _BY_NAME.items() if name not in _CATALOGED)
    return {**GROUPS, OWN_GROUP: own} if own else GROUPS


def describe_catalog() -> list[dict[str, object]]:
    """Return the whole catalog as plain JSON, in its order, then what was registered besides."""
    return [
        {**metric.describe(), "group": group}
        for group, metrics in by_group().items()
        for metric in metrics
    ]
