"""What is read of comparisons."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from django.db.models import QuerySet
from numpy.typing import NDArray

from evalhub.accounts.models import Project
from evalhub.datasets.models import Example
from evalhub.datasets.selectors import IN_ONE_QUERY, examples_at_positions, positions_in
from evalhub.errors import NotFound
from evalhub.reports.aligning import Aligned, align
from evalhub.reports.as_compared import Compared, replaced, sides_of
from evalhub.reports.models import Comparison, Finding
from evalhub.reports.sides import Pairing, Passing, folded
from evalhub.runs.columns import scores_in_blocks, values_at
from evalhub.runs.models import Measurement, Output, Run
from metrics.batch import Floats

SHOWN_CASES = 10
_ROUNDING = 1e-12


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


def comparison_of(project: Project, public_id: str) -> Comparison:
    """Return a stored comparison of this project."""
    found = comparisons_of(project).filter(public_id=public_id[:40]).first()
    if found is None:
        raise NotFound(f"There is no comparison {public_id[:40]!r}.")
    return found


def findings_of(comparison: Comparison) -> list[Finding]:
    return list(_findings(comparison))


def primary_of(comparison: Comparison) -> Finding:
    """Return the finding that decides, without the hundreds that there may be beside it."""
    return _findings(comparison)[0]


def _findings(comparison: Comparison) -> QuerySet[Finding]:
    named = comparison.findings.select_related("baseline_measurement", "candidate_measurement")
    return named.order_by("order")


def pairs_of(findings: Iterable[Finding]) -> list[Pairing]:
    """Return the pairs of measurements that a stored comparison was made of, in their order.

    They stay what they were, whatever is scored again since.
    """
    overall = [one for one in findings if not one.slice_field]
    return [Pairing(one.baseline_measurement, one.candidate_measurement) for one in overall]


@dataclass(frozen=True)
class CaseScore:
    """One metric of an example on both sides; None where unscored."""

    measurement: Measurement  # the candidate's
    baseline: float | None
    candidate: float | None


@dataclass(frozen=True)
class Case:
    """One pair, with both outputs (of the first attempt) and every score of the shared metrics.

    `difference` is the gain on the metric in question, None where a side is unscored.
    """

    key: str
    input: str
    expected: str
    position: int
    baseline_position: int
    difference: float | None
    baseline_value: float | None
    candidate_value: float | None
    is_flip: bool
    baseline_output: str | None
    candidate_output: str | None
    baseline_error: str | None
    candidate_error: str | None
    scores: list[CaseScore]
    # The run was reopened since, and the output that was compared is not there any more.
    baseline_replaced: bool = False
    candidate_replaced: bool = False


@dataclass(frozen=True)
class Cases:
    """The examples with the largest losses and gains, and how many there are.

    Those that went from pass to fail, `n_flipped` of them, stand before all other losses; it is
    None where the metric does not say right or wrong.
    """

    worse: list[Case]
    better: list[Case]
    n_worse: int
    n_better: int
    n_flipped: int | None


def cases(
    finding: Finding,
    *,
    limit: int = SHOWN_CASES,
    within: NDArray[np.int64] | None = None,
    starts: tuple[int, int] = (0, 0),
) -> Cases:
    """Return the pairs on which one metric moved most, either way; mere rounding is no move.

    `within` are positions of the candidate's version to stay among, `starts` how many losses and
    gains to pass over.
    """
    moved = _Moved.of(finding)
    among = np.ones(len(moved.gains), dtype=bool)
    if within is not None:
        among = np.isin(moved.aligned.candidate, within)
    least = _ROUNDING * float(np.nanmax(np.abs(moved.gains), initial=0.0))
    lost = np.flatnonzero(among & (moved.gains < -least))
    won = np.flatnonzero(among & (moved.gains > least))
    # Stable, so that equal differences stand in the order of the dataset.
    worse = lost[np.lexsort((moved.gains[lost], ~moved.flipped[lost]))]
    better = won[np.argsort(-moved.gains[won], kind="stable")]
    worse, better = (
        order[start : start + limit] for order, start in zip((worse, better), starts, strict=True)
    )
    both = moved.cases(np.concatenate([worse, better]))
    return Cases(
        worse=both[: len(worse)],
        better=both[len(worse) :],
        n_worse=len(lost),
        n_better=len(won),
        n_flipped=int(moved.flipped[lost].sum()) if moved.is_pass_fail else None,
    )


def critical_cases(finding: Finding, *, start: int = 0, limit: int = SHOWN_CASES) -> list[Case]:
    """Return a page of the critical examples that newly fail. The finding is the primary one."""
    stored = finding.comparison.critical.get("failing", [])
    failing = np.array(stored[start : start + limit], dtype=np.int64)
    if not len(failing):
        return []
    moved = _Moved.of(finding)
    return moved.cases(np.flatnonzero(np.isin(moved.aligned.candidate, failing)))


def n_critical_unanswered(comparison: Comparison) -> int | None:
    """Return how many of the newly failing critical examples have an error, or no output at all.

    None where that is not known any more, or would be many to look up.
    """
    failing, run = comparison.critical.get("failing", []), comparison.candidate
    n = comparison.critical.get("n_failing", 0)
    if len(failing) != n or n > IN_ONE_QUERY or run.attempts > 1 or replaced(comparison):
        return None
    given = Output.objects.filter(run=run, position__in=failing, error__isnull=True)
    return int(n) - given.count()


def critical_keys(comparison: Comparison, *, limit: int | None = None) -> list[str]:
    """Return the keys of the critical examples that newly fail, as far as they are stored."""
    failing = comparison.critical.get("failing", [])[:limit]
    examples = examples_at_positions(comparison.candidate.version, failing)
    return [examples[position].key for position in failing]


def positions_in_slices(comparison: Comparison, slices: Sequence[str]) -> NDArray[np.int64]:
    """Return the candidate's positions that are in each of these slices (``field:level``)."""
    version = comparison.candidate.version
    found = np.arange(version.n_examples)
    for given in slices:
        found = np.intersect1d(found, positions_in(version, given), assume_unique=True)
    return found


