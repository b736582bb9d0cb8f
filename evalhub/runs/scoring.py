"""Score a chunk of a run with all automatic metrics of its job, in one pass over the texts."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from evalhub.runs import queue
from evalhub.runs.apart import scores_apart
from evalhub.runs.columns import NewColumn, covers
from evalhub.runs.material import inputs_digest, pieces_of
from evalhub.runs.models import Measurement, Run
from evalhub.runs.queue import Claim
from evalhub.runs.selectors import living_workers
from metrics.base import Metric, Workspace
from metrics.batch import Batch, Scores, joined
from metrics.cache import TextCache
from metrics.catalog import MetricSpec, build
from metrics.custom import is_custom
from metrics.fields import MetricParamsError
from metrics.soundness import UnsoundError, sound

log = logging.getLogger("evalhub.runs.scoring")

# How long the other workers leave a job alone while an operator's metric is at work.
REST_SECONDS = 1.0
# What this process derived from references: every run on a dataset meets the same ones.
_references = TextCache()


def run_chunk(claim: Claim) -> None:
    """Score the claimed positions and mark the chunk done; a second time changes nothing."""
    measurements = measurements_at_work(claim)
    if covers(measurements, start=claim.start, stop=claim.stop):
        queue.finish(claim)
        return
    metrics: dict[int, Metric] = {}
    problems: dict[int, str] = {}
    for measurement in measurements:
        try:
            metrics[measurement.pk] = metric_of(measurement)
        except MetricParamsError as exc:
            problems[measurement.pk] = str(exc)
    columns = _columns(claim, metrics, problems) if metrics else []
    queue.finish(claim, columns=columns, problems=problems)


def run_own_chunk(claim: Claim) -> None:
    """Score with an operator's metric, which may hang: never on more than half of the workers."""
    if queue.at_work_besides(claim) >= max(1, living_workers() // 2):
        queue.rest(claim, seconds=REST_SECONDS, is_try=False)
        return
    run_chunk(claim)
    queue.end_rest(claim)


def is_own(measurement: Measurement) -> bool:
    """Say whether a measurement is made by a metric of the operator's own."""
    if measurement.kind != Measurement.Kind.AUTOMATIC:
        return False
    try:
        return is_custom(metric_of(measurement))
    except MetricParamsError:  # it is not loaded any more: scoring says so
        return False


def _columns(
    claim: Claim, metrics: dict[int, Metric], problems: dict[int, str]
) -> list[NewColumn]:
    """Score the claimed positions, piece by piece, by the metrics of these measurements.

    A metric that cannot be computed goes into `problems`, and the others go on.
    """
    run = Run.objects.select_related("version").get(pk=claim.run_id)
    wanted = {column for metric in metrics.values() for column in metric.reads}
    parts: dict[int, list[Scores]] = {pk: [] for pk in metrics}
    examples: list[bytes] = []
    outputs: list[bytes] = []
    for material in pieces_of(run, claim.start, claim.stop, wanted):
        examples += material.example_digests
        outputs += material.output_digests
        at_work = {pk: metric for pk, metric in metrics.items() if pk not in problems}
        for pk, found in _scored(at_work, material.batch, claim).items():
            if isinstance(found, Scores):
                parts[pk].append(found)
            else:
                problems[pk] = found
    digest = inputs_digest(claim.start, examples, outputs)
    return [
        NewColumn(
            measurement_id=pk,
            start=claim.start,
            n=claim.stop - claim.start,
            scores=joined(scores),
            inputs_digest=digest,
        )
        for pk, scores in parts.items()
        if pk not in problems
    ]


def measurements_at_work(claim: Claim) -> list[Measurement]:
    """Return the measurements that a job still fills, in a fixed order."""
    at_work = Measurement.objects.filter(jobs=claim.job_id, state=Measurement.State.SCORING)
    return list(at_work.order_by("order", "pk"))


def metric_of(measurement: Measurement) -> Metric:
    """Return the automatic metric that a measurement was asked for."""
    return build(MetricSpec(name=measurement.metric, params=measurement.params))


def _scored(metrics: Mapping[int, Metric], batch: Batch, claim: Claim) -> dict[int, Scores | str]:
    """Return each metric's scores of a batch, or the sentence why they cannot be computed."""
    workspace = Workspace(batch, _references)
    return {pk: _scored_by(metric, workspace, claim) for pk, metric in metrics.items()}


def _scored_by(metric: Metric, workspace: Workspace, claim: Claim) -> Scores | str:
    try:
        if is_custom(metric):
            return scores_apart(metric, workspace.batch)
        return sound(workspace.scores_of(metric), metric, len(workspace.batch))
    except UnsoundError as exc:
        return f"The metric {metric.name} failed on the examples {_named(claim)}. {exc}"
    except MemoryError:
        raise  # that is the chunk's size, not the metric
    except Exception as exc:
        log.warning("metric failed", exc_info=exc)
        return (
            f"The metric {metric.name} stopped with {type(exc).__name__} on the examples "
            f"{_named(claim)}."
        )


def _named(claim: Claim) -> str:
    return f"{claim.start + 1:,} to {claim.stop:,}"
