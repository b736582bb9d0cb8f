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
from typing import Any, ClassVar, TypeVar

import numpy as np

from metrics.averages import mean_of, quantile_of
from metrics.batch import Batch, Floats, Json, Scores
from metrics.cache import TextCache
from metrics.fields import JsonText, is_required
from metrics.reasons import Reason
from metrics.rows import Rows
from metrics.tallies import AnyRows

T = TypeVar("T")


class Family(StrEnum):
    """How a run's value comes from its examples, and with it which interval fits."""

    BINARY = "binary"
    MEAN = "mean"
    CORPUS = "corpus"
    QUANTILE = "quantile"


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
