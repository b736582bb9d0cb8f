"""Measurements that a run has beside those it answers with, and why they are not the current."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from evalhub.runs.models import Measurement, Run


@dataclass(frozen=True)
class Earlier:
    """A measurement that is not the current one of its name, and why, in a sentence."""

    measurement: Measurement
    why: str

    @property
    def is_failed_since(self) -> bool:
        """Whether it came after the current one, and failed."""
        return self.why.startswith(_FAILED)


_FAILED = "It was scored again and failed"


def earlier_of(run: Run, current: Sequence[Measurement]) -> list[Earlier]:
    """Return all other generations, by name in the run's order, the newest first."""
    by_name: dict[str, list[Measurement]] = defaultdict(list)
    for one in run.measurements.order_by("-generation"):
        by_name[one.name].append(one)
    return [
        Earlier(one, _why(one, answering, by_name[answering.name]))
        for answering in current
        for one in by_name[answering.name]
        if one.pk != answering.pk
    ]


def _why(one: Measurement, current: Measurement, generations: Sequence[Measurement]) -> str:
    if one.is_for_comparison:
        return f"A comparison asked for it, by the candidate's signature. {one.problem}".strip()
    if one.generation > current.generation:
        if one.state == Measurement.State.FAILED:
            return f"{_FAILED}, so the number before it stands. {one.problem}".strip()
        return "Its scoring was cancelled; the number before it stands."
    since = [other for other in generations if one.generation < other.generation]
    if any(other.is_after_reopening for other in since):
        return "The run was reopened since: this is about its outputs before."
    if one.state != Measurement.State.SCORED:
        return f"It was {one.state}; another has been scored since."
    if one.signature != current.signature:
        return "It was scored again since, by another signature."
    return "It was scored again since, by the same signature."
