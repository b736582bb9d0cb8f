"""What the REST interface of decisions and controls takes and answers."""

from __future__ import annotations

from evalhub.openapi import (
    NDJSON,
    Body,
    anything,
    component,
    mapping,
    members,
    moment,
    number,
    one_of,
    operation,
    text,
    whole,
)
from labeling.models import DecisionReason, Purpose
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
KNOWN = members(
    "",
    ["answers"],
    **UNIT,
    answers=mapping(anything(), "By question, for those that have a right answer."),
    tolerance=number("How far from a right number or point still counts as right; 0 by default."),
    explanation=text("Shown in the qualification."),
    purpose=one_of([Purpose.CONTROL.value, Purpose.QUALIFICATION.value], "control by default."),
)
COMPONENTS = {"Decision": DECISION, "Control": KNOWN}
TAKEN = members(accepted=whole(), replaced=whole(), unchanged=whole())

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
            TAKEN,
        )
    },
    errors=[400, 409, 413, 422],
    is_idempotent=True,
)
export_controls = operation(
    "export_controls",
    tag=TAG,
    summary="Read the controls",
    detail="The right answers of control units and of the qualification, as JSON lines that POST "
    "takes back.",
    scope="admin",
    path=["campaign_id"],
    answers={},
    media={NDJSON: {**component("Control")}},
)
import_controls = operation(
    "import_controls",
    tag=TAG,
    summary="Set controls",
    detail="All or nothing, 1,000 lines at most. The example of a unit with right answers is not "
    "labeled any more. The same line sent again changes nothing, another one replaces it.",
    scope="admin",
    path=["campaign_id"],
    body=Body(
        shapes={NDJSON: KNOWN},
        words="JSON lines; gzip is accepted.",
        example=[{"system": "first-try", "key": "fr", "answers": {"faithful": 4}, "tolerance": 1}],
    ),
    answers={200: ("How many are new, replace another, or were there.", TAKEN)},
    errors=[400, 409, 413, 422],
    is_idempotent=True,
)
