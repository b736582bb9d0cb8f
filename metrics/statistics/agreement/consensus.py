"""One answer to each unit from many people who are right more or less often.

Dawid & Skene (1979): every unit has a true option, every annotator a table of how often each
option is called what, and both are found together by expectation and maximization. The start is
each unit's shares of votes, so that equal answers give equal results. Each cell of an annotator's
table begins with a hundredth of an answer: an option that somebody never met is not impossible.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metrics.batch import Codes, Floats
from metrics.statistics.agreement.answers import Answers, closed_up
from metrics.statistics.agreement.options import option_codes
from metrics.statistics.agreement.undefined import Undefined
from metrics.statistics.resolution import Rule, resolve

MIN_UNITS, MIN_ANSWERS = 50, 3.0
SMOOTHING = 0.01
MAX_ROUNDS = 500
TOLERANCE = 1e-9


@dataclass(frozen=True, kw_only=True, eq=False)
class Consensus:
    """What the units are by Dawid and Skene, and beside it by majority.

    `probabilities` is (units, options), `confusions` (annotators, true options, given options),
    `shares` how common each option is. `labels` is each unit's most probable option, NaN where
    two tie; `majorities` the one that more than half chose, NaN where there is none. `is_settled`
    is False where the search was stopped before it came to rest.
    """

    options: Floats
    unit_ids: NDArray[Any]
    annotator_ids: NDArray[Any]
    probabilities: Floats
    labels: Floats
    majorities: Floats
    confusions: Floats
    shares: Floats
    is_settled: bool


@dataclass(frozen=True, kw_only=True)
class NoConsensus:
    """Why there is none, as a sentence."""

    reason: str


def consensus(answers: Answers, options: Sequence[float]) -> Consensus | NoConsensus:
    """Return the consensus on every unit with an answer, of a question with options."""
    scale, codes = option_codes(answers, options)
    unit_codes, units = closed_up(answers.units)
    people, annotators = closed_up(answers.annotators)
    if why := _too_little(answers, len(unit_codes)):
        return NoConsensus(reason=why)
    found = fit(units, annotators, codes, n_options=len(scale))
    votes = resolve(units, answers.values, n_units=len(unit_codes), rule=Rule.MAJORITY)
    return Consensus(
        options=scale,
        unit_ids=answers.unit_ids[unit_codes],
        annotator_ids=answers.annotator_ids[people],
        probabilities=found.probabilities,
        labels=_most_probable(found.probabilities, scale),
        majorities=votes.values,
        confusions=found.confusions,
        shares=found.shares,
        is_settled=found.is_settled,
    )


def _too_little(answers: Answers, n_units: int) -> str:
    if why := answers.without_pairs:
        return why.sentence
    average = len(answers.values) / n_units
    if n_units < MIN_UNITS or average < MIN_ANSWERS:
        shown = math.floor(10 * average) / 10  # 2.98 is not the 3.0 that are asked for
        units = "1 unit" if n_units == 1 else f"{n_units} units"
        return (
            f"The model needs {MIN_UNITS} units with {MIN_ANSWERS:g} answers on average: "
            f"there are {units} with {shown:.1f}."
        )
    if (answers.values == answers.values[0]).all():
        return Undefined.NO_VARIATION.sentence
    return ""


def _most_probable(probabilities: Floats, scale: Floats) -> Floats:
    """Return the option of the largest probability, NaN where it is that of two."""
    ordered = np.sort(probabilities, axis=1)
    labels: Floats = scale[probabilities.argmax(axis=1)]
    labels[ordered[:, -1] - ordered[:, -2] < TOLERANCE] = np.nan
    return labels


@dataclass(frozen=True, kw_only=True, eq=False)
class Fit:
    """The model at its maximum, and the logarithm of the likelihood there."""

    probabilities: Floats
    confusions: Floats
    shares: Floats
    log_likelihood: float
    is_settled: bool


def fit(
    units: Codes,
    annotators: Codes,
    codes: Codes,
    *,
    n_options: int,
    smoothing: float = SMOOTHING,
) -> Fit:
    """Find the model of answers as three columns of codes from 0, each of which occurs.

    What rises from round to round is the logarithm of the likelihood, with the smoothing's part:
    once it rises by less than a billionth of itself the search is over.
    """
    answers = _Columns(units, annotators, codes, n_options)
    probabilities, height = answers.votes(), -np.inf
    for _ in range(MAX_ROUNDS):
        shares = probabilities.mean(axis=0)
        tables = answers.tables(probabilities, smoothing)
        probabilities, log_likelihood = answers.probabilities(shares, tables)
        reached = log_likelihood + smoothing * float(np.log(tables[tables > 0]).sum())
        is_settled = reached - height <= TOLERANCE * abs(reached)
        height = reached
        if is_settled:
            break
    return Fit(
        probabilities=probabilities,
        confusions=tables.transpose(0, 2, 1),
        shares=shares,
        log_likelihood=log_likelihood,
        is_settled=is_settled,
    )


class _Columns:
    """Answers sorted once by unit and once by who said what, so that sums are runs of rows."""

    def __init__(self, units: Codes, annotators: Codes, codes: Codes, n_options: int) -> None:
        self._n_annotators, self._n_options = int(annotators.max()) + 1, n_options
        said = annotators * n_options + codes
        by_unit = np.argsort(units, kind="stable")
        self._said_by_unit = said[by_unit]
        self._unit_starts = _starts(units[by_unit])
        by_said = np.argsort(said, kind="stable")
        self._unit_by_said = units[by_said]
        self._said_starts = _starts(said[by_said])
        self._cells = said[by_said][self._said_starts]

    def votes(self) -> Floats:
        """Return each unit's shares of votes."""
        votes = np.eye(self._n_options)[self._said_by_unit % self._n_options]
        sums = np.add.reduceat(votes, self._unit_starts)
        return np.asarray(sums / sums.sum(axis=1, keepdims=True))

    def tables(self, probabilities: Floats, smoothing: float) -> Floats:
        """Return how often each annotator says what of which option: (people, said, true)."""
        sums = np.add.reduceat(probabilities[self._unit_by_said], self._said_starts)
        counts = np.full((self._n_annotators * self._n_options, self._n_options), smoothing)
        counts[self._cells] += sums
        tables = counts.reshape(self._n_annotators, self._n_options, self._n_options)
        totals = tables.sum(axis=1, keepdims=True)
        return tables / np.where(totals > 0, totals, 1.0)

    def probabilities(self, shares: Floats, tables: Floats) -> tuple[Floats, float]:
        """Return each unit's probabilities of options, and the log-likelihood of all answers."""
        with np.errstate(divide="ignore"):
            said = np.log(tables.reshape(-1, self._n_options))
            logs = np.log(shares) + np.add.reduceat(said[self._said_by_unit], self._unit_starts)
        highest = logs.max(axis=1, keepdims=True)
        likelihoods = np.exp(logs - highest)
        totals = likelihoods.sum(axis=1, keepdims=True)
        return likelihoods / totals, float((highest + np.log(totals)).sum())


def _starts(sorted_codes: Codes) -> Codes:
    return np.flatnonzero(np.concatenate([[True], np.diff(sorted_codes) > 0]))
