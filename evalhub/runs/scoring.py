"""Score a chunk of a run with all automatic metrics of its job, in one pass over the texts."""

from __future__ import annotations

import logging

from evalhub.runs import queue
from evalhub.runs.columns import NewColumn, covers
from evalhub.runs.material import material_of
from evalhub.runs.models import Measurement, Run
from evalhub.runs.queue import Claim
from metrics.base import Metric, MetricParamsError, Workspace
from metrics.cache import TextCache
from metrics.catalog import MetricSpec, build

log = logging.getLogger("evalhub.runs.scoring")

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
    columns: list[NewColumn] = []
    if metrics:
        run = Run.objects.select_related("version").get(pk=claim.run_id)
        wanted = {column for metric in metrics.values() for column in metric.reads}
        material = material_of(run, claim.start, claim.stop, wanted)
        workspace = Workspace(material.batch, _references)
        for pk, metric in metrics.items():
            found = _scored(pk, metric, workspace, material.digest, claim)
            if isinstance(found, NewColumn):
                columns.append(found)
            else:
                problems[pk] = found
    queue.finish(claim, columns=columns, problems=problems)


def measurements_at_work(claim: Claim) -> list[Measurement]:
    """Return the measurements that a job still fills, in a fixed order."""
    at_work = Measurement.objects.filter(jobs=claim.job_id, state=Measurement.State.SCORING)
    return list(at_work.order_by("order", "pk"))


def metric_of(measurement: Measurement) -> Metric:
    """Return the automatic metric that a measurement was asked for."""
    return build(MetricSpec(name=measurement.metric, params=measurement.params))


def _scored(
    pk: int, metric: Metric, workspace: Workspace, digest: str, claim: Claim
) -> NewColumn | str:
    """Return the measurement's column, or the sentence why it cannot be computed."""
    try:
        scores = workspace.scores_of(metric)
    except MemoryError:
        raise  # that is the chunk's size, not the metric
    except Exception as exc:
        log.warning("metric failed", exc_info=exc)
        return (
            f"The metric {metric.name} stopped with {type(exc).__name__} on the examples "
            f"{claim.start + 1:,} to {claim.stop:,}."
        )
    return NewColumn(
        measurement_id=pk,
        start=claim.start,
        n=claim.stop - claim.start,
        scores=scores,
        inputs_digest=digest,
    )
