"""Build the score columns of a chunk from ratings: a cache of what people or judges said."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from evalhub.runs import queue
from evalhub.runs.columns import NewColumn
from evalhub.runs.models import Measurement, Rating, Run
from evalhub.runs.queue import Claim
from evalhub.runs.scoring import measurements_at_work
from metrics.base import Scores
from metrics.reasons import Reason
from metrics.resolution import Rule, resolve

_FIELDS = ("position", "attempt", "rater", "value", "reason")
_Said = tuple[int, int, str, float | None, int]


def run_chunk(claim: Claim) -> None:
    """Resolve the ratings of the claimed positions and mark the chunk done."""
    attempts = Run.objects.values_list("attempts", flat=True).get(pk=claim.run_id)
    columns = [
        column_of(measurement, start=claim.start, stop=claim.stop, attempts=attempts)
        for measurement in measurements_at_work(claim)
    ]
    queue.finish(claim, columns=columns)


def column_of(measurement: Measurement, *, start: int, stop: int, attempts: int) -> NewColumn:
    """Return one measurement's scores of [start, stop), a row for each attempt."""
    # Sorted here: databases differ in how they order names.
    ratings: Sequence[_Said] = sorted(
        Rating.objects.filter(
            measurement=measurement, position__gte=start, position__lt=stop
        ).values_list(*_FIELDS)
    )
    return NewColumn(
        measurement_id=measurement.pk,
        start=start,
        n=stop - start,
        scores=_resolved(
            ratings, _rule_of(measurement), start=start, n=stop - start, attempts=attempts
        ),
        inputs_digest=hashlib.sha256(repr(ratings).encode()).hexdigest(),
    )


def _rule_of(measurement: Measurement) -> Rule:
    """Return how several answers become one; a judge that is asked once needs no rule."""
    return Rule(measurement.params.get("resolution", Rule.MEAN.value))


def _resolved(
    ratings: Sequence[_Said], rule: Rule, *, start: int, n: int, attempts: int
) -> Scores:
    rows = np.array([(at - start) * attempts + attempt - 1 for at, attempt, *_ in ratings], int)
    values = np.array([np.nan if value is None else value for *_, value, _ in ratings], float)
    resolved = resolve(rows.astype(np.intp), values, n_units=n * attempts, rule=rule)
    reasons = resolved.reasons
    # Where nobody could say, the column keeps why: of several reasons the lowest code.
    nobody = reasons == Reason.CANNOT_JUDGE
    given = np.full(n * attempts, 255, dtype=np.uint8)
    np.minimum.at(given, rows, np.array([reason or 255 for *_, reason in ratings], np.uint8))
    reasons = np.where(nobody, given, reasons).astype(np.uint8)
    return Scores(values=resolved.values, reasons=reasons, statistics=np.zeros((n * attempts, 0)))
