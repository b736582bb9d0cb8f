"""Critical examples: whether any of them newly fails, and of how many that is not known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evalhub.datasets import selectors as datasets
from evalhub.gates import advising, wording
from evalhub.reports.aligning import Aligned
from evalhub.reports.sides import Pairing, Passing, Sides, folded
from evalhub.reports.standing_out import critical, marked_critical
from evalhub.runs.columns import read_scores
from evalhub.runs.models import Run
from metrics.statistics.gating import Answer

SHOWN_KEYS = 50


@dataclass(frozen=True, kw_only=True)
class Unknown:
    """How many critical examples may newly fail, for all that is known: none of these passes.

    `unpaired` changed since the baseline or are new, `before` have no score on the baseline,
    `now` passed there and have no score on the candidate.
    """

    unpaired: int
    before: int
    now: int

    @property
    def n(self) -> int:
        return self.unpaired + self.before + self.now

    @property
    def words(self) -> str:
        parts = [
            (self.unpaired, "changed or new since the baseline"),
            (self.before, "without a score on the baseline"),
            (self.now, "that passed, without a score now"),
        ]
        return ", ".join(f"{n} {what}" for n, what in parts if n)


def judged(sides: Sides, aligned: Aligned, *, baseline: Run, candidate: Run) -> dict[str, Any]:
    """Return the answer, its reason, what to do, and the examples that newly fail.

    By the rule of the comparison's page. What is not known to pass or to have failed before is
    never taken as passed.
    """
    metric = sides.pairing.name
    found = critical(sides, aligned, baseline=baseline, candidate=candidate)
    n, n_failing = found["n"], found["n_failing"]
    if not n:
        return advising.left_open("No example is marked as critical.", advising.NO_CRITICAL)
    keys = _keys(candidate, found["failing"][:SHOWN_KEYS])
    part = {"n": n, "newly_failing": n_failing, "examples": keys}
    if n_failing:
        verb = "fails" if n_failing == 1 else "fail"
        reason = f"{n_failing} of {n} critical examples newly {verb}."
        advice = [wording.AFTER_A_LOSS]
        return part | {"answer": Answer.FAIL.value, "reason": reason, "advice": advice}
    passing = Passing.of(sides.baseline.values, sides.candidate.values, sides.pairing.candidate)
    if passing is None:
        reason = f"{metric} does not say of an output whether it is right or wrong."
        return part | advising.left_open(reason, advising.NOT_RIGHT_OR_WRONG)
    unknown = _unknown(sides, aligned, candidate, passing)
    if unknown.n:
        reason = (
            f"Whether {unknown.n} of {n} critical examples newly fail is not known: "
            f"{unknown.words}."
        )
        advice = advising.of_unknown(
            is_unpaired=unknown.unpaired > 0,
            is_unscored=unknown.before + unknown.now > 0,
            version=candidate.version.number,
        )
        return part | advising.left_open(reason, *advice) | {"unknown": unknown.n}
    reason = f"None of {n} critical examples newly fails."
    return part | {"answer": Answer.PASS.value, "reason": reason}


def _unknown(sides: Sides, aligned: Aligned, candidate: Run, passing: Passing) -> Unknown:
    """Count what may newly fail, among the pairs and among those that have none."""
    positions = marked_critical(candidate)
    is_critical = np.isin(aligned.candidate, positions, assume_unique=True)
    is_unknown_before = np.isnan(folded(sides.baseline.values)) & ~passing.passes
    unpaired = np.setdiff1d(positions, aligned.candidate, assume_unique=True)
    return Unknown(
        unpaired=int((~_passes(sides.pairing, sides)[unpaired]).sum()) if len(unpaired) else 0,
        before=int((is_critical & is_unknown_before).sum()),
        now=int((is_critical & passing.passed & passing.is_unscored).sum()),
    )


def _passes(pairing: Pairing, sides: Sides) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Say of every example of the candidate, paired or not, whether it passes."""
    values = read_scores(pairing.candidate).column(sides.yardstick).values
    found = Passing.of(values, values, pairing.candidate)
    return np.zeros(len(values), dtype=np.bool_) if found is None else found.passes


def _keys(run: Run, positions: Sequence[int]) -> list[str]:
    examples = datasets.examples_at_positions(run.version, positions)
    return [examples[position].key for position in positions]
