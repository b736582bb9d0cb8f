"""Scorers for tests: proposed, approved, and what a service answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from evalhub.accounts.services import COMMAND_LINE
from evalhub.scorers.models import Scorer
from evalhub.scorers.selectors import newest_revision
from evalhub.scorers.services import Proposal, approve_host, propose_scorer
from tests.evalhub.judging.endpoint import Asked, Behavior, sends

URL = "https://scorer.example.org/score"


def a_scorer(project, *, url: str = URL, approved: bool = True, **fields) -> Scorer:
    """Return a scorer of a project, with values from 0 to 1, whose host is approved."""
    wished = {"slug": "polite", "version": "1", "low": 0.0, "high": 1.0, **fields}
    proposal = Proposal(url=url, **wished)
    scorer = propose_scorer(project=project, proposal=proposal, actor=COMMAND_LINE).scorer
    if approved:
        approve(scorer)
    return scorer


def approve(scorer: Scorer) -> None:
    origin = newest_revision(scorer).origin
    approve_host(scorer=scorer, origin=origin, actor=COMMAND_LINE)


def answers(scores: object, *, protocol: object = 1) -> Behavior:
    """Answer with these scores, whatever was asked."""
    return sends(200, json.dumps({"protocol": protocol, "scores": scores}).encode())


def each(give: Callable[[Any], Any]) -> Callable[[Asked], Behavior]:
    """Answer every item with what `give` says of it; None leaves it out."""

    def script(asked: Asked) -> Behavior:
        said = [(one, give(one)) for one in asked.body["items"]]
        return answers([{"id": one["id"], **score} for one, score in said if score is not None])

    return script


def by_length(item: Mapping[str, Any]) -> dict[str, float]:
    """Score an output by its length, a tenth for each letter."""
    return {"value": min(len(item["output"]) / 10, 1.0)}
