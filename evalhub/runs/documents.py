"""Retrieved documents as a page shows them: as metrics rank them, beside what was relevant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from metrics.batch import Json
from metrics.ranking import BY_ID, BY_SCORE, Ranking

_RANKING = Ranking(order=BY_SCORE, ties=BY_ID)


def ranked(retrieved: Sequence[Mapping[str, Any]], relevant: Mapping[str, float]) -> list[str]:
    """Return a line for each document, from the best on: its rank, id, grade, score and text.

    A document that is listed twice stands here once, as metrics count it.
    """
    best = {one["id"]: one for one in sorted(retrieved, key=_score)}
    return [
        f"{rank}. {_document(best[name], relevant.get(name))}"
        for rank, name in enumerate(_RANKING.documents(retrieved), start=1)
    ]


def missed(retrieved: Sequence[Mapping[str, Json]], relevant: Mapping[str, float]) -> list[str]:
    """Return a line for each relevant document that was not retrieved, the best grade first."""
    found = {one["id"] for one in retrieved}
    grades = sorted(relevant.items(), key=lambda item: (-item[1], item[0]))
    return [
        f"{name}, grade {grade:g}" for name, grade in grades if grade > 0 and name not in found
    ]


def _score(document: Mapping[str, Any]) -> float:
    score: float | None = document.get("score")
    return float("-inf") if score is None else score


def _document(document: Mapping[str, Any], grade: float | None) -> str:
    head = str(document["id"])
    if grade is not None:
        head += f", grade {grade:g}"
    if document.get("score") is not None:
        head += f" ({document['score']:g})"
    return f"{head}: {document['text']}" if document.get("text") else head
