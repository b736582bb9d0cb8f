"""What an output took: time, tokens, money, errors. The same objects as any metric."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from metrics.base import Example, Family, Metric, Workspace
from metrics.batch import Scores, blank_scores
from metrics.fields import Kind, parameter
from metrics.nested import take_over
from metrics.reasons import Reason

_OF_ANSWERS = "Outputs that are errors are left out: an error that comes fast is no fast answer."


@dataclass(frozen=True, kw_only=True)
class FactMetric(Metric):
    """The mean of the number that comes with each output and that it reads; less is better."""

    version: ClassVar[int] = 1
    family: ClassVar[Family] = Family.MEAN
    high: ClassVar[float] = math.inf
    higher_is_better: ClassVar[bool | None] = False
    source: ClassVar[str] = "What the caller measured and submitted with each output."
    of_answers_alone: ClassVar[bool] = False

    def score_in(self, workspace: Workspace) -> Scores:
        """Read the number of every output; one that was not submitted is unscored."""
        (fact,) = self.reads
        given = workspace.batch.fact(fact)
        reasons = np.where(np.isnan(given), Reason.NOT_SUBMITTED, Reason.SCORED).astype(np.uint8)
        if self.of_answers_alone:
            reasons[~answered(workspace)] = Reason.NO_OUTPUT
        scores = blank_scores(reasons)
        scored = reasons == Reason.SCORED
        scores.values[scored] = given[scored]
        return scores


def answered(workspace: Workspace) -> np.ndarray:
    """Return which rows have an output that is no error, (rows,) booleans."""
    return np.array([output is not None for output in workspace.batch.outputs], np.bool_)


@dataclass(frozen=True, kw_only=True)
class TimeMetric(FactMetric):
    """A time in milliseconds: a quantile over outputs, or their mean."""

    needs: ClassVar[str] = "latency_ms of the output"
    source: ClassVar[str] = (
        "Measured by the caller; percentiles as in Hyndman & Fan 1996, definition 7, intervals "
        "from order statistics (David & Nagaraja 2003, section 7.1)."
    )
    of_answers_alone: ClassVar[bool] = True
    measured_in: ClassVar[str] = "ms"

    statistic: str = parameter(
        default="p50",
        kind=Kind.CHOICE,
        choices=("p50", "p90", "p95", "p99", "mean"),
        meaning="Which percentile of the outputs, or their mean.",
    )

    def __post_init__(self) -> None:
        if self.statistic == "mean":
            take_over(self, (), family=Family.MEAN)
        else:
            percent = int(self.statistic.removeprefix("p"))
            take_over(self, (), family=Family.QUANTILE, level=percent / 100)


@dataclass(frozen=True, kw_only=True)
class Latency(TimeMetric):
    """How long the system took for an answer."""

    name: ClassVar[str] = "latency"
    title: ClassVar[str] = "Latency"
    summary: ClassVar[str] = "How many milliseconds an answer took."
    formula: ClassVar[str] = (
        f"The percentile (or mean) of latency_ms over the outputs. {_OF_ANSWERS} A percentile has "
        "an interval from 5 expected outputs on its thinner side on: 100 for p95, 500 for p99."
    )
    reads: ClassVar[tuple[str, ...]] = ("latency_ms",)


@dataclass(frozen=True, kw_only=True)
class TimeToFirstToken(TimeMetric):
    """How long the system took until the first token."""

    name: ClassVar[str] = "time_to_first_token"
    title: ClassVar[str] = "Time to first token"
    summary: ClassVar[str] = "How many milliseconds it took until the first token came."
    formula: ClassVar[str] = Latency.formula.replace("latency_ms", "ttft_ms")
    needs: ClassVar[str] = "ttft_ms of the output"
    reads: ClassVar[tuple[str, ...]] = ("ttft_ms",)


@dataclass(frozen=True, kw_only=True)
class InputTokens(FactMetric):
    """Tokens that went in."""

    name: ClassVar[str] = "input_tokens"
    title: ClassVar[str] = "Input tokens"
    summary: ClassVar[str] = "How many tokens went into one output."
    formula: ClassVar[str] = "The mean of input_tokens, errors included: they cost as well."
    needs: ClassVar[str] = "input_tokens of the output"
    measured_in: ClassVar[str] = "tokens"
    reads: ClassVar[tuple[str, ...]] = ("input_tokens",)


@dataclass(frozen=True, kw_only=True)
class OutputTokens(FactMetric):
    """Tokens that came out."""

    name: ClassVar[str] = "output_tokens"
    title: ClassVar[str] = "Output tokens"
    summary: ClassVar[str] = "How many tokens one output has."
    formula: ClassVar[str] = "The mean of output_tokens, errors included: they cost as well."
    needs: ClassVar[str] = "output_tokens of the output"
    measured_in: ClassVar[str] = "tokens"
    reads: ClassVar[tuple[str, ...]] = ("output_tokens",)


@dataclass(frozen=True, kw_only=True)
class CachedTokens(FactMetric):
    """Tokens that were read from a cache."""

    name: ClassVar[str] = "cached_tokens"
    title: ClassVar[str] = "Cached tokens"
    summary: ClassVar[str] = "How many input tokens came from a cache."
    formula: ClassVar[str] = "The mean of cached_tokens; it has no better side."
    needs: ClassVar[str] = "cached_tokens of the output"
    higher_is_better: ClassVar[bool | None] = None
    measured_in: ClassVar[str] = "tokens"
    reads: ClassVar[tuple[str, ...]] = ("cached_tokens",)


@dataclass(frozen=True, kw_only=True)
class Cost(FactMetric):
    """What an output cost, in the currency it was submitted in."""

    name: ClassVar[str] = "cost"
    title: ClassVar[str] = "Cost"
    summary: ClassVar[str] = "What one output costs, in the currency it was submitted in."
    formula: ClassVar[str] = (
        "The mean of cost, errors included where theirs was submitted. Unknown is never 0."
    )
    needs: ClassVar[str] = "cost of the output"
    reads: ClassVar[tuple[str, ...]] = ("cost",)


@dataclass(frozen=True, kw_only=True)
class ErrorRate(Metric):
    """The share of outputs that are an error or missing."""

    name: ClassVar[str] = "error_rate"
    version: ClassVar[int] = 1
    title: ClassVar[str] = "Error rate"
    summary: ClassVar[str] = "The share of outputs that are an error or missing."
    formula: ClassVar[str] = (
        "1 for an error or a missing output, else 0; the run's value is the mean."
    )
    source: ClassVar[str] = "EvalHub: errors and gaps are what the run itself shows."
    examples: ClassVar[tuple[Example, ...]] = (
        Example(output="Paris", value=0.0),
        Example(output=None, value=1.0, note="An error, or nothing at all."),
    )
    needs: ClassVar[str] = "nothing"
    family: ClassVar[Family] = Family.BINARY
    higher_is_better: ClassVar[bool | None] = False

    def score_in(self, workspace: Workspace) -> Scores:
        """Say of every output whether there is none."""
        scores = blank_scores(np.zeros(len(workspace.batch), np.uint8))
        scores.values[:] = ~answered(workspace)
        return scores


@dataclass(frozen=True, kw_only=True)
class OutputLength(Metric):
    """How long outputs are: longer is not better, nor is shorter."""

    name: ClassVar[str] = "output_length"
    version: ClassVar[int] = 1
    title: ClassVar[str] = "Output length"
    summary: ClassVar[str] = "How long outputs are, in words or characters."
    formula: ClassVar[str] = (
        "Words (runs of what is no white space) or characters (Unicode code points) of the "
        "output, JSON as it is written without spaces; the run's value is the mean. It has no "
        "better side, so it is shown and not compared."
    )
    source: ClassVar[str] = "White space and code points as Unicode defines them."
    examples: ClassVar[tuple[Example, ...]] = (
        Example(output="It is Paris.", value=3.0),
        Example(output="It is Paris.", params={"unit": "characters"}, value=12.0),
        Example(output={"city": "Paris"}, params={"unit": "characters"}, value=16.0),
    )
    needs: ClassVar[str] = "nothing"
    family: ClassVar[Family] = Family.MEAN
    high: ClassVar[float] = math.inf
    higher_is_better: ClassVar[bool | None] = None

    unit: str = parameter(
        default="words",
        kind=Kind.CHOICE,
        choices=("words", "characters"),
        meaning="What is counted.",
    )

    def __post_init__(self) -> None:
        take_over(self, (), measured_in=self.unit)

    def score_in(self, workspace: Workspace) -> Scores:
        """Count every output's words or characters."""
        present = answered(workspace)
        scores = blank_scores(np.where(present, Reason.SCORED, Reason.NO_OUTPUT).astype(np.uint8))
        for row in np.flatnonzero(present).tolist():
            output = workspace.batch.outputs[row]
            text = output if isinstance(output, str) else _as_text(output)
            scores.values[row] = len(text.split()) if self.unit == "words" else len(text)
        return scores


def _as_text(output: object) -> str:
    return json.dumps(output, ensure_ascii=False, separators=(",", ":"))
