"""A program asks for comparisons that are not there yet: workers come first, or there are many."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar
from urllib.parse import urlencode

from django.http import HttpRequest

from evalhub.errors import NotYet
from evalhub.reports.many import STEP, Many
from evalhub.reports.scored_again import ScoredAgainFirst
from evalhub.runs import waiting

T = TypeVar("T")
# How long one request compares, in seconds, however long it may wait.
MOST_SECONDS = 5.0


class StillComparing(NotYet):
    """Some of many candidates are compared; whoever asks again goes on from there."""

    default_code = "still_comparing"

    def __init__(self, many: Many) -> None:
        super().__init__(
            f"{many.n_done} of {len(many.rows)} candidates are compared so far. Ask again: each "
            "request goes on from there."
        )
        self.done, self.total = many.n_done, len(many.rows)

    def as_dict(self) -> dict[str, object]:
        progress = {"done": self.done, "total": self.total}
        return {
            "state": "waiting",
            "detail": self.detail,
            "rescoring": None,
            "progress": progress,
        }


def step_seconds(wait: float) -> float:
    """Return how long a request that may wait so long goes on comparing."""
    return min(max(wait, STEP), MOST_SECONDS)


def whole(many: Many) -> Many:
    """Return many comparisons once they are all there; raises what says how far they are."""
    if many.waits is not None:
        raise many.waits
    if not many.is_whole:
        raise StillComparing(many)
    return many


def patiently(ask: Callable[[], T], *, seconds: float) -> T:
    """Return what `ask` does; where it has to wait for scores, ask again within this time.

    Raises ScoredAgainFirst when the time is over, or too many wait already. No transaction and no
    lock is held meanwhile.
    """
    try:
        return ask()
    except ScoredAgainFirst as exc:
        pk = exc.rescoring.pk
        if not seconds or not waiting.until(lambda: waiting.is_rescored(pk), seconds=seconds):
            raise
        return ask()


def same_question(request: HttpRequest) -> str:
    """Return where the same question is asked again, without the waiting that was asked for."""
    kept = [(name, value) for name, value in request.GET.lists() if name != "wait"]
    return f"{request.path}?{urlencode(kept, doseq=True)}"
