"""A baseline under an old signature is scored again first; the comparison waits, and says so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from django.urls import reverse

from evalhub.accounts.services import Actor
from evalhub.errors import NotAllowed, NotYet
from evalhub.reports.outdated import Outdated, histories, outdated, specs_of
from evalhub.reports.sides import Pairing
from evalhub.runs import rescored, rescoring
from evalhub.runs.models import Measurement, Rescoring, Run
from evalhub.runs.selectors import Progress

RETRY_AFTER: Final = 2  # seconds


class ScoredAgainFirst(NotYet):
    """A comparison waits until one of its runs has been scored again."""

    default_code = "scored_again_first"

    def __init__(self, detail: str, rescoring: Rescoring) -> None:
        super().__init__(detail, retry_after=RETRY_AFTER)
        self.rescoring = rescoring
        self.location = reverse("runs:api_rescoring", args=[rescoring.public_id])

    @property
    def progress(self) -> Progress:
        return rescored.record_of(self.rescoring).progress

    def as_dict(self) -> dict[str, object]:
        """Return what a program is told: the question is taken, and how far the work is."""
        progress = self.progress
        return {
            "state": "waiting",
            "detail": self.detail,
            "rescoring": self.rescoring.public_id,
            "progress": {"done": progress.done, "total": progress.total},
        }


def await_scores(run: Run, side: str) -> None:
    """Have the caller wait where a run is just being scored again, whoever asked for that."""
    under_way = rescored.under_way_on(run)
    if under_way is not None:
        raise ScoredAgainFirst(
            f"The {side} {run.public_id} is being scored again; the comparison waits for that.",
            under_way,
        )


def score_again(*, baseline: Run, candidate: Run, actor: Actor, may_score: bool) -> None:
    """See to it that the baseline has its numbers by the candidate's signatures.

    Raises ScoredAgainFirst while workers are at it, and NotAllowed where that is not for the
    caller to ask for. What cannot be scored again is passed over. Asked twice, it is done once.
    """
    wanted = [one for one in outdated(baseline, candidate) if not one.why_not]
    if not wanted:
        return
    if not may_score:
        await_scores(baseline, "baseline")
        raise NotAllowed(
            f"{_first_words(baseline, wanted)} It has to be scored again before the two are "
            "compared, which takes the role lead or owner, or an API key with the scope submit. "
            "Ask one of them to compare these runs once.",
            code="needs_scoring",
        )
    begun = rescoring.begin(
        dataset=baseline.version.dataset,
        metrics=specs_of(wanted),
        runs=[baseline.public_id],
        for_comparison=True,
        actor=actor,
    )
    raise ScoredAgainFirst(
        f"{_first_words(baseline, wanted)} It is being scored again, and the comparison waits for "
        "that.",
        begun,
    )


def _first_words(baseline: Run, wanted: Sequence[Outdated]) -> str:
    names = ", ".join(one.wanted.name for one in wanted)
    return (
        f"The baseline {baseline.public_id} has no number of {names} under the candidate's "
        "signature."
    )


def noted(baseline: Run, pairs: Sequence[Pairing]) -> list[dict[str, str]]:
    """Return for which metrics the baseline was scored again, when, and under which signature."""
    history = histories(baseline)
    return [
        {
            "metric": pair.name,
            "signature": pair.baseline.signature,
            "before": before[-1].signature,
            "at": (pair.baseline.scored_at or pair.baseline.created_at).isoformat(),
            "measurement": pair.baseline.public_id,
        }
        for pair in pairs
        if (before := _before(history.get(pair.name, ()), pair.baseline))
    ]


def _before(history: Sequence[Measurement], ours: Measurement) -> list[Measurement]:
    """Return what the run answered with earlier, of the same outputs, by another signature."""
    return [
        one
        for one in history
        if one.generation < ours.generation
        and not one.is_for_comparison
        and one.signature != ours.signature
        and one.state == Measurement.State.SCORED
    ]
