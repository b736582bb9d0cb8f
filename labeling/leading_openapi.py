"""What the REST interface takes and answers where leads change a campaign under way."""

from __future__ import annotations

from evalhub.openapi import (
    component,
    json_body,
    listing,
    members,
    moment,
    nullable,
    one_of,
    operation,
    text,
    whole,
)
from labeling.asking import Change
from labeling.models import Campaign
from labeling.openapi import TAG

_State = Campaign.State
_VERSIONS = listing(
    members(version=whole(), note=text("What changed."), created_at=moment()), "The newest first."
)
_SEEN = whole("The version that you changed; 409 when another one came meanwhile.")
COMPONENTS = {
    "Guidelines": members(
        version=whole("From 1; 0 where there are none."),
        text=text("Markdown."),
        versions=_VERSIONS,
    ),
    "AskedQuestions": members(
        version=whole("From 1."),
        questions=listing(component("Question")),
        versions=_VERSIONS,
        changes=listing(
            members(
                name=text(),
                change=one_of(list(Change), "What becomes of the question."),
                detail=text("What becomes of the answers so far, in a sentence."),
            ),
            "After a change only.",
        ),
    ),
}

read_guidelines = operation(
    "read_guidelines",
    tag=TAG,
    summary="Read the guidelines of a campaign",
    detail="As they are now, with the list of their versions.",
    scope="read",
    path=["campaign_id"],
    answers={200: ("The guidelines.", component("Guidelines"))},
)
change_guidelines = operation(
    "change_guidelines",
    tag=TAG,
    summary="Change the guidelines",
    detail="A new version, which each annotator is shown until they say that they read it. The "
    "same text again is no new version.",
    scope="admin",
    path=["campaign_id"],
    body=json_body(
        members("", ["text"], text=text("Markdown."), note=text("What changed."), seen=_SEEN),
        example={"text": "Read twice.", "note": "Twice, not once.", "seen": 1},
    ),
    answers={
        200: ("Nothing is different.", component("Guidelines")),
        201: ("The new version.", component("Guidelines")),
    },
    errors=[400, 409, 413, 422],
    is_idempotent=True,
)
read_questions = operation(
    "read_questions",
    tag=TAG,
    summary="Read the questions of a campaign",
    detail="As they are asked now, with the list of their versions.",
    scope="read",
    path=["campaign_id"],
    answers={200: ("The questions.", component("AskedQuestions"))},
)
change_questions = operation(
    "change_questions",
    tag=TAG,
    summary="Ask other questions from now on",
    detail="A new version; no answer given so far is touched. Answers go on counting for a "
    "question that keeps its name, kind, scale and values; `changes` says so for each.",
    scope="admin",
    path=["campaign_id"],
    body=json_body(
        members(
            "",
            ["questions"],
            questions=listing(component("Question"), "All that are asked from now on, in order."),
            note=text("What changed."),
            seen=_SEEN,
        ),
        example={"questions": [{"name": "faithful", "kind": "rating"}], "seen": 1},
    ),
    answers={
        200: ("Nothing is different.", component("AskedQuestions")),
        201: ("The new version.", component("AskedQuestions")),
    },
    errors=[400, 409, 413, 422],
    is_idempotent=True,
)
change_state = operation(
    "change_campaign_state",
    tag=TAG,
    summary="Pause a campaign, let it go on, or close it",
    detail="Paused, it hands nothing out and takes nothing, and keeps what people have chosen. "
    "Closed, it takes no more answers for good, and what is there is published.",
    scope="admin",
    path=["campaign_id"],
    body=json_body(
        members("", ["state"], state=one_of([_State.OPEN, _State.PAUSED, _State.CLOSED])),
        example={"state": "paused"},
    ),
    answers={
        200: (
            "The state it is in.",
            members(
                id=text("cam_…"),
                state=one_of(Campaign.State.values),
                closed_at=nullable(moment()),
                published_at=nullable(moment()),
            ),
        )
    },
    errors=[400, 409, 413, 422],
    is_idempotent=True,
)
