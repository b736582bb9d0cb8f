"""Close a job whose chunks are all done: values, intervals, and the state of its run."""

from __future__ import annotations

import logging
import math
import platform
from collections.abc import Mapping
from functools import lru_cache
from importlib.metadata import version

import numpy as np
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone
from numpy.typing import NDArray

from evalhub.datasets.selectors import clusters
from evalhub.runs import queue
from evalhub.runs.columns import StoredScores, scores_in_blocks, starts_and_sizes
from evalhub.runs.models import Chunk, Job, Measurement, Run
from evalhub.runs.panels import for_annotators_like_these
from evalhub.runs.scoring import metric_of
from evalhub.runs.selectors import current_measurements, is_answered
from metrics.base import Family
from metrics.custom import code_digest, loaded
from metrics.reasons import Reason
from metrics.statistics.intervals import Interval, estimate
from metrics.statistics.yardstick import Column, Yardstick, value_of
from metrics.vocabulary import NoClassesError

log = logging.getLogger("evalhub.runs.sealing")

# A value that cannot be computed fails alone. Anything else, such as a database that is away or
# memory that does not suffice, may be better the next time.
VALUE_FAULTS = (
    *(ArithmeticError, AssertionError, AttributeError, LookupError),
    *(RuntimeError, TypeError, ValueError),
)
# How often a chunk may end without its columns before its measurements fail.
MOST_CRASHES = 4
LIBRARIES = (
    *("numpy", "scipy", "sacrebleu", "rouge-score", "rapidfuzz", "google-re2"),
    "jsonschema-rs",
)


def yardstick_of(measurement: Measurement) -> Yardstick:
    """Return how the numbers of a measurement are to be read.

    A mean says it all itself, so that it can be read when its metric is no longer installed.
    """
    family = Family(measurement.family)
    if family in (Family.CORPUS, Family.QUANTILE):
        return Yardstick.of(metric_of(measurement))
    low, high = measurement.low_bound, measurement.high_bound
    return Yardstick(
        family=family,
        low=-np.inf if low is None else low,
        high=np.inf if high is None else high,
        higher_is_better=measurement.higher_is_better,
    )


def seal_if_done(job_id: int) -> bool:
    """Seal a job once nothing of it is left to do; return whether this call sealed it.

    What is computed depends on the columns alone, so it does not matter how many try.
    """
    job = Job.objects.select_related("run__version").get(pk=job_id)
    if job.state != Job.State.WORKING or queue.has_unfinished(job):
        return False
    measurements = list(job.measurements.filter(state=Measurement.State.SCORING))
    gaps = {one.pk: gap for one in measurements if (gap := _first_gap(one, job)) is not None}
    if gaps and _do_again(job, set(gaps.values())):
        return False
    whole = [one for one in measurements if one.pk not in gaps]
    answered = is_answered(job.run) if whole else np.zeros((0, 0), dtype=np.bool_)
    changes = {one.pk: _sealed_or_failed(one, job.run, answered) for one in whole}
    changes |= {pk: _unwritten(gap) for pk, gap in gaps.items()}
    return queue.durably(lambda: _close(job, changes))


@transaction.atomic
def _close(job: Job, changes: Mapping[int, dict[str, object]]) -> bool:
    # The run's row first: of two jobs closed at once, the second must see that it is the last.
    Run.objects.select_for_update().get(pk=job.run_id)
    if queue.has_unfinished(job):  # another call found the same gap and has it filled
        return False
    now = timezone.now()
    working = Job.objects.filter(pk=job.pk, state=Job.State.WORKING)
    if not working.update(state=Job.State.DONE, ended_at=now):
        return False
    for pk, fields in changes.items():
        Measurement.objects.filter(pk=pk, state=Measurement.State.SCORING).update(
            scored_at=now, environment=library_versions(), **fields
        )
    settle_run(job.run_id)
    return True


