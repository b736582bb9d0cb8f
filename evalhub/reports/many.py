"""Many candidates against one baseline: a stored comparison of each, read together.

They are compared some at a time. What is compared is kept, so that whoever asks again goes on from
there, and no request holds a process for long.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from evalhub.accounts.services import Actor
from evalhub.errors import ContentError, DomainError, ShapeError
from evalhub.reports import figures, selectors
from evalhub.reports.models import Comparison, Finding
from evalhub.reports.scored_again import ScoredAgainFirst
from evalhub.reports.services import compare_runs, known_comparison
from evalhub.runs.models import Run
from metrics.statistics.findings import LEVEL, Outcome, Within
from metrics.statistics.multiplicity import holm

MAX_CANDIDATES = 20
# How long one step goes on to another comparison, in seconds.
STEP = 1.0


@dataclass(frozen=True)
class Row:
    """One candidate: its comparison with the primary finding, or why there is none.

    One with neither is not compared yet. `p_holm` is the primary p adjusted for all the
    candidates, and `outcome` what holds then: both once all are compared. The stored comparison
    speaks of its candidate alone.
    """

    candidate: Run
    comparison: Comparison | None = None
    primary: Finding | None = None
    shown: figures.Written | None = None
    p_holm: float | None = None
    outcome: str = ""
    problem: str = ""

    @property
    def is_open(self) -> bool:
        return self.comparison is None and not self.problem


@dataclass(frozen=True)
class Many:
    """The rows of all candidates; `waits` is what the open ones wait for besides their turn."""

    rows: list[Row]
    waits: ScoredAgainFirst | None = None

    @property
    def n_done(self) -> int:
        return sum(not row.is_open for row in self.rows)

    @property
    def n_compared(self) -> int:
        return sum(row.comparison is not None for row in self.rows)

    @property
    def is_whole(self) -> bool:
        return self.n_done == len(self.rows)

    @property
    def metrics(self) -> list[str]:
        """The primary metrics that decide: one, unless the candidates have others first."""
        return list(dict.fromkeys(row.primary.metric for row in self.rows if row.primary))


def compare_many(
    *,
    baseline: Run,
    candidates: Sequence[Run],
    actor: Actor,
    may_score: bool = False,
    seconds: float = math.inf,
) -> Many:
    """Compare each candidate with the baseline, in the order given; each is compared once.

    All are on the baseline's dataset: p-values are adjusted for one question asked many times.
    Once `seconds` are over, the others are left open; with 0 none is computed, else one at least.
    """
    candidates = list({run.pk: run for run in candidates}.values())
    if not 1 <= len(candidates) <= MAX_CANDIDATES:
        raise ShapeError(f"Name 1 to {MAX_CANDIDATES} candidates, not {len(candidates)}.")
    _refuse_other_datasets(baseline, candidates)
    rows, until = [_known(baseline, one) for one in candidates], time.monotonic() + seconds
    for at in [at for at, row in enumerate(rows) if row.is_open and seconds]:
        try:
            rows[at] = _row(baseline, rows[at].candidate, actor, may_score=may_score)
        except ScoredAgainFirst as exc:
            return Many(rows, waits=exc)
        # What is not kept would be tried again by the next step, and the others never.
        if rows[at].comparison is not None and time.monotonic() > until:
            break
    many = Many(rows)
    return Many(_adjusted(rows)) if many.is_whole else many


def _refuse_other_datasets(baseline: Run, candidates: Sequence[Run]) -> None:
    on = baseline.version.dataset
    elsewhere = [run for run in candidates if run.version.dataset_id != on.pk]
    if not elsewhere:
        return
    named = ", ".join(f"{run.public_id} on {run.version.dataset.slug}" for run in elsewhere)
    raise ContentError(
        f"The baseline is on the dataset {on.slug}, and of the candidates {named}. A comparison "
        f"pairs the same questions: choose candidates on {on.slug}, and ask about the others "
        "with a baseline of theirs.",
        code="different_datasets",
    )


def _known(baseline: Run, candidate: Run) -> Row:
    try:
        comparison = known_comparison(baseline=baseline, candidate=candidate)
    except ScoredAgainFirst:
        return Row(candidate)
    except DomainError as exc:
        return Row(candidate, problem=exc.detail)
    return _compared(candidate, comparison) if comparison else Row(candidate)


def _row(baseline: Run, candidate: Run, actor: Actor, *, may_score: bool) -> Row:
    try:
        comparison = compare_runs(
            baseline=baseline, candidate=candidate, actor=actor, may_score=may_score
        )
    except ScoredAgainFirst:  # so all wait: p-values are adjusted for all of them at once
        raise
    except DomainError as exc:
        return Row(candidate, problem=exc.detail)
    return _compared(candidate, comparison)


def _compared(candidate: Run, comparison: Comparison) -> Row:
    primary = selectors.primary_of(comparison)
    return Row(candidate, comparison, primary, figures.written(primary))


def _adjusted(rows: list[Row]) -> list[Row]:
    """Adjust the primary p-values together (Holm): one is counted for every candidate compared."""
    p_values = [row.primary.p_value if row.primary else None for row in rows]
    adjusted = holm([math.nan if p is None else p for p in p_values]).tolist()
    return [_with(row, p_holm) for row, p_holm in zip(rows, adjusted, strict=True)]


def _with(row: Row, p_holm: float) -> Row:
    if row.comparison is None:
        return row
    outcome = row.comparison.outcome
    is_told_apart = outcome in (Outcome.IMPROVED, Outcome.REGRESSED)
    if is_told_apart and not p_holm <= LEVEL:
        is_small = row.primary is not None and row.primary.within == Within.DIFFERENCE
        outcome = (Outcome.EQUIVALENT if is_small else Outcome.INSUFFICIENT_EVIDENCE).value
    return replace(row, p_holm=None if math.isnan(p_holm) else p_holm, outcome=outcome)
