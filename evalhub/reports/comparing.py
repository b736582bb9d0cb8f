"""Compare two runs: every shared metric, over all shared examples and in each slice."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from evalhub.datasets.selectors import Slicing, slicings
from evalhub.reports.aligning import Aligned
from evalhub.reports.answered import AnsweredOnly, Masks, answered_only
from evalhub.reports.outdated import held_against, histories, outdated
from evalhub.reports.sides import Pairing, Sides
from evalhub.reports.terms import NO_TERMS, Terms
from evalhub.runs.models import Measurement, Run
from evalhub.runs.selectors import current_measurements
from metrics.statistics.findings import MIN_PAIRS, Decision, Gaps, decide, find_gaps
from metrics.statistics.multiplicity import benjamini_hochberg
from metrics.statistics.pairs import Compared, compare

# Raise it whenever the same scores can give another finding.
METHOD = 8
# How many findings in slices a comparison has room for: those of corpus metrics take a while.
MAX_CELLS = 800


@dataclass(frozen=True)
class Skipped:
    """A metric that is not compared, and why. `is_first` marks the candidate's first."""

    metric: str
    reason: str
    is_first: bool = False


def pairings(baseline: Run, candidate: Run) -> tuple[list[Pairing], list[Skipped]]:
    """Return the metrics that can be compared, the candidate's first one first, and the others."""
    theirs = histories(baseline)
    differing = {one.wanted.name: one.sentence for one in outdated(baseline, candidate, theirs)}
    found: list[Pairing] = []
    skipped: list[Skipped] = []
    for number, ours in enumerate(current_measurements(candidate)):
        history = theirs.pop(ours.name, None)
        old = None if history is None else held_against(history, ours)
        why = differing.get(ours.name) or _why_not(old, ours)
        if old is None or why:
            skipped.append(Skipped(ours.name, why, is_first=number == 0))
        else:
            found.append(Pairing(old, ours))
    skipped += [Skipped(name, "The candidate was not measured with it.") for name in theirs]
    return found, skipped


def _why_not(old: Measurement | None, new: Measurement) -> str:
    if old is None:
        return "The baseline was not measured with it."
    if new.higher_is_better is None:
        return "Neither more nor less of it is better; both values stand on the runs' pages."
    for side, measurement in (("baseline", old), ("candidate", new)):
        if said := _NOT_SCORED.get(Measurement.State(measurement.state)):
            return f"On the {side} it {said}. {measurement.problem}".strip()
    return ""


_NOT_SCORED = {
    Measurement.State.WAITING: "is not scored yet",
    Measurement.State.SCORING: "is still being scored",
    Measurement.State.FAILED: "failed",
    Measurement.State.CANCELLED: "was cancelled",
}


@dataclass(frozen=True)
class Found:
    """A finding that is not stored yet. Without a slice it speaks of all shared examples."""

    pairing: Pairing
    compared: Compared
    gaps: Gaps
    decision: Decision
    field: str = ""
    level: str = ""
    is_primary: bool = False
    p_adjusted: float | None = None
    answered_only: AnsweredOnly | None = None
    margin: float | None = None

    @property
    def is_tested(self) -> bool:
        return self.compared.n >= MIN_PAIRS and self.compared.p_value is not None


@dataclass(frozen=True)
class Part:
    """The pairs of one slice."""

    field: str
    level: str
    rows: NDArray[np.int64]


def parts_of(candidate: Run, aligned: Aligned, *, n_metrics: int) -> tuple[list[Part], list[str]]:
    """Return the slices to compare in, and the fields that are left out.

    Every metric is compared in every slice, so fields, in the order of their names, go in as
    long as there is room: a version may have hundreds. The cluster field is no slice: each of its
    levels is a single cluster, which shows no spread between clusters, so none could be tested.
    """
    parts: list[Part] = []
    left_out: list[str] = []
    for slicing in slicings(candidate.version):
        if slicing.field == aligned.cluster_field:
            continue
        of_field = list(_parts(slicing, aligned))
        if (len(parts) + len(of_field)) * n_metrics <= MAX_CELLS:
            parts += of_field
        else:
            left_out.append(slicing.field)
    return parts, left_out


