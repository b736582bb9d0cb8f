"""What a metric is, what it reads and what it answers.

A metric turns examples into values and rows of additive statistics, and any sum of rows into a
value again. One row gives the example's score, the sum over a run the run's value, the sum over
a slice or a resample theirs: the formula cannot differ between them.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Mapping, Sequence
from enum import StrEnum
from typing import Any, ClassVar, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from metrics.cache import TextCache
from metrics.reasons import Reason
from metrics.rows import Rows, sum_of
from metrics.tallies import AnyRows
from metrics.vocabulary import under_one_vocabulary

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
Floats: TypeAlias = NDArray[np.float64]

T = TypeVar("T")

# The numbers that may come with an output.
FACTS = (
    *("latency_ms", "ttft_ms", "input_tokens", "output_tokens", "cached_tokens"),
    *("cost", "confidence"),
)
# The columns of a batch that only some metrics read.
COLUMNS = ("metadata", "relevant", "retrieved", *FACTS)
# A bound this large only keeps nonsense out: nobody needs to read it.
_BEYOND_REMARK = 1e9
# A longer text stands in a signature as its SHA-256.
_SIGNED_CHARACTERS = 200


class MetricParamsError(ValueError):
    """The parameters do not describe a metric that can be computed; the message is for people."""


class Family(StrEnum):
    """How a run's value comes from its examples, and with it which interval fits."""

    BINARY = "binary"
    MEAN = "mean"
    CORPUS = "corpus"
    QUANTILE = "quantile"


class Kind(StrEnum):
    """What a parameter looks like in JSON."""

    TEXT = "text"
    BOOLEAN = "boolean"
    CHOICE = "choice"
    STEPS = "steps"
    NUMBER = "number"
    WHOLE = "whole"  # a whole number
    JSON = "json"  # an object or list that the metric checks itself
    METRIC = "metric"  # another metric: a name, or {"name", "params"}
    PARTS = "parts"  # metrics with weights: [{"metric", "weight"}]


def parameter(*, default: object, kind: Kind, meaning: str, choices: Sequence[str] = ()) -> Any:
    """Declare a field of a metric: its default, what JSON it takes and what it means."""
    metadata = {"kind": kind, "meaning": meaning, "choices": tuple(choices)}
    return dataclasses.field(default=default, metadata=metadata)


def required_parameter(*, sample: Json, kind: Kind, meaning: str) -> Any:
    """Declare a field that has no default: a request must give it.

    `sample` is its JSON where a metric is shown, or held to its contract, before anybody asks
    for it.
    """
    metadata = {"kind": kind, "meaning": meaning, "choices": (), "sample": sample}
    return dataclasses.field(metadata=metadata)


def is_required(field: dataclasses.Field[Any]) -> bool:
    """Say whether a parameter must be given."""
    return field.default is dataclasses.MISSING


def sample_params(metric: type[Metric]) -> dict[str, Json]:
    """Return the parameters of a metric's sample: of those that must be given, their samples."""
    fields = dataclasses.fields(metric)
    return {field.name: field.metadata["sample"] for field in fields if is_required(field)}


def number_parameter(*, default: float | None, low: float, high: float, meaning: str) -> Any:
    """Declare a field that holds a number from `low` to `high`, both included."""
    default = None if default is None else float(default)
    return _bounded(Kind.NUMBER, default, float(low), float(high), meaning)


def whole_parameter(*, default: int | None, low: int, high: int, meaning: str) -> Any:
    """Declare a field that holds a whole number from `low` to `high`, both included."""
    return _bounded(Kind.WHOLE, default, low, high, meaning)


def _bounded(kind: Kind, default: float | None, low: float, high: float, meaning: str) -> Any:
    metadata = {"kind": kind, "choices": (), "low": low, "high": high}
    bounds = f": from {low:g} to {high:g}." if high < _BEYOND_REMARK else "."
    bounded = meaning.removesuffix(".") + bounds
    return dataclasses.field(default=default, metadata={**metadata, "meaning": bounded})


