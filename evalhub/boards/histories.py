"""Each metric of a system over the runs on a dataset, in order of time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from django.db.models import Case, F, QuerySet, When

from evalhub.datasets.models import Dataset
from evalhub.runs.listing import Record, records, with_names
from evalhub.runs.models import Measurement, Run, System
from metrics.statistics.change_points import ChangePoint, Changes, change_points
from metrics.statistics.distributions import normal_quantile

MOST_RUNS = 200
# Fixed, so that the same history always says the same.
_SEED = 0


@dataclass(frozen=True)
class Point:
    """One run's value.

    `break_reason` says why it does not continue the one before; `is_of_new_version` whether that
    is the version of the dataset.
    """

    run: Run
    measurement: Measurement
    break_reason: str = ""
    is_of_new_version: bool = False

    @property
    def value(self) -> float:
        value = self.measurement.value
        assert value is not None  # noqa: S101 - only what has a value becomes a point
        return value

    @property
    def error(self) -> float:
        """The standard error by the 95 % interval; NaN without one."""
        low, high = self.measurement.low, self.measurement.high
        if low is None or high is None:
            return math.nan
        return (high - low) / 2 / normal_quantile(0.975)


@dataclass(frozen=True)
class History:
    """One metric of one system, oldest run first."""

    name: str
    points: list[Point]

    @cached_property
    def breaks(self) -> list[int]:
        """Positions of the points that do not continue the one before."""
        return [at for at, point in enumerate(self.points) if point.break_reason]

    @cached_property
    def changes(self) -> Changes:
        return _changes(
            tuple(point.value for point in self.points),
            tuple(point.error for point in self.points),
            tuple(self.breaks),
        )

    def change_at(self, at: int) -> ChangePoint | None:
        return next((one for one in self.changes.points if one.at == at), None)


@dataclass(frozen=True)
class Trends:
    """What the runs of one system show, and what there is to choose.

    `n_partial` counts scored runs that are left out because outputs are missing, `n_older` those
    before the newest `MOST_RUNS`.
    """

    system: str
    tag: str
    systems: list[str]
    tags: list[str]
    histories: list[History]
    n_runs: int
    n_partial: int
    n_older: int


@lru_cache(maxsize=1_000)
def _changes(
    values: tuple[float, ...], errors: tuple[float, ...], breaks: tuple[int, ...]
) -> Changes:
    """Return the changes of a history; the same one is looked at once."""
    return change_points(values, errors, breaks=breaks, seed=_SEED)


def trends_of(dataset: Dataset, *, system: str = "", tag: str = "") -> Trends:
    """Return the histories of a system; without a name, of the one that was last run whole.

    One system at a time: between systems every difference would look like a change.
    """
    scored = Run.objects.filter(version__dataset=dataset, state=Run.State.SCORED)
    systems = _systems(scored)
    shown = system or _newest_system(scored)
    rows = list(
        scored.filter(system_version__system__slug=shown)
        .order_by("-created_at", "-pk")
        .values_list("pk", "tags", "n_outputs", F("version__n_examples") * F("attempts"))
    )
    tags = sorted({one for _, given, _, _ in rows for one in given})
    bearing = [row for row in rows if not tag or tag in row[1]]
    whole = [pk for pk, _, n, expected in bearing if n >= expected]
    runs = list(with_names(Run.objects.filter(pk__in=whole[:MOST_RUNS])))
    runs.sort(key=lambda run: (run.created_at, run.pk))
    return Trends(
        system=shown,
        tag=tag,
        systems=systems,
        tags=tags,
        histories=_histories(records(runs)),
        n_runs=len(runs),
        n_partial=len(bearing) - len(whole),
        n_older=max(0, len(whole) - MOST_RUNS),
    )


def _systems(scored: QuerySet[Run]) -> list[str]:
    found = System.objects.filter(versions__runs__in=scored).distinct().order_by("slug")
    return list(found.values_list("slug", flat=True))


def _newest_system(scored: QuerySet[Run]) -> str:
    """Return the system of the newest run that is complete; where none is, of the newest."""
    expected = F("version__n_examples") * F("attempts")
    is_whole = Case(When(n_outputs__gte=expected, then=1), default=0)
    newest = scored.order_by(is_whole.desc(), "-created_at", "-pk")
    return next(iter(newest.values_list("system_version__system__slug", flat=True)[:1]), "")


def _histories(found: Sequence[Record]) -> list[History]:
    """Return a history of every name, in the order of the newest run that has it."""
    points: dict[str, list[Point]] = {}
    for record in reversed(found):
        for measurement in record.measurements:
            if measurement.state == Measurement.State.SCORED and measurement.value is not None:
                points.setdefault(measurement.name, []).append(Point(record.run, measurement))
    return [History(name, _broken(some[::-1])) for name, some in points.items()]


def _broken(points: Sequence[Point]) -> list[Point]:
    """Say where a point does not continue the one before."""
    before = [None, *points[:-1]]
    return [
        one if last is None else _continued(last, one)
        for last, one in zip(before, points, strict=True)
    ]


def _continued(before: Point, now: Point) -> Point:
    is_of_new_version = before.run.version_id != now.run.version_id
    return Point(now.run, now.measurement, _why_broken(before, now), is_of_new_version)


def _why_broken(before: Point, now: Point) -> str:
    if before.run.version_id != now.run.version_id:
        return f"dataset v{now.run.version.number} instead of v{before.run.version.number}"
    if before.measurement.signature != now.measurement.signature:
        return "another signature of the metric"
    return ""