def _parts(slicing: Slicing, aligned: Aligned) -> Iterator[Part]:
    codes = slicing.codes[aligned.candidate]
    for code, level in enumerate(slicing.levels):
        rows = np.flatnonzero(codes == code)
        if len(rows):
            yield Part(slicing.field, level, rows)


def findings(
    pairs: Sequence[Pairing],
    aligned: Aligned,
    parts: Sequence[Part],
    *,
    seed: int,
    look: Callable[[Sides], None] = lambda _: None,
    answered: Masks | None = None,
    terms: Terms = NO_TERMS,
) -> list[Found]:
    """Return the findings of all metrics: overall first, then by slice, the primary first of all.

    The primary metric keeps its p as it is; Benjamini–Hochberg adjusts all the others together.
    `look` is shown the primary metric's columns, which are read but once.
    """
    found: list[Found] = []
    in_slices: list[Found] = []
    for number, pairing in enumerate(pairs):
        sides = Sides.read(pairing, aligned, seed, answered)
        if number == 0:
            look(sides)
        found.append(replace(_find(sides, terms), is_primary=number == 0))
        in_slices += [_find(sides, terms, part) for part in parts]
    return _adjusted(found + in_slices)


def _find(sides: Sides, terms: Terms, part: Part | None = None) -> Found:
    """Compare all pairs, or those of one slice. What is too small is listed, not tested."""
    chosen = sides.asked if part is None else part.rows[sides.asked[part.rows]]
    columns = (sides.baseline.at(chosen), sides.candidate.at(chosen))
    groups = None if sides.clusters is None else sides.clusters[chosen]
    compared = compare(*columns, sides.yardstick, clusters=groups, seed=sides.seed)
    if part is not None and compared.n < MIN_PAIRS:
        compared = _untested(compared)
    gaps = find_gaps(*columns, sides.yardstick, clusters=groups, seed=sides.seed)
    where = () if part is None else (part.field, part.level)
    margin = terms.margin(sides.pairing.name, *where)
    decision = decide(compared, margin=margin, gaps=gaps)
    found = Found(sides.pairing, compared, gaps, decision, margin=margin)
    if sides.answered is not None:
        masks = (sides.answered[0][chosen], sides.answered[1][chosen])
        found = replace(found, answered_only=answered_only(columns, masks, sides.yardstick))
    return found if part is None else replace(found, field=part.field, level=part.level)


def _untested(compared: Compared) -> Compared:
    return replace(
        compared,
        low=None,
        high=None,
        low90=None,
        high90=None,
        p_value=None,
        p_exact=None,
        detectable=None,
        method="",
        reason=f"{compared.n} pairs are too few to be tested: a slice needs {MIN_PAIRS}.",
    )


def _adjusted(found: list[Found]) -> list[Found]:
    """Decide again with adjusted p-values; the primary finding's p stays.

    Gaps that are filled leave as many findings: their p-values are adjusted together as well.
    """
    as_it_is = _together(found, [one.compared for one in found])
    best = _together(found, [one.gaps.best or one.compared for one in found])
    worst = _together(found, [one.gaps.worst or one.compared for one in found])
    return [_decided_again(*row) for row in zip(found, as_it_is, best, worst, strict=True)]


def _together(found: Sequence[Found], compared: Sequence[Compared]) -> list[float]:
    """Adjust what was explored, one p per finding; NaN where there is nothing to adjust."""
    explored = [
        math.nan if one.is_primary or not one.is_tested or side.p_value is None else side.p_value
        for one, side in zip(found, compared, strict=True)
    ]
    adjusted: list[float] = benjamini_hochberg(explored).tolist()
    return adjusted


def _decided_again(one: Found, p_adjusted: float, best: float, worst: float) -> Found:
    if math.isnan(p_adjusted):
        return one
    gaps = one.gaps.adjusted(best=best, worst=worst)
    decision = decide(one.compared, p_adjusted=p_adjusted, margin=one.margin, gaps=gaps)
    return replace(one, decision=decision, p_adjusted=p_adjusted)
