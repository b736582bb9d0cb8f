"""Runs for tests: opened, filled, finished and drained in this process."""

from __future__ import annotations

from evalhub.datasets.models import DatasetVersion
from evalhub.intake.lines import ErrorCollector
from evalhub.intake.reading import read_outputs
from evalhub.runs import draining, queue, services
from evalhub.runs.columns import StoredScores, read_scores
from evalhub.runs.models import Chunk, Measurement, Run
from evalhub.runs.queue import Claim
from evalhub.runs.services import Submitted
from tests.factories import a_project, a_version, jsonl


def a_run(version: DatasetVersion | None = None, *, n: int = 3, project=None, **fields) -> Run:
    """Return an open run of `exact_match` on a version of n questions."""
    version = version or a_version(project or a_project(), n=n)
    wished = {"system": "gpt", "metrics": ["exact_match"], **fields}
    return services.create_run(
        project=version.dataset.project,
        dataset=version.dataset.slug,
        version=version.number,
        **wished,
    )


def submit(run: Run, *lines: dict[str, object]) -> Submitted:
    errors = ErrorCollector()
    rows = list(read_outputs(jsonl(*lines).encode().splitlines(keepends=True), errors))
    errors.raise_if_any()
    return services.submit_outputs(run=run, rows=rows)


def right(*numbers: int) -> list[dict[str, object]]:
    """Return the right outputs for questions of `a_version`."""
    return [{"key": f"q{number}", "output": f"a{number}"} for number in numbers]


def finished(run: Run, *lines: dict[str, object]) -> Run:
    """Submit and finish; nothing is scored yet."""
    if lines:
        submit(run, *lines)
    return services.finish_run(run=run, allow_missing=True)


def drain(seconds: float = 60.0) -> int:
    return draining.drain("this:1:1", seconds=seconds)


def scored(run: Run, *lines: dict[str, object]) -> Run:
    """Submit, finish, and do all the work there is."""
    finished(run, *lines)
    drain()
    run.refresh_from_db()
    return run


def measurement(run: Run, name: str = "exact_match") -> Measurement:
    return run.measurements.filter(name=name).order_by("-generation")[0]


def scores(run: Run, name: str = "exact_match") -> StoredScores:
    return read_scores(measurement(run, name))


def claimed(owner: str = "this:1:1") -> Claim:
    claim = queue.claim(owner)
    assert claim is not None
    return claim


def spans() -> list[tuple[int, int, str]]:
    """Return every chunk as (start, stop, state)."""
    return [(one.start, one.stop, one.state) for one in Chunk.objects.order_by("start", "stop")]
