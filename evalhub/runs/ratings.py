"""Ratings of outputs: what people and judges said, kept once for each rater."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


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
