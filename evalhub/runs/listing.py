"""Runs as answers and pages show them: with their names, measurements and progress."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import QuerySet

from evalhub.accounts.models import Project
from evalhub.errors import NotFound
from evalhub.runs.models import Measurement, Run
from evalhub.runs.selectors import Progress, newest_of_names, progress_of

# The key index of a large version weighs megabytes, and no page reads it.
_UNREAD = ("version__key_index", "version__schema")


@dataclass(frozen=True)
class Record:
    """A run with its current measurements, the primary one first, and its progress."""

    run: Run
    measurements: list[Measurement]
    progress: Progress

    @property
    def primary(self) -> Measurement | None:
        """The run's first metric."""
        return self.measurements[0] if self.measurements else None


def with_names(runs: QuerySet[Run]) -> QuerySet[Run]:
    """Read runs together with what they are called by: project, dataset, system."""
    named = runs.select_related(
        "project", "version__dataset", "system_version__system", "created_by"
    )
    return named.defer(*_UNREAD)


def runs_of(project: Project, *, dataset: str = "", system: str = "") -> QuerySet[Run]:
    """Return a project's runs, newest first, of one dataset or one system where named."""
    runs = Run.objects.filter(project=project).order_by("-pk")
    if dataset:
        runs = runs.filter(version__dataset__slug=dataset)
    if system:
        runs = runs.filter(system_version__system__slug=system)
    return with_names(runs)


def run_of(project: Project, public_id: str) -> Run:
    """Return a run of the project: those of others do not exist for it."""
    found = with_names(Run.objects.filter(project=project, public_id=public_id)).first()
    if found is None:
        raise NotFound(f"There is no run {public_id[:40]!r}, or it is not yours.")
    return found


def records(runs: Sequence[Run]) -> list[Record]:
    """Return what lists show of each run, in two queries."""
    of_run: dict[int, list[Measurement]] = defaultdict(list)
    for measurement in Measurement.objects.filter(run__in=runs).order_by("generation"):
        of_run[measurement.run_id].append(measurement)
    progress = progress_of(runs)
    return [Record(run, newest_of_names(of_run[run.pk]), progress[run.pk]) for run in runs]


def record_of(run: Run) -> Record:
    """Return what a page or an answer shows of one run."""
    return records([run])[0]
