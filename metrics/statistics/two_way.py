"""A mean of people's answers, for this panel and for annotators like these.

Over examples alone an interval speaks for the people who answered. Where other people might have
been asked, answers of one annotator vary together too, and the variance is that of examples plus
that of annotators minus that of both at once; Cameron, Gelbach & Miller (2011).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from metrics.batch import Codes, Floats
from metrics.statistics.distributions import t_quantile
from metrics.statistics.groups import MIN_CLUSTERS
from metrics.statistics.intervals import ALPHA, is_rounding

MIN_ANNOTATORS = 5
_NO_ANNOTATORS = (
    "Answers vary no more from person to person than chance does, so only the variation between "
    "examples counts here."
)
_NO_EXAMPLES = (
    "Answers vary no more from example to example than chance does, so only the variation between "
    "people counts here."
)
_NO_SPREAD = "The answers do not vary enough to show a spread."


@dataclass(frozen=True, kw_only=True)
class Variances:
    """The variance of a mean by what varies, and of both ways together.

    `note` is a sentence where the formula gave less than one way alone, or below 0, and the
    larger way stands instead.
    """

    example: float
    annotator: float
    both: float
    two_way: float
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class TwoWayMean:
    """A mean with its interval for annotators like these; `reason` says why there is none.

    `panel_error` is the standard error over examples alone, `error` the one over both.
    """

    value: float | None
    examples: int
    annotators: int
    low: float | None = None
    high: float | None = None
    error: float | None = None
    panel_error: float | None = None
    note: str = ""
    reason: str = ""


def two_way_mean(
    *,
    values: ArrayLike,
    units: ArrayLike,
    examples: ArrayLike,
    annotators: ArrayLike,
    clusters: ArrayLike | None = None,
    low: float = -math.inf,
    high: float = math.inf,
) -> TwoWayMean:
    """Return the mean of answers given as columns; NaN is "cannot judge".

    Answers are averaged within their unit, units (attempts) within their example, and examples
    weigh alike, as in a run's score. A column of differences between two runs, one for each
    example and annotator, gives their gain. `low` and `high` are the range of the answers.
    """
    answers = _read(values, units, examples, annotators, clusters)
    n_examples, n_annotators = _count(answers.examples), _count(answers.annotators)
    value = answers.mean if n_examples else None
    found = TwoWayMean(value=value, examples=n_examples, annotators=n_annotators)
    n_groups = _count(answers.groups)
    if why := _too_few(n_annotators, n_groups, are_clusters=clusters is not None):
        return replace(found, reason=why)
    spread = variances(answers.moves, answers.groups, answers.annotators)
    error = math.sqrt(spread.two_way)
    if is_rounding(error, scale=float(np.abs(answers.values).max())):
        return replace(found, reason=_NO_SPREAD)
    reach = t_quantile(1 - ALPHA / 2, min(n_groups, n_annotators) - 1) * error
    return replace(
        found,
        low=max(low, answers.mean - reach),
        high=min(high, answers.mean + reach),
        error=error,
        panel_error=math.sqrt(spread.example),
        note=spread.note,
    )


def variances(moves: Floats, examples: Codes, annotators: Codes) -> Variances:
    """Return the variance of a sum of centered contributions that vary by two ways.

    Each of the three is CR1: the squared sums of its groups times n / (n - 1). Where taking the
    third away leaves less than one of the ways, that one stands: a difference of estimates may
    be too small, or below 0, and one way alone is never too much.
    """
    by_example, by_annotator = _variance(moves, examples), _variance(moves, annotators)
    both = _variance(moves, examples * _count(annotators) + annotators)
    two_way, note = by_example + by_annotator - both, ""
    if two_way < max(by_example, by_annotator):
        two_way = max(by_example, by_annotator)
        note = _NO_ANNOTATORS if by_example >= by_annotator else _NO_EXAMPLES
    return Variances(
        example=by_example, annotator=by_annotator, both=both, two_way=two_way, note=note
    )


def _variance(moves: Floats, codes: Codes) -> float:
    _, group = np.unique(codes, return_inverse=True)
    sums = np.bincount(group, weights=moves)
    return float(len(sums) / (len(sums) - 1) * np.square(sums).sum())


@dataclass(frozen=True, kw_only=True, eq=False)
class _Answers:
    """The answers that are there, each with what it weighs, in an order of their own."""

    values: Floats
    weights: Floats
    examples: Codes
    annotators: Codes
    groups: Codes

    @property
    def mean(self) -> float:
        return float((self.weights * self.values).sum())

    @property
    def moves(self) -> Floats:
        """How much each answer moves the mean."""
        moves: Floats = self.weights * (self.values - self.mean)
        return moves


def _read(
    values: ArrayLike,
    units: ArrayLike,
    examples: ArrayLike,
    annotators: ArrayLike,
    clusters: ArrayLike | None,
) -> _Answers:
    numbers = np.asarray(values, dtype=np.float64)
    columns = [np.asarray(column) for column in (units, examples, annotators)]
    columns.append(columns[1] if clusters is None else np.asarray(clusters))
    if any(column.shape != numbers.shape for column in columns):
        raise ValueError("Values, units, examples, annotators and clusters differ in length.")
    given = ~np.isnan(numbers)
    unit, example, annotator, group = (
        np.unique(column[given], return_inverse=True)[1] for column in columns
    )
    order = np.lexsort((numbers[given], annotator, unit))
    unit, example = unit[order], example[order]
    return _Answers(
        values=numbers[given][order],
        weights=_weights(unit, example),
        examples=example,
        annotators=annotator[order],
        groups=group[order],
    )


def _weights(units: Codes, examples: Codes) -> Floats:
    """Return what each answer weighs: alike in its unit, units in their example, examples."""
    example_of_unit = np.zeros(_count(units), dtype=np.intp)
    example_of_unit[units] = examples
    of_example = 1.0 / np.bincount(example_of_unit)[examples]
    weights: Floats = of_example / np.bincount(units)[units] / _count(examples)
    return weights


def _count(codes: Codes) -> int:
    return int(codes.max(initial=-1)) + 1


def _too_few(n_annotators: int, n_groups: int, *, are_clusters: bool) -> str:
    if n_annotators < MIN_ANNOTATORS:
        are = "is" if n_annotators == 1 else "are"
        return (
            f"Speaking for other annotators needs {MIN_ANNOTATORS} of them, and there {are} "
            f"{n_annotators}."
        )
    least, noun = (MIN_CLUSTERS, "clusters") if are_clusters else (2, "examples")
    if n_groups < least:
        are = "is" if n_groups == 1 else "are"
        return f"An interval needs {least} {noun}, and there {are} {n_groups}."
    return ""
