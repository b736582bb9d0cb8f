"""What the REST interface of scorers takes and answers."""

from __future__ import annotations

from evalhub.openapi import (
    component,
    flag,
    json_body,
    members,
    moment,
    nullable,
    number,
    operation,
    page_of,
    text,
    whole,
)

TAG = "Scorers"
_BOUND = "{} value; null where there is no bound."

_SCORER = members(
    "A service of somebody's that scores outputs over HTTP.",
    slug=text(),
    metric=text("How a run asks for it, remote_<slug>."),
    title=text(),
    description=text(),
    url=text(),
    origin=text("Scheme, host and port: what an owner approves."),
    version=text("As its owner calls it."),
    revision=whole("From 1; whatever may change a number makes another."),
    signature=text("What its numbers are signed with."),
    higher_is_better=flag(),
    low=nullable(number(_BOUND.format("The lowest"))),
    high=nullable(number(_BOUND.format("The highest"))),
    is_binary=flag("Every value is 0 or 1."),
    timeout_seconds=number("For one request, as a whole."),
    batch_size=whole("The most outputs in one request."),
    has_secret=flag("Whether a secret header is sent; it is never shown."),
    is_approved=flag("Whether an owner lets outputs be sent to its host."),
    is_retired=flag(),
    created_at=moment(),
)
COMPONENTS = {
    "Scorer": _SCORER,
    "ProposedScorer": {
        **_SCORER,
        "description": "A scorer as it was proposed.",
        "properties": {
            **_SCORER["properties"],
            "remark": nullable(text("What to look after: its host is not found just now.")),
        },
    },
}

list_scorers = operation(
    "list_scorers",
    tag=TAG,
    summary="List the scorers of a project",
    detail="All of them, the retired ones last.",
    scope="read",
    path=["project"],
    answers={200: ("The scorers.", page_of(component("Scorer")))},
)
propose_scorer = operation(
    "propose_scorer",
    tag=TAG,
    summary="Propose a scorer",
    detail="A name that is there already gets another revision where its numbers could differ, "
    "or is changed in place where they could not (200). An address inside a network that is not "
    "the Internet's is refused, unless an operator opened it; a host that is not found just now "
    "is taken, with a remark. Runs may name the scorer once an owner has approved its host, on "
    "its page; no key can.",
    scope="admin",
    path=["project"],
    body=json_body(
        members(
            "",
            ["slug", "url", "version"],
            slug=text("1 to 50 small letters, digits, dashes, underscores."),
            url=text("Where requests are posted: http or https, no user name, no fragment."),
            version=text("As its owner calls it, 1 to 100 characters."),
            title=text("Up to 200 characters; by default the slug."),
            description=text("What it measures, up to 2,000 characters."),
            higher_is_better=flag("true by default."),
            low=nullable(number(_BOUND.format("The lowest"))),
            high=nullable(number(_BOUND.format("The highest"))),
            is_binary=flag("Every value is 0 or 1; false by default."),
            timeout_seconds=number("0.1 to 300, 30 by default."),
            batch_size=whole("1 to 500, 50 by default."),
            header=text("The header of the secret; Authorization by default."),
            secret=text("Its value. Left out, what is kept for this host stays; empty, it goes."),
        ),
        example={
            "slug": "polite",
            "url": "http://scorer.internal:9000/score",
            "version": "2026-05",
            "low": 0,
            "high": 1,
        },
    ),
    answers={
        201: ("The new scorer or revision.", component("ProposedScorer")),
        200: ("The scorer, whose numbers stay as they were.", component("ProposedScorer")),
    },
    errors=[400, 422],
    is_idempotent=True,
)
