"""Runs as answers and pages show them: with their names, measurements and progress."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, F, Min, Q, QuerySet, Sum

from evalhub.accounts.models import Project
from evalhub.errors import NotFound
from evalhub.runs.models import Chunk, Job, Measurement, Run
from evalhub.runs.selectors import Progress, current_of_names, progress_of

# No page reads it, and it names every member that an example has.
_UNREAD = ("version__schema",)


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
    return [Record(run, current_of_names(of_run[run.pk]), progress[run.pk]) for run in runs]


def likeliest_baseline(candidate: Run, others: Sequence[Run]) -> Run | None:
    """Return which of the runs, newest first, one would compare a run with.

    The newest earlier run of another system, or of another version of the same one, on the same
    version of the dataset; failing that, on another version of it; failing that, the newest run.
    """
    rest = [one for one in others if one.pk != candidate.pk]
    earlier = [
        one
        for one in rest
        if one.pk < candidate.pk and one.system_version_id != candidate.system_version_id
    ]
    same_version = [one for one in earlier if one.version_id == candidate.version_id]
    return next(iter([*same_version, *earlier, *rest]), None)


def record_of(run: Run) -> Record:
    """Return what a page or an answer shows of one run."""
    return records([run])[0]


@dataclass(frozen=True)
class Work:
    """One kind of work that is under way on a run, counted in outputs, in each of its jobs."""

    kind: str
    done: int
    total: int
    n_jobs: int
    chunks_done: int
    chunks: int
    since: datetime

    def seconds_left(self, now: datetime) -> float | None:
        """Return how long the rest takes at the pace so far; None before there is a pace."""
        if not self.done:
            return None
        return (now - self.since).total_seconds() / self.done * (self.total - self.done)


def work_under_way(run: Run) -> list[Work]:
    """Return what is being done on a run, by kind, in one query."""
    size, ended = F("stop") - F("start"), Q(state__in=(Chunk.State.DONE, Chunk.State.FAILED))
    at_work = Chunk.objects.filter(job__run=run, job__state=Job.State.WORKING)
    kinds = (
        at_work.values("job__kind")
        .annotate(
            since=Min("job__created_at"),
            n_jobs=Count("job", distinct=True),
            chunks=Count("pk"),
            chunks_done=Count("pk", filter=ended),
            total=Sum(size),
            done=Sum(size, filter=ended),
        )
        .order_by("since")
    )
    return [
        Work(
            kind=row["job__kind"],
            done=(row["done"] or 0) * run.attempts,
            total=row["total"] * run.attempts,
            n_jobs=row["n_jobs"],
            chunks_done=row["chunks_done"],
            chunks=row["chunks"],
            since=row["since"],
        )
        for row in kinds
    ]
