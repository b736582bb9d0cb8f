"""What experts decided, a line each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from labeling.counting import comparable_sets
from labeling.exports.annotations import moment
from labeling.exports.names import Names
from labeling.models import Campaign, Decision

AT_ONCE: Final = 2_000


def decision_rows(campaign: Campaign) -> Iterator[dict[str, Any]]:
    """Yield every decision that stands, in the form in which decisions are taken.

    Answers to a question that is asked otherwise today are left out: they decide nothing now.
    """
    names, comparable = Names.of(campaign), comparable_sets(campaign)
    decisions = (
        Decision.objects.filter(unit__campaign=campaign)
        .select_related("unit", "decided_by")
        .order_by("pk")
    )
    last = 0
    while page := list(decisions.filter(pk__gt=last)[:AT_ONCE]):
        for decision in page:
            answers = {
                name: answer
                for name, answer in decision.answers.items()
                if decision.question_set_id in comparable.get(name, ())
            }
            if answers:
                yield {
                    "unit": decision.unit.public_id,
                    **names.place(decision.unit),
                    "answers": answers,
                    "reason": decision.reason,
                    "note": decision.note,
                    "revision": decision.revision,
                    "at": moment(decision.at),
                    "by": decision.decided_by.username if decision.decided_by else None,
                }
        last = page[-1].pk
