"""Many candidates against one baseline: a stored comparison of each, read together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from evalhub.accounts.services import Actor
from evalhub.errors import ContentError, DomainError, ShapeError
from evalhub.reports import figures, selectors
from evalhub.reports.models import Comparison, Finding
from evalhub.reports.scored_again import ScoredAgainFirst
from evalhub.reports.services import compare_runs
from evalhub.runs.models import Run
from metrics.statistics.findings import LEVEL, Outcome, Within
from metrics.statistics.multiplicity import holm

MAX_CANDIDATES = 20


@dataclass(frozen=True)
class Row:
    """One candidate: its comparison with the primary finding, or why there is none.

    `p_holm` is the primary p adjusted for all the candidates, and `outcome` what holds then. The
    stored comparison speaks of its candidate alone.
    """

    candidate: Run
    comparison: Comparison | None = None
    primary: Finding | None = None
    shown: figures.Written | None = None
    p_holm: float | None = None
    outcome: str = ""
    problem: str = ""


def compare_many(
    *, baseline: Run, candidates: Sequence[Run], actor: Actor, may_score: bool = False
) -> list[Row]:
    """Compare each candidate with the baseline, in the order given; each is compared once.

    All are on the baseline's dataset: p-values are adjusted for one question asked many times.
    """
    candidates = list({run.pk: run for run in candidates}.values())
    if not 1 <= len(candidates) <= MAX_CANDIDATES:
        raise ShapeError(f"Name 1 to {MAX_CANDIDATES} candidates, not {len(candidates)}.")
    _refuse_other_datasets(baseline, candidates)
    return _adjusted(
        [_row(baseline, candidate, actor, may_score=may_score) for candidate in candidates]
    )


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


def metrics_of(rows: Sequence[Row]) -> list[str]:
    """Return the primary metrics that decide: one, unless the candidates have others first."""
    return list(dict.fromkeys(row.primary.metric for row in rows if row.primary))


def _row(baseline: Run, candidate: Run, actor: Actor, *, may_score: bool) -> Row:
    try:
        comparison = compare_runs(
            baseline=baseline, candidate=candidate, actor=actor, may_score=may_score
        )
    except ScoredAgainFirst:  # so all wait: p-values are adjusted for all of them at once
        raise
    except DomainError as exc:
        return Row(candidate, problem=exc.detail)
    primary = selectors.findings_of(comparison)[0]
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
    return Row(
        row.candidate,
        row.comparison,
        row.primary,
        row.shown,
        p_holm=None if math.isnan(p_holm) else p_holm,
        outcome=outcome,
    )
