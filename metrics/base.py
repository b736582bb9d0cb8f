"""What a metric is, what it reads and what it answers.

A metric turns examples into values and rows of additive statistics, and any sum of rows into a
value again. One row gives the example's score, the sum over a run the run's value, the sum over
a slice or a resample theirs: the formula cannot differ between them.
"""

from __future__ import annotations

import dataclasses
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

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
Floats: TypeAlias = NDArray[np.float64]

T = TypeVar("T")

# Sums of whole numbers below this are exact, in whatever order they are added.
_EXACT = 2.0**53


class MetricParamsError(ValueError):
    """The parameters do not describe a metric that can be computed; the message is for people."""


class Family(StrEnum):
    """How a run's value comes from its examples, and with it which interval fits."""

    BINARY = "binary"
    MEAN = "mean"
    CORPUS = "corpus"


class Kind(StrEnum):
    """What a parameter looks like in JSON."""

    TEXT = "text"
    BOOLEAN = "boolean"
    CHOICE = "choice"
    STEPS = "steps"
    NUMBER = "number"


def parameter(*, default: object, kind: Kind, meaning: str, choices: Sequence[str] = ()) -> Any:
    """Declare a field of a metric: its default, what JSON it takes and what it means."""
    metadata = {"kind": kind, "meaning": meaning, "choices": tuple(choices)}
    return dataclasses.field(default=default, metadata=metadata)


def number_parameter(*, default: float, low: float, high: float, meaning: str) -> Any:
    """Declare a field that holds a number from `low` to `high`, both included."""
    metadata = {"kind": Kind.NUMBER, "choices": (), "low": float(low), "high": float(high)}
    bounded = f"{meaning.removesuffix('.')}: from {low:g} to {high:g}."
    return dataclasses.field(default=float(default), metadata={**metadata, "meaning": bounded})


@dataclasses.dataclass(frozen=True, kw_only=True)
class Batch:
    """Examples side by side: what the system gave, and what was expected.

    An output is text, parsed JSON, or None where the system gave none (an error, or missing in a
    finished run). `expected_outputs` holds None and `references` an empty list where absent.
    """

    outputs: Sequence[Json]
    expected_outputs: Sequence[Json]
    references: Sequence[Sequence[Json]]

    def __post_init__(self) -> None:
        if not len(self.outputs) == len(self.expected_outputs) == len(self.references):
            raise ValueError("Outputs, expected outputs and references differ in number.")

    def __len__(self) -> int:
        return len(self.outputs)


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Scores:
    """A metric's answer, one row per example of the batch.

    `values` is NaN exactly where `reasons` is not 0; `statistics` is zero there. A metric whose
    value is its own statistic has no columns of statistics.
    """

    values: Floats
    reasons: NDArray[np.uint8]
    statistics: Floats

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
    higher_is_better: ClassVar[bool] = True
    statistic_names: ClassVar[tuple[str, ...]] = ()
    defined_by: ClassVar[tuple[str, ...]] = ()

    def score(self, batch: Batch) -> Scores:
        """Score a batch on its own."""
        return self.score_in(Workspace(batch))

    @abstractmethod
    def score_in(self, workspace: Workspace) -> Scores:
        """Score a batch, sharing what other metrics computed of the same texts."""

    def values_of(self, totals: Floats) -> Floats:
        """Return the value for summed statistics, over any leading axes; NaN where undefined."""
        raise TypeError(f"{self.name} is the mean of its values and has no statistics to sum.")

    @property
    def worst(self) -> float:
        """What an output that is an error or missing scores."""
        return self.low if self.higher_is_better else self.high

    @property
    def best(self) -> float:
        """What an output that could not be better scores."""
        return self.high if self.higher_is_better else self.low

    @property
    def signature(self) -> str:
        """Everything that defines the number, such as ``bleu|v1|...|sacrebleu:2.6.0``."""
        params = (
            f"{name}:{json.dumps(value, ensure_ascii=False, separators=(',', ':'))}"
            for name, value in self.signed_params().items()
        )
        return "|".join([self.name, f"v{self.version}", *params, *self.defined_by])

    def signed_params(self) -> dict[str, object]:
        """Return every parameter by name, as the signature carries it."""
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
            "needs": cls.needs,
            "family": cls.family.value,
            "low": cls.low,
            "high": cls.high,
            "higher_is_better": cls.higher_is_better,
            "statistics": list(cls.statistic_names),
            "params": [_described(field) for field in dataclasses.fields(cls)],
        }


def _described(field: dataclasses.Field[Any]) -> dict[str, object]:
    default = list(field.default) if isinstance(field.default, tuple) else field.default
    return {
        "name": field.name,
        "type": field.metadata["kind"].value,
        "default": default,
        "choices": list(field.metadata["choices"]),
        "meaning": field.metadata["meaning"],
    }


def score_many(
    metrics: Sequence[Metric], batch: Batch, cache: TextCache | None = None
) -> list[Scores]:
    """Score a batch with several metrics in one pass over its texts."""
    workspace = Workspace(batch, cache)
    return [metric.score_in(workspace) for metric in metrics]


def mean_of(values: Floats) -> float:
    """Return the mean of the values that are there, whatever their order; NaN without any."""
    present = values[~np.isnan(values)]
    return math.fsum(present.tolist()) / len(present) if len(present) else math.nan


def totals_of(statistics: Floats) -> Floats:
    """Return the column sums of statistics, whatever their order and chunks."""
    if np.array_equal(statistics, np.floor(statistics)) and np.abs(statistics).sum() < _EXACT:
        totals: Floats = statistics.sum(axis=0)
        return totals
    return np.array([math.fsum(column) for column in statistics.T.tolist()], dtype=np.float64)


def run_value(metric: Metric, scores: Scores) -> float:
    """Return a run's (or slice's) value from its concatenated columns; NaN where undefined."""
    if metric.family is Family.CORPUS:
        return float(metric.values_of(totals_of(scores.statistics)))
    return mean_of(scores.values)


def blank_scores(reasons: NDArray[np.uint8], columns: int = 0) -> Scores:
    """Return scores with room for values: NaN where there is a reason, else 0."""
    values = np.where(reasons == Reason.SCORED, 0.0, np.nan)
    return Scores(values=values, reasons=reasons, statistics=np.zeros((len(reasons), columns)))
