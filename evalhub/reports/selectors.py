"""What is read of comparisons."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from django.db.models import QuerySet
from numpy.typing import NDArray

from evalhub.accounts.models import Project
from evalhub.datasets.models import Example
from evalhub.datasets.selectors import examples_at_positions
from evalhub.errors import NotFound
from evalhub.reports.aligning import Aligned, align
from evalhub.reports.models import Comparison, Finding
from evalhub.runs.columns import scores_in_blocks
from evalhub.runs.models import Output, Run
from metrics.batch import Floats
from metrics.statistics.yardstick import Column

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
    """One shared example that got worse or better, with both outputs (of the first attempt)."""

    key: str
    input: str
    expected: str
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
    """The examples with the largest losses and gains."""

    worse: list[Case]
    better: list[Case]


def cases(finding: Finding, *, limit: int = SHOWN_CASES) -> Cases:
    """Return the shared examples on which one metric moved most, either way.

    There are `finding.n_lost` and `finding.n_won` of them; a move that is rounding is none.
    """
    moved = _Moved.of(finding)
    # Stable, so that equal differences stand in the order of the dataset; NaN comes last.
    worse = np.argsort(moved.gains, kind="stable")[: min(limit, finding.n_lost or 0)]
    better = np.argsort(-moved.gains, kind="stable")[: min(limit, finding.n_won or 0)]
    both = moved.cases(np.concatenate([worse, better]))
    return Cases(worse=both[: len(worse)], better=both[len(worse) :])


@dataclass(frozen=True, eq=False)
class _Moved:
    """The values of all pairs on both sides."""

    comparison: Comparison
    aligned: Aligned
    old: Floats
    new: Floats
    gains: Floats

    @classmethod
    def of(cls, finding: Finding) -> _Moved:
        comparison = finding.comparison
        aligned = align(comparison.baseline, comparison.candidate)
        old, new = (
            Column(values=scores_in_blocks(one).values).folded().values
            for one in (finding.baseline_measurement, finding.candidate_measurement)
        )
        old, new = old[aligned.baseline], new[aligned.candidate]
        sign = 1.0 if finding.candidate_measurement.higher_is_better else -1.0
        return cls(comparison, aligned, old, new, sign * (new - old))

    def cases(self, pairs: NDArray[np.int64]) -> list[Case]:
        was_at, is_at = (
            self.aligned.baseline[pairs].tolist(),
            self.aligned.candidate[pairs].tolist(),
        )
        examples = examples_at_positions(self.comparison.candidate.version, is_at)
        before = _outputs(self.comparison.baseline, was_at)
        after = _outputs(self.comparison.candidate, is_at)
        return [
            self._case(pair, examples[new], before.get(old), after.get(new), position=new)
            for pair, old, new in zip(pairs.tolist(), was_at, is_at, strict=True)
        ]

    def _case(
        self,
        pair: int,
        example: Example,
        before: Output | None,
        after: Output | None,
        *,
        position: int,
    ) -> Case:
        fields = example.fields
        given = [fields.get("expected_output"), *fields.get("references", [])]
        accepted = dict.fromkeys(as_text(one) for one in given if one is not None)
        return Case(
            key=example.key,
            input=as_text(fields.get("input")),
            expected=", or ".join(accepted),
            position=position,
            difference=float(self.gains[pair]),
            baseline_value=float(self.old[pair]),
            candidate_value=float(self.new[pair]),
            baseline_output=_written(before),
            candidate_output=_written(after),
            baseline_error=before.error if before else None,
            candidate_error=after.error if after else None,
        )


def as_text(value: object) -> str:
    """Return a text as it is, and any other JSON as it is written."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _outputs(run: Run, positions: Sequence[int]) -> dict[int, Output]:
    """Return the first attempts at these positions."""
    rows: Iterable[Output] = Output.objects.filter(run=run, position__in=positions, attempt=1)
    return {row.position: row for row in rows}


def _written(output: Output | None) -> str | None:
    if output is None:
        return None
    return output.text if output.text is not None else output.data
