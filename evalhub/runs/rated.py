"""Build the score columns of a chunk from ratings: a cache of what people or judges said.

People rate a choice of outputs, so one without ratings is unscored. A judge is asked about every
output, so where the system gave none, that is the worst answer, as with automatic metrics.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from evalhub.runs import queue
from evalhub.runs.columns import NewColumn
from evalhub.runs.models import Measurement, Rating, Run
from evalhub.runs.queue import Claim
from evalhub.runs.scoring import measurements_at_work
from evalhub.runs.selectors import outputs_between
from metrics.batch import Scores
from metrics.reasons import Reason
from metrics.statistics.resolution import Rule, resolve

_FIELDS = ("position", "attempt", "rater", "value", "reason", "is_decision")
_Said = tuple[int, int, str, float | None, int, bool]


def run_chunk(claim: Claim) -> None:
    """Resolve the ratings of the claimed positions and mark the chunk done."""
    run = Run.objects.get(pk=claim.run_id)
    answered = _answered(run, claim.start, claim.stop)
    columns = [
        column_of(measurement, answered, start=claim.start)
        for measurement in measurements_at_work(claim)
    ]
    queue.finish(claim, columns=columns)


def column_of(measurement: Measurement, answered: NDArray[np.bool_], *, start: int) -> NewColumn:
    """Return one measurement's scores from `start` on, for the shape of `answered`."""
    n, attempts = answered.shape
    # Sorted here: databases differ in how they order names.
    said: list[_Said] = sorted(
        Rating.objects.filter(
            measurement=measurement, position__gte=start, position__lt=start + n
        ).values_list(*_FIELDS)
    )
    scores = _resolved(said, _rule_of(measurement), start=start, n=n, attempts=attempts)
    if measurement.kind == Measurement.Kind.JUDGE:
        scores = _worst_where(~answered.ravel(), scores, measurement)
    digest = hashlib.sha256(repr(said).encode() + answered.tobytes())
    return NewColumn(
        measurement_id=measurement.pk,
        start=start,
        n=n,
        scores=scores,
        inputs_digest=digest.hexdigest(),
    )


def _answered(run: Run, start: int, stop: int) -> NDArray[np.bool_]:
    """Return (positions, attempts): whether the system gave an output."""
    answered = np.zeros((stop - start, run.attempts), dtype=np.bool_)
    given = outputs_between(run, start, stop).filter(error__isnull=True)
    for position, attempt in given.values_list("position", "attempt"):
        answered[position - start, attempt - 1] = True
    return answered


def _worst_where(
    unanswered: NDArray[np.bool_], scores: Scores, measurement: Measurement
) -> Scores:
    worst = measurement.worst
    if worst is None:
        return scores
    return Scores(
        values=np.where(unanswered, worst, scores.values),
        reasons=np.where(unanswered, np.uint8(Reason.SCORED), scores.reasons),
        statistics=scores.statistics,
    )


def _rule_of(measurement: Measurement) -> Rule:
    """Return how several answers become one; a judge that is asked once needs no rule."""
    return Rule(measurement.params.get("resolution", Rule.MEAN.value))


def _resolved(said: Sequence[_Said], rule: Rule, *, start: int, n: int, attempts: int) -> Scores:
    def row_of(position: int, attempt: int) -> int:
        return (position - start) * attempts + attempt - 1

    ratings = [each for each in said if not each[-1]]
    rows = np.array([row_of(at, attempt) for at, attempt, *_ in ratings], int)
    values = np.array([np.nan if value is None else value for *_, value, _, _ in ratings], float)
    decided = {
        row_of(at, attempt): np.nan if value is None else value
        for at, attempt, _, value, _, is_decision in said
        if is_decision
    }
    resolved = resolve(
        rows.astype(np.intp), values, n_units=n * attempts, rule=rule, decided=decided
    )
    reasons = resolved.reasons
    # Where nobody could say, the column keeps why: of several reasons the lowest code.
    nobody = reasons == Reason.CANNOT_JUDGE
    given = np.full(n * attempts, 255, dtype=np.uint8)
    np.minimum.at(given, rows, np.array([reason or 255 for *_, reason, _ in ratings], np.uint8))
    given[list(decided)] = Reason.CANNOT_JUDGE
    reasons = np.where(nobody, given, reasons).astype(np.uint8)
    return Scores(values=resolved.values, reasons=reasons, statistics=np.zeros((n * attempts, 0)))