@dataclasses.dataclass(frozen=True, kw_only=True)
class Batch:
    """Examples side by side: what the system gave, and what was expected.

    An output is text, parsed JSON, or None where the system gave none (an error, or missing in a
    finished run). `expected_outputs` holds None and `references` an empty list where absent.
    The attempts of one example stand together, `attempts` rows for each.

    The other columns are filled where a metric `reads` them, else blank: of the example
    `metadata` (an object) and `relevant` (grades by document id, or None); of the output
    `retrieved` (documents, best first, or None) and `facts`: numbers by name, NaN where unknown.
    """

    outputs: Sequence[Json]
    expected_outputs: Sequence[Json]
    references: Sequence[Sequence[Json]]
    metadata: Sequence[Mapping[str, Json]] = ()
    relevant: Sequence[Mapping[str, float] | None] = ()
    retrieved: Sequence[Sequence[Mapping[str, Json]] | None] = ()
    facts: Mapping[str, Floats] = dataclasses.field(default_factory=dict)
    attempts: int = 1

    def __post_init__(self) -> None:
        n = len(self.outputs)
        for name, blank in (("metadata", {}), ("relevant", None), ("retrieved", None)):
            if not getattr(self, name):
                object.__setattr__(self, name, [blank] * n)
        columns = (self.expected_outputs, self.references, self.metadata, self.relevant)
        if {n, len(self.retrieved), *map(len, columns), *map(len, self.facts.values())} != {n}:
            raise ValueError("Outputs, expected outputs and the other columns differ in number.")
        if n % self.attempts:
            raise ValueError(f"{n} rows are not {self.attempts} for each example.")

    def __len__(self) -> int:
        return len(self.outputs)

    def part(self, start: int, stop: int) -> Batch:
        """Return the rows [start, stop)."""
        return self.taken(range(start, stop))

    def taken(self, rows: Sequence[int]) -> Batch:
        """Return these rows, in this order."""
        columns = (
            "outputs",
            "expected_outputs",
            "references",
            "metadata",
            "relevant",
            "retrieved",
        )
        return Batch(
            **{name: [getattr(self, name)[row] for row in rows] for name in columns},
            facts={name: values[list(rows)] for name, values in self.facts.items()},
            attempts=self.attempts,
        )

    def fact(self, name: str) -> Floats:
        """Return a number of every output, one of `FACTS`, NaN where it is not known."""
        known = self.facts.get(name)
        return np.full(len(self), np.nan) if known is None else known


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Scores:
    """A metric's answer, one row per example of the batch.

    `values` is NaN exactly where `reasons` is not 0; `statistics` is zero there. A metric whose
    value is its own statistic has no columns of statistics. Where statistics name labels, they
    hold a label's place in `labels`, from 1; 0 is none of them.
    """

    values: Floats
    reasons: NDArray[np.uint8]
    statistics: Floats
    labels: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.values)


class Workspace:
    """What the metrics of one batch share, so that each text is read once.

    `cache` outlives the batch and remembers derived references between batches.
    """

    def __init__(self, batch: Batch, cache: TextCache | None = None) -> None:
        self.batch = batch
        self.cache = TextCache() if cache is None else cache
        self.computed: dict[Hashable, Any] = {}

    def scores_of(self, metric: Metric) -> Scores:
        """Return a metric's scores of the batch, whoever else asks for them too."""
        return self.once((Scores, metric), lambda: metric.score_in(self))

    def once(self, key: Hashable, compute: Callable[[], T]) -> T:
        """Return what `compute` gives, computed the first time `key` is asked for."""
        if key not in self.computed:
            self.computed[key] = compute()
        result: T = self.computed[key]
        return result


