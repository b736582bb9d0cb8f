"""What is read of comparisons."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from django.db.models import QuerySet

from evalhub.accounts.models import Project
from evalhub.datasets.selectors import examples_at_positions
from evalhub.errors import NotFound
from evalhub.reports.aligning import align
from evalhub.reports.models import Comparison, Finding
from evalhub.runs.columns import read_scores
from evalhub.runs.models import Output, Run

SHOWN_CASES = 10


def run_of(project: Project, public_id: str) -> Run:
    """Return a run of this project, with what comparisons need of it."""
    run = (
        Run.objects.filter(project=project, public_id=public_id)
        .select_related("version__dataset", "system_version__system", "project")
        .first()
    )
    if run is None:
        raise NotFound(f"There is no run {public_id[:40]!r}.")
    return run


def comparisons_of(project: Project) -> QuerySet[Comparison]:
    """Return a project's comparisons, newest first, with their runs."""
    return (
        Comparison.objects.filter(project=project)
        .select_related(
            "baseline__system_version__system",
            "candidate__system_version__system",
            "candidate__version__dataset",
        )
        .order_by("-pk")
    )


def findings_of(comparison: Comparison) -> list[Finding]:
    return list(
        comparison.findings.select_related(
            "baseline_measurement", "candidate_measurement"
        ).order_by("order")
    )


@dataclass(frozen=True)
class Case:
    """One shared example that got worse or better, with both outputs."""

    key: str
    input: object
    expected: object
    position: int
    difference: float
    baseline_value: float
    candidate_value: float
    baseline_output: str | None
    candidate_output: str | None
    baseline_error: str | None
    candidate_error: str | None


@dataclass(frozen=True)
class Cases:
    """The examples with the largest losses and gains, and how many there are of each."""

    worse: list[Case]
    better: list[Case]
    n_worse: int
    n_better: int


def cases(finding: Finding, *, limit: int = SHOWN_CASES) -> Cases:
    """Return the shared examples on which one metric moved most, either way."""
    comparison = finding.comparison
    old_run, new_run = comparison.baseline, comparison.candidate
    aligned = align(old_run, new_run)
    old = read_scores(finding.baseline_measurement).column().folded().values[aligned.baseline]
    new = read_scores(finding.candidate_measurement).column().folded().values[aligned.candidate]
    sign = 1.0 if finding.candidate_measurement.higher_is_better else -1.0
    difference = sign * (new - old)
    # Stable, so that equal differences stand in the order of the dataset.
    order = np.argsort(difference, kind="stable")
    worse = [pair for pair in order.tolist() if difference[pair] < 0]
    better = [pair for pair in order[::-1].tolist() if difference[pair] > 0]
    better.sort(key=lambda pair: (-difference[pair], pair))
    shown = worse[:limit] + better[:limit]
    examples = examples_at_positions(
        new_run.version, [int(aligned.candidate[pair]) for pair in shown]
    )
    before = _outputs(old_run, aligned.baseline[shown].tolist())
    after = _outputs(new_run, aligned.candidate[shown].tolist())

    def case(pair: int) -> Case:
        position = int(aligned.candidate[pair])
        fields = examples[position].fields
        was, now = before.get(int(aligned.baseline[pair])), after.get(position)
        return Case(
            key=examples[position].key,
            input=fields.get("input"),
            expected=fields.get("expected_output") or fields.get("references"),
            position=position,
            difference=float(difference[pair]),
            baseline_value=float(old[pair]),
            candidate_value=float(new[pair]),
            baseline_output=_written(was),
            candidate_output=_written(now),
            baseline_error=was.error if was else None,
            candidate_error=now.error if now else None,
        )

    return Cases(
        worse=[case(pair) for pair in worse[:limit]],
        better=[case(pair) for pair in better[:limit]],
        n_worse=len(worse),
        n_better=len(better),
    )


def _outputs(run: Run, positions: Sequence[int]) -> dict[int, Output]:
    """Return the first attempts at these positions."""
    rows: Iterable[Output] = Output.objects.filter(run=run, position__in=positions, attempt=1)
    return {row.position: row for row in rows}


def _written(output: Output | None) -> str | None:
    if output is None:
        return None
    return output.text if output.text is not None else output.data
