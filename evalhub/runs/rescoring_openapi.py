"""What the REST interface of re-scorings takes and answers."""

from __future__ import annotations

from evalhub.openapi import (
    CURSOR,
    component,
    flag,
    json_body,
    listing,
    mapping,
    members,
    moment,
    nullable,
    number,
    one_of,
    operation,
    page_of,
    text,
    whole,
)
from evalhub.runs.models import Measurement, RescoredRun, Rescoring

TAG = "Runs"

_NUMBER = nullable(
    members(
        "",
        measurement=text("mea_…"),
        value=nullable(number()),
        low=nullable(number()),
        high=nullable(number()),
        signature=text(),
        state=one_of(Measurement.State.values),
    )
)
COMPONENTS = {
    "RescoredRun": members(
        "One run of a re-scoring.",
        run=text("run_…"),
        state=one_of([*RescoredRun.State.values, "cancelled"]),
        reason=nullable(text("Why it was skipped or failed.")),
        metrics=mapping(
            members("", before=_NUMBER, after=_NUMBER), "By name, the number before and since."
        ),
    ),
    "Rescoring": members(
        "Metrics that the finished runs of a dataset are scored with, beside their old numbers.",
        id=text("res_…"),
        state=one_of(Rescoring.State.values),
        progress=members(
            "In outputs of the runs that are to be scored.", done=whole(), total=whole()
        ),
        runs=members(
            "How many runs are in which state.",
            total=whole(),
            waiting=whole(),
            working=whole(),
            scored=whole(),
            skipped=whole("Those that have the numbers already, or are no longer finished."),
            failed=whole("Each alone; the run's measurements say why."),
            cancelled=whole("Called off with the re-scoring; they go on where it is resumed."),
        ),
        project=text(),
        dataset=text(),
        version=nullable(whole("Only runs of this version; null is every version.")),
        metrics=listing(component("MetricSpec")),
        again=flag("Whether runs that have exactly these numbers are scored as well."),
        created_at=moment(),
        ended_at=nullable(moment()),
    ),
}
_NO_BODY = json_body(
    members("No member."), example=None, required=False, words="None, or an empty object."
)

list_rescorings = operation(
    "list_rescorings",
    tag=TAG,
    summary="List the re-scorings of a dataset",
    detail="Newest first.",
    scope="read",
    path=["project", "dataset"],
    query=CURSOR,
    answers={200: ("The re-scorings.", page_of(component("Rescoring")))},
    errors=[400],
)
begin_rescoring = operation(
    "begin_rescoring",
    tag=TAG,
    summary="Score all finished runs of a dataset with metrics",
    detail="Each run gets a new measurement beside what it has; nothing is overwritten. A run "
    "that has a number by exactly this signature is skipped, unless it is asked for again. The "
    "same asked twice while it is under way is one re-scoring.",
    scope="submit",
    path=["project", "dataset"],
    body=json_body(
        members(
            "",
            ["metrics"],
            metrics=listing(component("MetricSpec")),
            version={
                "description": "Only runs of this version, by number or tag.",
                "oneOf": [whole(), text()],
            },
            runs=listing(text("run_…"), "Only these runs of the dataset."),
            again=flag("Also runs that have exactly these numbers; false by default."),
        ),
        example={"metrics": ["chrf", {"name": "token_f1", "as": "f1"}]},
    ),
    answers={202: ("The re-scoring.", component("Rescoring"))},
    errors=[400, 409, 422],
    is_idempotent=True,
)
get_rescoring = operation(
    "get_rescoring",
    tag=TAG,
    summary="Read a re-scoring",
    scope="read",
    path=["rescoring_id"],
    query={
        "wait": whole(
            "Answer once it is done or cancelled, or after so many seconds, up to 60. Where too "
            "many wait already, the answer comes at once, with Retry-After."
        )
    },
    answers={200: ("The re-scoring.", component("Rescoring"))},
    errors=[400],
)
list_rescored_runs = operation(
    "list_rescored_runs",
    tag=TAG,
    summary="List the runs of a re-scoring",
    detail="Oldest first, each with its numbers before and since.",
    scope="read",
    path=["rescoring_id"],
    query=CURSOR,
    answers={200: ("The runs.", page_of(component("RescoredRun")))},
    errors=[400],
)
cancel_rescoring = operation(
    "cancel_rescoring",
    tag=TAG,
    summary="Cancel a re-scoring",
    detail="Numbers that are there stay. Runs that are not over answer with what they had before.",
    scope="submit",
    path=["rescoring_id"],
    body=_NO_BODY,
    answers={200: ("The cancelled re-scoring.", component("Rescoring"))},
    errors=[400, 409],
    is_idempotent=True,
)
resume_rescoring = operation(
    "resume_rescoring",
    tag=TAG,
    summary="Go on with a cancelled re-scoring",
    detail="What was computed before it was cancelled is not computed again.",
    scope="submit",
    path=["rescoring_id"],
    body=_NO_BODY,
    answers={202: ("The re-scoring, under way again.", component("Rescoring"))},
    errors=[400, 409],
    is_idempotent=True,
)
