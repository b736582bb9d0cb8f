"""What stands out about each annotator, compared with the others on the same units.

Every function returns one figure for each annotator, in the order of `annotator_ids`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from metrics.batch import Codes, Floats
from metrics.statistics.agreement.answers import Answers, closed_up
from metrics.statistics.agreement.jackknife import SHARE, Range, degrees_of, ends, too_few
from metrics.statistics.agreement.undefined import Undefined
from metrics.statistics.intervals import is_rounding, rule_of_three

DIFFERENCE_OF_SHARES = Range(lowest=-1.0)


@dataclass(frozen=True, kw_only=True)
class Compared:
    """A mean over those `units` of one annotator that others answered too, with its interval.

    `value` is None with the reason in `undefined`; `low` and `high` are None together with the
    reason in `no_interval`.
    """

    annotator: Any
    units: int = 0
    value: float | None = None
    low: float | None = None
    high: float | None = None
    standard_error: float | None = None
    undefined: Undefined | None = None
    no_interval: str = ""


def severity(answers: Answers, *, width: float | None = None) -> list[Compared]:
    """Return how far each annotator's numbers lie above the mean of the others', on average.

    `width` is that of the scale; without it, that between all answers.
    """
    if width is None:
        width = float(np.ptp(answers.values)) if len(answers.values) else 0.0
    within = Range(lowest=-(width or 1.0), highest=width or 1.0)
    beside = _Beside.of(answers)
    return beside.averaged(beside.above_others(beside.kept.values), within)


def option_rates(answers: Answers, options: Sequence[float]) -> list[list[Compared]]:
    """Return, option by option, how much more often each annotator chooses it than the others."""
    beside = _Beside.of(answers)
    chosen = [(beside.kept.values == option).astype(np.float64) for option in options]
    return [beside.averaged(beside.above_others(one), DIFFERENCE_OF_SHARES) for one in chosen]


def agreeing(answers: Answers) -> list[Compared]:
    """Return what share of the others to a unit gave each annotator's answer, on average."""
    beside = _Beside.of(answers)
    return beside.averaged(beside.share_alike(), SHARE)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Beside:
    """The answers that others stand beside: how many others, and who gave them in what group.

    A cell is one annotator's answers in one group; `owners` are the annotators of the cells.
    """

    kept: Answers
    others: Floats
    cells: Codes
    owners: Codes

    @classmethod
    def of(cls, answers: Answers) -> _Beside:
        kept = answers.where(answers.is_pairable)
        n_groups = int(kept.group_of_unit.max(initial=0)) + 1
        keys = kept.annotators * n_groups + kept.group_of_unit[kept.units]
        found, cells = np.unique(keys, return_inverse=True)
        others = (kept.per_unit[kept.units] - 1).astype(np.float64)
        return cls(kept=kept, others=others, cells=cells, owners=found // n_groups)

    def above_others(self, values: Floats) -> Floats:
        """Return how far each value is above the mean of the others' to the same unit."""
        totals = np.bincount(self.kept.units, weights=values, minlength=len(self.kept.unit_ids))
        return np.asarray(values - (totals[self.kept.units] - values) / self.others)

    def share_alike(self) -> Floats:
        """Return what share of the others gave the same answer."""
        domain, codes = np.unique(self.kept.values, return_inverse=True)
        keys = self.kept.units * len(domain) + codes
        _, place, counts = np.unique(keys, return_inverse=True, return_counts=True)
        return np.asarray((counts[place] - 1) / self.others)

    def averaged(self, values: Floats, within: Range) -> list[Compared]:
        """Average each annotator's values; CR1 errors over their groups, and t."""
        names = self.kept.annotator_ids.tolist()
        people = self.kept.annotators
        units = np.bincount(people, minlength=len(names))
        means = np.bincount(people, weights=values, minlength=len(names)) / np.maximum(units, 1)
        moved = (values - means[people]) / units[people]
        of_cells = np.bincount(self.cells, weights=moved, minlength=len(self.owners))
        moments = [
            np.bincount(self.owners, weights=of_cells**power, minlength=len(names))
            for power in (0, 2, 4)
        ]
        return [
            self._mean(name, int(units[at]), float(means[at]), [m[at] for m in moments], within)
            for at, name in enumerate(names)
        ]

    def _mean(
        self, name: object, units: int, value: float, moments: Sequence[float], within: Range
    ) -> Compared:
        """Return a mean with its interval, given how many groups move it and how much."""
        if not units:
            return _nothing(name)
        mean = Compared(annotator=name, units=units, value=value)
        n, second, fourth = int(moments[0]), float(moments[1]), float(moments[2])
        if why := too_few(n, are_clusters=self.kept.are_clusters):
            return replace(mean, no_interval=why)
        error = math.sqrt(second * n / (n - 1))
        if is_rounding(error, scale=within.half):
            bound = rule_of_three(value, n, within.lowest, within.highest)
            return replace(mean, low=bound.low, high=bound.high)
        low, high = ends(value, error, degrees_of(n, second / n, fourth / n), within)
        return replace(mean, low=low, high=high, standard_error=error)


def _nothing(annotator: object) -> Compared:
    why = Undefined.ALONE
    return Compared(annotator=annotator, undefined=why, no_interval=why.sentence)


@dataclass(frozen=True, kw_only=True)
class Habit:
    """How alike an annotator's answers are, one after the other.

    `longest_run` counts how often in a row the answer `run_of` was given; `usual` is the most
    frequent answer (of several the lowest), and `usual_share` what share of all it is.
    """

    annotator: Any
    answers: int
    longest_run: int
    run_of: float
    usual: float
    usual_share: float


def habits(answers: Answers) -> list[Habit]:
    """Return the habit of everybody who answered, in the order of answering."""
    people, _ = closed_up(answers.annotators)
    names = answers.annotator_ids[people].tolist()
    own = [answers.values[answers.annotators == person] for person in people]
    return [_habit(name, values) for name, values in zip(names, own, strict=True)]


def _habit(annotator: object, values: Floats) -> Habit:
    changes = np.flatnonzero(np.diff(values)) + 1
    starts = np.concatenate([[0], changes])
    runs = np.diff(np.append(starts, len(values)))
    longest = int(runs.argmax())
    options, counts = np.unique(values, return_counts=True)
    usual = int(counts.argmax())
    return Habit(
        annotator=annotator,
        answers=len(values),
        longest_run=int(runs[longest]),
        run_of=float(values[starts[longest]]),
        usual=float(options[usual]),
        usual_share=float(counts[usual] / len(values)),
    )
