"""Percent agreement, Fleiss' kappa and Gwet's AC1 and AC2, each with its interval.

All compare the mean agreement of two answers to one unit with what chance would give. For numbers
of answers that differ from unit to unit they are Gwet's, "Handbook of Inter-Rater Reliability"
(2014), chapter 5: agreement is averaged over the units with two answers or more, and the use of
the options over all units with an answer, in both cases each unit alike. Where all units have as
many answers that is what Fleiss (1971) wrote.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from metrics.batch import Codes, Floats
from metrics.statistics.agreement.answers import Answers, closed_up
from metrics.statistics.agreement.distances import Weighing, mean_distances
from metrics.statistics.agreement.jackknife import (
    BEYOND_CHANCE,
    ROUNDING,
    SHARE,
    Range,
    jackknifed,
)
from metrics.statistics.agreement.undefined import Undefined


@dataclass(frozen=True, kw_only=True)
class Coefficient:
    """A coefficient with its interval, and the agreement seen and expected that it is made of.

    `value` is None with the reason in `undefined`; `low` and `high` are None together with the
    reason in `no_interval`. A percentage expects nothing.
    """

    value: float | None = None
    low: float | None = None
    high: float | None = None
    standard_error: float | None = None
    observed: float | None = None
    expected: float | None = None
    undefined: Undefined | None = None
    no_interval: str = ""

    @classmethod
    def missing(cls, why: Undefined) -> Coefficient:
        return cls(undefined=why, no_interval=why.sentence)


def percent_agreement(answers: Answers) -> Coefficient:
    """Return the share of pairs of answers to one unit that are equal: every pair alike."""
    if why := answers.without_pairs:
        return Coefficient.missing(why)
    m = answers.per_unit.astype(np.float64)
    pairs = m * (m - 1)
    apart = np.where(pairs > 0, mean_distances(answers, Weighing.ALIKE), 0.0)
    groups = _Groups.of(answers)
    return _estimated(_ratio(groups.sums((1 - apart) * pairs), groups.sums(pairs)), groups, SHARE)


def fleiss_kappa(answers: Answers) -> Coefficient:
    """Return Fleiss' kappa: (observed - expected) / (1 - expected), expected from the options."""
    if why := answers.without_pairs:
        return Coefficient.missing(why)
    groups = _Groups.of(answers)
    observed = groups.agreement(mean_distances(answers, Weighing.ALIKE))
    return _beyond_chance(observed, groups.evenness(), groups)


def gwet(answers: Answers, options: Sequence[float], weighing: Weighing) -> Coefficient:
    """Return Gwet's AC1, or AC2 where disagreements weigh by their distance.

    `options` are all that the question has, used or not. Chance is what those would agree on who
    guess; Gwet (2008). Unlike alpha and the kappas it does not fall to 0 where nearly all units
    are of one kind, and it exists where all are.
    """
    scale = np.unique(np.asarray(options, dtype=np.float64))
    if len(scale) < 2 or not np.isin(answers.values, scale).all():
        raise ValueError("Gwet's coefficients need two options or more, and all that were chosen.")
    if why := answers.without_pairs:
        return Coefficient.missing(why)
    between = _distances(scale, weighing)
    groups = _Groups.of(answers)
    observed = groups.agreement(mean_distances(answers, weighing) / between.max())
    # Gwet's weights of agreement, 1 - distance, over all pairs of options, each with itself too.
    weights = 1 - between / between.max()
    by_chance = weights.sum() / (len(scale) * (len(scale) - 1))
    return _beyond_chance(observed, by_chance * (1 - groups.evenness()), groups)


def _distances(scale: Floats, weighing: Weighing) -> Floats:
    apart: Floats = np.abs(scale[:, None] - scale)
    if weighing is Weighing.ALIKE:
        return np.sign(apart)
    return apart if weighing is Weighing.LINEAR else np.square(apart)


def _beyond_chance(observed: Floats, expected: Floats, groups: _Groups) -> Coefficient:
    """Divide what was agreed beyond chance by what could have been, over all and without each."""
    if 1 - expected[0] < ROUNDING:
        return Coefficient.missing(Undefined.NO_VARIATION)
    values = _ratio(observed - expected, 1 - expected)
    found = _estimated(values, groups, BEYOND_CHANCE)
    return replace(found, observed=float(observed[0]), expected=float(expected[0]))


def _estimated(values: Floats, groups: _Groups, within: Range) -> Coefficient:
    value = float(values[0])
    spread = jackknifed(
        value,
        values[1:],
        are_clusters=groups.are_clusters,
        within=within,
        informative=groups.informative,
    )
    return Coefficient(
        value=value,
        low=spread.low,
        high=spread.high,
        standard_error=spread.standard_error,
        observed=value,
        no_interval=spread.no_interval,
    )


def _ratio(above: Floats, below: Floats) -> Floats:
    ratios = np.full(len(above), np.nan)
    np.divide(above, below, out=ratios, where=below > ROUNDING)
    return ratios


@dataclass(frozen=True, kw_only=True, eq=False)
class _Groups:
    """Sums over all groups of units and without each: arrays of 1 + groups numbers.

    `informative` counts the groups in which something can be compared.
    """

    answers: Answers
    per_unit: Floats
    group: Codes
    n_groups: int
    informative: int

    @classmethod
    def of(cls, answers: Answers) -> _Groups:
        per_unit = answers.per_unit.astype(np.float64)
        is_answered = per_unit > 0
        kept, codes = closed_up(answers.group_of_unit[is_answered])
        group = np.zeros(len(per_unit), dtype=np.intp)
        group[is_answered] = codes
        return cls(
            answers=answers,
            per_unit=per_unit,
            group=group,
            n_groups=len(kept),
            informative=len(np.unique(group[per_unit > 1])),
        )

    @property
    def are_clusters(self) -> bool:
        return self.answers.are_clusters

    def sums(self, of_units: Floats) -> Floats:
        """Add up over units: all of them, and all without each group."""
        inside = np.bincount(self.group, weights=of_units, minlength=self.n_groups)
        total = inside.sum()
        return np.concatenate([[total], total - inside])

    def agreement(self, distances: Floats) -> Floats:
        """Return the mean over the units with two answers or more of 1 - their distance."""
        is_pair = self.per_unit > 1
        agreed = self.sums(np.where(is_pair, 1 - distances, 0.0))
        return _ratio(agreed, self.sums(is_pair.astype(np.float64)))

    def evenness(self) -> Floats:
        """Return the sum of squared shares of the options: 1 where all chose the same."""
        answers = self.answers
        domain, codes = np.unique(answers.values, return_inverse=True)
        weights = 1 / self.per_unit[answers.units]
        used = np.bincount(codes, weights=weights)
        cells, place = np.unique(
            self.group[answers.units] * len(domain) + codes, return_inverse=True
        )
        inside = np.bincount(place, weights=weights)
        group, code = np.divmod(cells, len(domain))
        change = np.bincount(group, weights=inside * (2 * used[code] - inside))
        total = np.square(used).sum()
        squares = np.concatenate([[total], total - change])
        return _ratio(squares, np.square(self.sums((self.per_unit > 0).astype(np.float64))))
