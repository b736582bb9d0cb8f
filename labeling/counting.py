"""Which answers count for a question: those given to it under any version that means the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from labeling.models import Campaign, Question

Comparable: TypeAlias = Mapping[str, frozenset[int]]


def comparable_sets(campaign: Campaign) -> Comparable:
    """Return, by the name of each question asked now, the question sets whose answers count.

    A question that got another scale begins anew: answers under the old one stay where they are
    and are exported, and enter neither agreement nor scores.
    """
    now = {question.name: question.meaning for question in campaign.asked}
    found: dict[str, set[int]] = {name: set() for name in now}
    for question in Question.objects.filter(question_set__campaign=campaign):
        if question.name in now and question.meaning == now[question.name]:
            found[question.name].add(question.question_set_id)
    return {name: frozenset(sets) for name, sets in found.items()}