def settle_run(run_id: int) -> bool:
    """Move a scoring run on when no work on it is left; return whether it moved."""
    with transaction.atomic():
        run = Run.objects.select_for_update().get(pk=run_id)
        if run.state != Run.State.SCORING or run.jobs.filter(state=Job.State.WORKING).exists():
            return False
        states = {measurement.state for measurement in current_measurements(run)}
        has_failed = states == {Measurement.State.FAILED}
        return Run.objects.filter(pk=run_id).move(
            to=Run.State.FAILED if has_failed else Run.State.SCORED,
            scored_at=timezone.now(),
            environment=library_versions(),
        )


@lru_cache(maxsize=1)
def library_versions() -> dict[str, str]:
    """Return the environment record of a scoring: what else could change a number."""
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        **{name: version(name) for name in LIBRARIES},
        **{f"metric {metric.name}": code_digest(metric)[:16] for metric in loaded()},
    }


def _first_gap(measurement: Measurement, job: Job) -> int | None:
    """Return the first position without a score, or None when the columns cover the run."""
    covered = 0
    for start, size in starts_and_sizes(measurement):
        if start != covered:
            break
        covered += size
    return covered if covered < job.run.version.n_examples else None


def _do_again(job: Job, gaps: set[int]) -> bool:
    """Let chunks that lost their columns be done again; say whether any has a try left."""
    lost = Q()
    for gap in gaps:
        lost |= Q(start__lte=gap, stop__gt=gap)
    ended = job.chunks.filter(lost, state__in=(Chunk.State.DONE, Chunk.State.FAILED))
    again = ended.filter(crashes__lt=MOST_CRASHES)
    return bool(again.update(state=Chunk.State.WAITING, crashes=F("crashes") + 1))


def _unwritten(gap: int) -> dict[str, object]:
    return {
        "state": Measurement.State.FAILED,
        "problem": f"The scores from example {gap + 1:,} on were never written.",
    }


def _sealed_or_failed(
    measurement: Measurement, run: Run, answered: NDArray[np.bool_]
) -> dict[str, object]:
    """Seal one measurement; one whose value cannot be computed holds up no other, nor its run."""
    try:
        return _sealed(measurement, run, answered)
    except NoClassesError as exc:
        return {"state": Measurement.State.FAILED, "problem": str(exc)}
    except VALUE_FAULTS as exc:
        log.warning("value failed", exc_info=exc)
        return {
            "state": Measurement.State.FAILED,
            "problem": f"Its value could not be computed: {type(exc).__name__}.",
        }


def _sealed(measurement: Measurement, run: Run, answered: NDArray[np.bool_]) -> dict[str, object]:
    """Return what a measurement's row gets once all its scores are there."""
    scores = scores_in_blocks(measurement)
    yardstick = yardstick_of(measurement)
    found = estimate(
        scores.column(yardstick), yardstick, clusters=clusters(run.version), seed=run.seed
    )
    interval = found.interval if isinstance(found.interval, Interval) else None
    reasons = np.bincount(scores.reasons.ravel(), minlength=len(Reason)).tolist()
    return {
        "state": Measurement.State.SCORED,
        "value": found.value,
        "low": interval.low if interval else None,
        "high": interval.high if interval else None,
        "interval_method": interval.method if interval else "",
        "no_interval": "" if isinstance(found.interval, Interval) else found.interval.reason,
        "like_these": for_annotators_like_these(measurement, run),
        "answered_only": (
            found.value if answered.all() else _answered_only(scores, yardstick, answered)
        ),
        "n_scored": reasons[Reason.SCORED],
        "unscored": {
            reason.code: reasons[reason]
            for reason in Reason
            if reasons[reason] and reason not in (Reason.SCORED, Reason.FAILED)
        },
        "n_failed": reasons[Reason.FAILED],
    }


def _answered_only(
    scores: StoredScores, yardstick: Yardstick, answered: NDArray[np.bool_]
) -> float | None:
    """Return the value without errors and missing outputs."""
    column = scores.column(yardstick)
    kept = yardstick.units(
        Column(values=np.where(answered, column.values, np.nan), statistics=column.statistics)
    )
    scored = ~np.isnan(kept.values)
    value = value_of(kept.at(scored), yardstick) if scored.any() else math.nan
    return None if math.isnan(value) else value