@dataclasses.dataclass(frozen=True, kw_only=True)
class Metric(ABC):
    """One way to compare outputs with what was expected.

    Subclasses are frozen dataclasses whose fields, made by `parameter`, are the metric's
    parameters. Raise `version` whenever the same input can give another number.

    `higher_is_better` is None where neither more nor less is better: such a number is shown, and
    not compared. `reads` names the columns of a batch it needs beside texts, out of `COLUMNS`.
    `level` is which quantile of the outputs a metric of the family `QUANTILE` is. `measured_in`
    is the unit of its values, empty where they have none.
    """

    name: ClassVar[str]
    version: ClassVar[int]
    title: ClassVar[str]
    summary: ClassVar[str]
    formula: ClassVar[str]
    needs: ClassVar[str]
    family: ClassVar[Family]
    low: ClassVar[float] = 0.0
    high: ClassVar[float] = 1.0
    higher_is_better: ClassVar[bool | None] = True
    source: ClassVar[str] = ""
    examples: ClassVar[tuple[Example, ...]] = ()
    reads: ClassVar[tuple[str, ...]] = ()
    level: ClassVar[float] = math.nan
    measured_in: ClassVar[str] = ""
    statistic_names: ClassVar[tuple[str, ...]] = ()
    names_labels: ClassVar[bool] = False  # statistics are places in `labels`
    defined_by: ClassVar[tuple[str, ...]] = ()

    def score(self, batch: Batch) -> Scores:
        """Score a batch on its own."""
        return self.score_in(Workspace(batch))

    @abstractmethod
    def score_in(self, workspace: Workspace) -> Scores:
        """Score a batch, sharing what other metrics computed of the same texts."""

    def settled(self, scores: Scores) -> Scores:
        """Return a whole run's scores under its common labels: of most metrics as they are."""
        return scores

    def additive(self, rows: Rows, labels: tuple[str, ...]) -> AnyRows:
        """Return rows that may be summed: of most metrics the statistics as they are.

        `rows` are (rows, attempts, columns), under the common labels of the whole run.
        """
        return rows

    def values_of(self, totals: Floats) -> Floats:
        """Return the value for summed statistics, over any leading axes; NaN where undefined."""
        raise TypeError(f"{self.name} is the mean of its values and has no statistics to sum.")

    @property
    def worst(self) -> float:
        """What an output that is an error or missing scores; NaN where nothing is worse."""
        if self.higher_is_better is None:
            return math.nan
        return self.low if self.higher_is_better else self.high

    @property
    def reason_without_output(self) -> Reason:
        """What stands beside `worst`: none where it is a value."""
        return Reason.NO_OUTPUT if self.higher_is_better is None else Reason.SCORED

    @property
    def best(self) -> float:
        """What an output that could not be better scores; NaN where nothing is better."""
        if self.higher_is_better is None:
            return math.nan
        return self.high if self.higher_is_better else self.low

    @property
    def attempts_asked(self) -> int:
        """How many attempts the parameters ask for: an example with fewer has no value."""
        return 1

    @property
    def signature(self) -> str:
        """Everything that defines the number, such as ``bleu|v1|...|sacrebleu:2.6.0``."""
        params = (f"{name}:{_written(value)}" for name, value in self.signed_params().items())
        return "|".join([self.name, f"v{self.version}", *params, *self.defined_by])

    def signed_params(self) -> dict[str, object]:
        """Return every parameter by name, as far as it stands in the signature."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}

    @classmethod
    def describe(cls) -> dict[str, object]:
        """Return the metric's entry of the catalog, plain JSON."""
        return {
            "name": cls.name,
            "version": cls.version,
            "title": cls.title,
            "summary": cls.summary,
            "formula": cls.formula,
            "source": cls.source,
            "needs": cls.needs,
            "reads": list(cls.reads),
            "family": cls.family.value,
            "low": cls.low if math.isfinite(cls.low) else None,
            "high": cls.high if math.isfinite(cls.high) else None,
            "higher_is_better": cls.higher_is_better,
            "statistics": list(cls.statistic_names),
            "params": [_described(field) for field in dataclasses.fields(cls)],
            "examples": [example.describe() for example in cls.examples],
        }


@dataclasses.dataclass(frozen=True, kw_only=True)
class Part:
    """A metric that is one part of another, and how much it weighs there."""

    metric: Metric
    weight: float


@dataclasses.dataclass(frozen=True)
class JsonText:
    """A parameter that is an object or a list: its canonical text."""

    text: str

    @classmethod
    def of(cls, value: Json) -> JsonText:
        """Write an object or a list the way equal ones are always written."""
        return cls(json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")))

    def value(self) -> Json:
        """Return the object or list."""
        parsed: Json = json.loads(self.text)
        return parsed

    @property
    def signature(self) -> str:
        """The text, or what tells a long one from any other."""
        if len(self.text) <= _SIGNED_CHARACTERS:
            return self.text
        return f"sha256-{hashlib.sha256(self.text.encode()).hexdigest()}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Example:
    """A worked example of a metric: what stands in the batch, and the value that comes out.

    `params` are the parameters it is computed with; `value` is None where it is unscored.
    `further_attempts` are the outputs of the example's attempts after the first.
    """

    output: Json
    value: float | None
    expected_output: Json = None
    references: tuple[Json, ...] = ()
    relevant: Mapping[str, float] | None = None
    retrieved: tuple[str, ...] | None = None
    further_attempts: tuple[Json, ...] = ()
    params: Mapping[str, Json] = dataclasses.field(default_factory=dict)
    note: str = ""

    def batch(self) -> Batch:
        """Return the example as a batch, a row for each attempt."""
        documents = None if self.retrieved is None else [{"id": one} for one in self.retrieved]
        outputs = [self.output, *self.further_attempts]
        n = len(outputs)
        return Batch(
            outputs=outputs,
            expected_outputs=[self.expected_output] * n,
            references=[list(self.references)] * n,
            relevant=[self.relevant] * n,
            retrieved=[documents] * n,
            attempts=n,
        )

    def describe(self) -> dict[str, object]:
        """Return what is set, plain JSON."""
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in vars(self).items()
            if value not in (None, (), {}, "") or name in ("output", "value")
        }


