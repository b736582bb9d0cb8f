"""What the REST interface says of runs, measurements and outputs."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from evalhub.runs.listing import Record
from evalhub.runs.models import Measurement, Output, Run
from evalhub.runs.pictures import SliceRow
from evalhub.runs.places import Row
from evalhub.runs.rescored import RescoringRecord, RunRow
from metrics.classes.confusion import Confusion

Answer = dict[str, Any]

_NUMBERS = (
    *("latency_ms", "ttft_ms", "input_tokens", "output_tokens", "cached_tokens"),
    *("cost", "confidence"),
)
_NO_VALUE = {
    Measurement.State.WAITING: "The run is not finished.",
    Measurement.State.SCORING: "The run is being scored.",
    Measurement.State.CANCELLED: "The measurement was cancelled.",
    Measurement.State.SCORED: "The value is undefined.",
}


def run_answer(record: Record) -> Answer:
    """Return a run: first what the contract names, then what else is known of it."""
    run = record.run
    return {
        "id": run.public_id,
        "state": run.state,
        "progress": {"done": record.progress.done, "total": record.progress.total},
        "coverage": coverage(run),
        "metrics": {one.name: metric_answer(one) for one in record.measurements},
        "project": run.project.slug,
        "dataset": run.version.dataset.slug,
        "version": run.version.number,
        "system": run.system_version.system.slug,
        "system_version": run.system_version.name or None,
        "attempts": run.attempts,
        "git_commit": run.git_commit or None,
        "params": run.params,
        "tags": run.tags,
        "external_id": run.external_id or None,
        "seed": run.seed,
        "environment": run.environment,
        "created_at": run.created_at,
        "finished_at": run.finished_at,
        "scored_at": run.scored_at,
    }


def coverage(run: Run) -> dict[str, int]:
    """Return how many outputs there are of how many, and how many of them are errors."""
    return {
        "expected": run.n_expected,
        "received": run.n_outputs,
        "errors": run.n_errors,
        "missing": run.n_expected - run.n_outputs,
    }


def metric_answer(measurement: Measurement) -> Answer:
    """Return what a run says of one metric; where a value is null, `reason` is a sentence."""
    is_scored = measurement.state == Measurement.State.SCORED
    reasons = dict(measurement.unscored)
    if measurement.n_failed:
        reasons["failed"] = measurement.n_failed
    return {
        "value": measurement.value,
        "low": measurement.low,
        "high": measurement.high,
        "n": measurement.n_scored,
        "unscored": sum(reasons.values()),
        "signature": measurement.signature,
        "state": measurement.state,
        "reason": None if measurement.value is not None else why_no_value(measurement),
        "no_interval": measurement.no_interval or None,
        "interval_method": measurement.interval_method or None,
        "answered_only": measurement.answered_only if is_scored else None,
        "unscored_reasons": reasons,
        "measurement": measurement.public_id,
        "kind": measurement.kind,
        "metric": measurement.metric,
        "params": measurement.params,
        "higher_is_better": measurement.higher_is_better,
        "range": [measurement.low_bound, measurement.high_bound],
    }


def why_no_value(measurement: Measurement) -> str:
    """Return why a measurement has no value, in a sentence."""
    state = Measurement.State(measurement.state)
    return measurement.problem or measurement.no_interval or _NO_VALUE.get(state, "It failed.")


def measurement_answer(measurement: Measurement, *, is_current: bool) -> Answer:
    """Return one measurement with its name and generation."""
    return {
        "id": measurement.public_id,
        "as": measurement.name,
        "generation": measurement.generation,
        "is_current": is_current,
        "environment": measurement.environment,
        **metric_answer(measurement),
        "created_at": measurement.created_at,
        "scored_at": measurement.scored_at,
    }


def confusion_answer(measurement: Measurement, confusion: Confusion) -> Answer:
    """Return a confusion matrix and its classes."""
    return {
        "metric": measurement.name,
        "labels": list(confusion.labels),
        "matrix": confusion.matrix[:, :-1].tolist(),
        "other": confusion.other,
        "classes": [
            {
                name: None if isinstance(value, float) and math.isnan(value) else value
                for name, value in asdict(row).items()
            }
            for row in confusion.classes()
        ],
    }


def slice_answer(levels: Mapping[str, str], row: SliceRow) -> Answer:
    """Return the value over the examples of one slice, named by field."""
    return {
        "slice": dict(levels),
        "n": row.n,
        "unscored": row.n_unscored,
        "value": row.estimate.value,
        "low": row.low,
        "high": row.high,
        "interval_method": row.interval.method if row.interval else None,
        "no_interval": row.why_none or None,
        "is_small": row.is_small,
    }


def rescoring_answer(record: RescoringRecord) -> Answer:
    """Return a re-scoring: how far it is, and what was asked for."""
    rescoring = record.rescoring
    return {
        "id": rescoring.public_id,
        "state": rescoring.state,
        "progress": {"done": record.progress.done, "total": record.progress.total},
        "runs": {"total": record.n_runs, **record.runs},
        "project": rescoring.project.slug,
        "dataset": rescoring.dataset.slug,
        "version": rescoring.version.number if rescoring.version else None,
        "metrics": rescoring.specs,
        "again": rescoring.is_again,
        "created_at": rescoring.created_at,
        "ended_at": rescoring.ended_at,
    }


def rescored_run_answer(row: RunRow) -> Answer:
    """Return what a re-scoring did to one run: by metric, its number before and since."""
    return {
        "run": row.run.public_id,
        "state": row.state,
        "reason": row.why or None,
        "metrics": {
            change.name: {
                "before": _number(change.before),
                "after": _number(change.after),
            }
            for change in row.changes
        },
    }


def _number(measurement: Measurement | None) -> Answer | None:
    if measurement is None:
        return None
    names = ("value", "low", "high", "signature", "state")
    return {
        "measurement": measurement.public_id,
        **{name: getattr(measurement, name) for name in names},
    }


def output_answer(row: Row) -> Answer:
    """Return one output with its scores, and the reasons where there are none."""
    return {
        "key": row.example.key,
        "attempt": row.attempt,
        **_given(row.output),
        "scores": {name: score.value for name, score in row.scores.items()},
        "unscored": {name: score.unscored for name, score in row.scores.items() if score.unscored},
        "position": row.position,
    }


def _given(output: Output | None) -> Answer:
    if output is None:
        return {"output": None, "error": None}
    return {
        "output": output.text if output.data is None else json.loads(output.data),
        "error": output.error,
        **{name: getattr(output, name) for name in _NUMBERS},
        "retrieved": json.loads(output.retrieved) if output.retrieved else None,
        "trace_id": output.trace_id or None,
        "metadata": json.loads(output.metadata) if output.metadata else None,
    }
