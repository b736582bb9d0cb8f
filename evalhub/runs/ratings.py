"""Ratings of outputs: what people and judges said, kept once for each rater."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from django.db.models import QuerySet

from evalhub.runs.models import Measurement, Rating


@dataclass(frozen=True, kw_only=True, slots=True)
class RatingRow:
    """One rater's value for one output, or the reason (metrics.reasons) why there is none."""

    position: int
    attempt: int
    rater: str
    value: float | None
    reason: int = 0
    at: datetime
    revision: int = 1
    is_decision: bool = False


def save_ratings(measurement_id: int, ratings: Sequence[RatingRow]) -> None:
    """Keep ratings of a measurement at work; a rater's later word replaces the earlier one."""
    Rating.objects.bulk_create(
        [Rating(measurement_id=measurement_id, **asdict(rating)) for rating in ratings],
        update_conflicts=True,
        unique_fields=["measurement", "position", "attempt", "rater"],
        update_fields=["value", "reason", "at", "revision", "is_decision"],
        batch_size=500,
    )


def rename_rater(measurements: QuerySet[Measurement], *, former: str, name: str) -> None:
    """Give a rater another name in these measurements; what was said stays as it is."""
    Rating.objects.filter(measurement__in=measurements, rater=former).update(rater=name)