def _described(field: dataclasses.Field[Any]) -> dict[str, object]:
    bounds = {end: field.metadata[end] for end in ("low", "high") if end in field.metadata}
    return {
        "name": field.name,
        "type": field.metadata["kind"].value,
        "required": is_required(field),
        "default": None if is_required(field) else _plain(field.default),
        "choices": list(field.metadata["choices"]),
        **bounds,
        "meaning": field.metadata["meaning"],
    }


def _plain(value: object) -> object:
    """Return a parameter's value as it is written in a request."""
    if isinstance(value, Metric):
        return value.name
    if isinstance(value, JsonText):
        return value.value()
    if isinstance(value, Part):
        return {"metric": value.metric.name, "weight": value.weight}
    return [_plain(one) for one in value] if isinstance(value, tuple) else value


def _written(value: object) -> str:
    """Return a parameter as a signature has it: JSON, and a metric's own signature in brackets."""
    if isinstance(value, Metric):
        return f"({value.signature})"
    if isinstance(value, Part):
        return f"{_written(value.weight)}*({value.metric.signature})"
    if isinstance(value, tuple):
        return f"[{','.join(map(_written, value))}]"
    plain = value.signature if isinstance(value, JsonText) else value
    return json.dumps(plain, ensure_ascii=False, separators=(",", ":"))


def score_many(
    metrics: Sequence[Metric], batch: Batch, cache: TextCache | None = None
) -> list[Scores]:
    """Score a batch with several metrics in one pass over its texts."""
    workspace = Workspace(batch, cache)
    return [workspace.scores_of(metric) for metric in metrics]


def joined(parts: Sequence[Scores]) -> Scores:
    """Return the scores of batches that follow each other, at least one."""
    if len(parts) == 1:
        return parts[0]
    statistics, labels = under_one_vocabulary([(part.statistics, part.labels) for part in parts])
    return Scores(
        values=np.concatenate([part.values for part in parts]),
        reasons=np.concatenate([part.reasons for part in parts]),
        statistics=statistics,
        labels=labels,
    )


def mean_of(values: Floats) -> float:
    """Return the mean of the values that are there, whatever their order; NaN without any."""
    present = values[~np.isnan(values)]
    return sum_of(present) / len(present) if len(present) else math.nan


def quantile_of(values: Floats, level: float) -> float:
    """Return the quantile of the values that are there; NaN without any.

    Between two order statistics it is interpolated (definition 7 of Hyndman & Fan 1996).
    """
    present = values[~np.isnan(values)]
    return float(np.quantile(present, level)) if len(present) else math.nan


def totals_of(statistics: Floats) -> Floats:
    """Return the column sums of statistics, whatever their order and chunks."""
    return Rows.of(statistics).totals()


def run_value(metric: Metric, scores: Scores) -> float:
    """Return a run's (or slice's) value from its concatenated columns; NaN where undefined."""
    if metric.family is Family.CORPUS:
        return float(metric.values_of(corpus_totals(metric, scores)))
    if metric.family is Family.QUANTILE:
        return quantile_of(scores.values, metric.level)
    return mean_of(scores.values)


def corpus_totals(metric: Metric, scores: Scores) -> Floats:
    """Return the sums that a corpus metric makes a run's value of, every row an example."""
    settled = metric.settled(scores)
    rows = metric.additive(Rows.of(settled.statistics[:, None]), settled.labels)
    return rows.folded(np.ones((len(rows), 1), np.bool_)).totals()


def blank_scores(reasons: NDArray[np.uint8], columns: int = 0) -> Scores:
    """Return scores with room for values: NaN where there is a reason, else 0."""
    values = np.where(reasons == Reason.SCORED, 0.0, np.nan)
    return Scores(values=values, reasons=reasons, statistics=np.zeros((len(reasons), columns)))
