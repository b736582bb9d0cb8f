"""What the REST interface of decisions takes and answers."""

from __future__ import annotations

from evalhub.openapi import (
    NDJSON,
    Body,
    anything,
    component,
    mapping,
    members,
    moment,
    one_of,
    operation,
    text,
    whole,
)
from labeling.models import DecisionReason
from labeling.openapi import TAG, UNIT

DECISION = members(
    "",
    ["answers", "reason"],
    **UNIT,
    answers=mapping(
        anything(), "By question, for those that are decided; null means “cannot be judged”."
    ),
    reason=one_of(DecisionReason.values, "Why people differed."),
    note=text(),
    revision=whole("Of the decision that the line replaces; 0 where there is none, by default."),
    at=moment("In exports; passed over when a line comes back."),
    by=text("Who decided, in exports; passed over when a line comes back."),
)
COMPONENTS = {"Decision": DECISION}

export_decisions = operation(
    "export_decisions",
    tag=TAG,
    summary="Export the decisions",
    detail="JSON lines that POST takes back: what experts decided where people differed, with "
    "the reason. Answers to a question that is asked otherwise today are left out.",
    scope="read",
    path=["campaign_id"],
    answers={},
    media={NDJSON: {**component("Decision")}},
)
import_decisions = operation(
    "import_decisions",
    tag=TAG,
    summary="Decide",
    detail="All or nothing. A decision wins over the majority in published labels and never "
    "enters agreement. The same line sent again changes nothing; one that replaces a decision "
    "names its revision, so that nothing is overwritten unseen.",
    scope="admin",
    path=["campaign_id"],
    body=Body(
        shapes={NDJSON: DECISION},
        words="JSON lines, up to 64 MiB; gzip is accepted.",
        example=[
            {
                "system": "first-try",
                "key": "fr",
                "answers": {"faithful": 3},
                "reason": "guideline_gap",
            }
        ],
    ),
    answers={
        200: (
            "How many are new, replace another, or were there.",
            members(accepted=whole(), replaced=whole(), unchanged=whole()),
        )
    },
    errors=[400, 409, 413, 422],
    is_idempotent=True,
)
