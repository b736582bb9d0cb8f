"""Score a chunk of a run with all automatic metrics of its job, in one pass over the texts."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from evalhub.datasets.models import Example
from evalhub.datasets.selectors import examples_at
from evalhub.runs import queue
from evalhub.runs.columns import NewColumn, covers
from evalhub.runs.models import Measurement, Output, Run
from evalhub.runs.queue import Claim
from evalhub.runs.selectors import outputs_between
from metrics.base import Batch, Json, Metric, MetricParamsError, Workspace
from metrics.cache import TextCache
from metrics.catalog import MetricSpec, build

log = logging.getLogger("evalhub.runs.scoring")

# What this process derived from references: every run on a dataset meets the same ones.
_references = TextCache()


class _Expected(msgspec.Struct):
    """The part of an example that metrics read; the decoder passes over the rest."""

    expected_output: Any = None
    references: list[Any] = []


_decode_expected = msgspec.json.Decoder(_Expected).decode


@dataclass(frozen=True, kw_only=True, eq=False)
class Material:
    """What a chunk is scored from: examples and outputs, a row for each attempt."""

    batch: Batch
    digest: str


def run_chunk(claim: Claim) -> None:
    """Score the claimed positions and mark the chunk done; a second time changes nothing."""
    measurements = measurements_at_work(claim)
    if covers(measurements, start=claim.start, stop=claim.stop):
        queue.finish(claim)
        return
    run = Run.objects.select_related("version").get(pk=claim.run_id)
    material = _material(run, claim.start, claim.stop)
    workspace = Workspace(material.batch, _references)
    columns: list[NewColumn] = []
    problems: dict[int, str] = {}
    for measurement in measurements:
        found = _scored(measurement, workspace, material.digest, claim)
        if isinstance(found, NewColumn):
            columns.append(found)
        else:
            problems[measurement.pk] = found
    queue.finish(claim, columns=columns, problems=problems)


def measurements_at_work(claim: Claim) -> list[Measurement]:
    """Return the measurements that a job still fills, in a fixed order."""
    at_work = Measurement.objects.filter(jobs=claim.job_id, state=Measurement.State.SCORING)
    return list(at_work.order_by("order", "pk"))


def metric_of(measurement: Measurement) -> Metric:
    """Return the automatic metric that a measurement was asked for."""
    return build(MetricSpec(name=measurement.metric, params=measurement.params))


def _scored(
    measurement: Measurement, workspace: Workspace, digest: str, claim: Claim
) -> NewColumn | str:
    """Return the measurement's column, or the sentence why it cannot be computed."""
    try:
        metric = metric_of(measurement)
        scores = metric.score_in(workspace)
    except MetricParamsError as exc:
        return str(exc)
    except MemoryError:
        raise  # that is the chunk's size, not the metric
    except Exception as exc:
        log.warning("metric failed", exc_info=exc)
        return (
            f"The metric {measurement.metric} stopped with {type(exc).__name__} on the examples "
            f"{claim.start + 1:,} to {claim.stop:,}."
        )
    return NewColumn(
        measurement_id=measurement.pk,
        start=claim.start,
        n=claim.stop - claim.start,
        scores=scores,
        inputs_digest=digest,
    )


def _material(run: Run, start: int, stop: int) -> Material:
    examples = examples_at(run.version, start, stop)
    outputs: list[Json] = [None] * (len(examples) * run.attempts)
    digests = [b""] * len(outputs)
    for output in outputs_between(run, start, stop):
        row = (output.position - start) * run.attempts + output.attempt - 1
        outputs[row] = _given(output)
        digests[row] = bytes(output.digest)
    expected = [_decode_expected(example.content) for example in examples]
    return Material(
        batch=Batch(
            outputs=outputs,
            expected_outputs=[row.expected_output for row in expected for _ in _each(run)],
            references=[row.references for row in expected for _ in _each(run)],
        ),
        digest=_digest(start, examples, digests),
    )


def _each(run: Run) -> range:
    return range(run.attempts)


def _given(output: Output) -> Json:
    if output.data is None:
        return output.text
    value: Json = msgspec.json.decode(output.data)
    return value


def _digest(start: int, examples: Sequence[Example], outputs: Sequence[bytes]) -> str:
    """Return what tells these inputs from any others."""
    digest = hashlib.sha256(f"{start} {len(examples)} {len(outputs)}".encode())
    for example in examples:
        digest.update(bytes(example.digest))
    for output in outputs:
        digest.update(output or bytes(32))
    return digest.hexdigest()