@dataclass(frozen=True, eq=False)
class _Moved:
    """The values of all pairs on both sides."""

    comparison: Comparison
    aligned: Aligned
    old: Floats
    new: Floats
    gains: Floats
    flipped: NDArray[np.bool_]
    is_pass_fail: bool

    @classmethod
    def of(cls, finding: Finding) -> _Moved:
        comparison = finding.comparison
        aligned = align(comparison.baseline, comparison.candidate)
        measurement = finding.candidate_measurement
        old = scores_in_blocks(finding.baseline_measurement).values[aligned.baseline]
        new = scores_in_blocks(measurement).values[aligned.candidate]
        passing = Passing.of(old, new, measurement)
        flipped = np.zeros(len(old), dtype=bool) if passing is None else passing.flipped
        old, new = folded(old), folded(new)
        gains = new - old if measurement.higher_is_better else old - new
        return cls(comparison, aligned, old, new, gains, flipped, passing is not None)

    def cases(self, pairs: NDArray[np.int64]) -> list[Case]:
        before_at, after_at = self.aligned.baseline[pairs], self.aligned.candidate[pairs]
        examples = examples_at_positions(self.comparison.candidate.version, after_at.tolist())
        before = _outputs(self.comparison.baseline, before_at.tolist())
        after = _outputs(self.comparison.candidate, after_at.tolist())
        scores = _scores(self.comparison, before_at, after_at)
        sides = sides_of(self.comparison)
        return [
            self._case(
                pair,
                examples[new],
                _Shown.of(sides[0], old, before.get(old)),
                _Shown.of(sides[1], new, after.get(new)),
                scores[at],
            )
            for at, (pair, old, new) in enumerate(
                zip(pairs.tolist(), before_at.tolist(), after_at.tolist(), strict=True)
            )
        ]

    def _case(
        self,
        pair: int,
        example: Example,
        before: _Shown,
        after: _Shown,
        scores: list[CaseScore],
    ) -> Case:
        fields = example.fields
        given = [fields.get("expected_output"), *fields.get("references", [])]
        accepted = dict.fromkeys(as_text(one) for one in given if one is not None)
        return Case(
            key=example.key,
            input=as_text(fields.get("input")),
            expected=", or ".join(accepted),
            position=int(self.aligned.candidate[pair]),
            baseline_position=int(self.aligned.baseline[pair]),
            difference=_known(self.gains[pair]),
            baseline_value=_known(self.old[pair]),
            candidate_value=_known(self.new[pair]),
            is_flip=bool(self.flipped[pair]),
            baseline_output=before.text,
            candidate_output=after.text,
            baseline_error=before.error,
            candidate_error=after.error,
            scores=scores,
            baseline_replaced=before.is_replaced,
            candidate_replaced=after.is_replaced,
        )


def _scores(
    comparison: Comparison, before_at: NDArray[np.int64], after_at: NDArray[np.int64]
) -> list[list[CaseScore]]:
    """Return the scores of every shared metric at these positions, a list for each pair."""
    overall = [one for one in findings_of(comparison) if not one.slice_field]
    before = [one.baseline_measurement for one in overall]
    after = [one.candidate_measurement for one in overall]
    old = values_at(before, comparison.baseline.attempts, before_at)
    new = values_at(after, comparison.candidate.attempts, after_at)
    columns = [
        (m, folded(old[b.pk]), folded(new[m.pk])) for b, m in zip(before, after, strict=True)
    ]
    return [
        [CaseScore(m, _known(was[at]), _known(now[at])) for m, was, now in columns]
        for at in range(len(after_at))
    ]


def _known(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def as_text(value: object) -> str:
    """Return a text as it is, and any other JSON as it is written."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _outputs(run: Run, positions: Sequence[int]) -> dict[int, Output]:
    """Return the first attempts at these positions."""
    rows: Iterable[Output] = Output.objects.filter(run=run, position__in=positions, attempt=1)
    return {row.position: row for row in rows}


@dataclass(frozen=True)
class _Shown:
    """What is shown of an output: nothing of one that is not what was compared."""

    text: str | None = None
    error: str | None = None
    is_replaced: bool = False

    @classmethod
    def of(cls, side: Compared, position: int, output: Output | None) -> _Shown:
        if side.was_missing(position):
            return cls()
        if side.is_replaced(output, position):
            return cls(is_replaced=True)
        if output is None:
            return cls()
        return cls(output.text if output.text is not None else output.data, output.error)
