"""A program asks for a comparison that waits for workers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar
from urllib.parse import urlencode

from django.http import HttpRequest

from evalhub.reports.scored_again import ScoredAgainFirst
from evalhub.runs import waiting

T = TypeVar("T")


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
