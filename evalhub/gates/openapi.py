"""What the REST interface of gates takes and answers."""

from __future__ import annotations

from evalhub.openapi import CURSOR as PAGED
from evalhub.openapi import (
    anything,
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
from metrics.statistics.gating import Answer

_MARGIN = {
    "metric": text(),
    "margin": number("What it may lose, in the metric's unit; 1e-12 to 1e12."),
}
RULES = {
    "margins": listing(members(**_MARGIN), "Over all shared examples."),
    "slices": listing(
        members(field=text(), level=text(), **_MARGIN), "Protected slices of metadata."
    ),
    "critical": nullable(
        members(
            "No example with critical: true in its metadata may newly fail on this metric.",
            metric=text(),
        )
    ),
    "min_coverage": nullable(number("The least share of examples received and paired.")),
    "ceilings": listing(
        members(metric=text(), ceiling=number()), "What the candidate may come to, such as cost."
    ),
}
COMPONENTS = {
    "Gate": members(
        "The newest version of a dataset's gate.",
        version=nullable(whole("Null: there is no gate yet.")),
        **RULES,
        created_at=nullable(moment()),
        created_by=nullable(text()),
    ),
    "Blessing": members(
        run=text("The run's id."),
        tag=text("The branch."),
        reason=text(),
        created_at=moment(),
        created_by=nullable(text()),
    ),
    "GateAnswer": members(
        "What a gate said about a run. It never changes; a waiver stands beside it.",
        id=text("gat_…"),
        answer=one_of([one.value for one in Answer]),
        exit_code=whole("For a CI job: 0 passed or waived, 1 failed, 2 inconclusive."),
        summary=text("The answer in a sentence."),
        advice=listing(text(), "What to do, most telling first."),
        parts=listing(
            mapping(anything()),
            "One for each rule: kind, metric, slice, answer, reason, advice, and its numbers. "
            "low and high are one-sided 95 % bounds of the gain.",
        ),
        gate_version=whole(),
        comparison=text("cmp_…"),
        baseline=text("The run's id."),
        candidate=text("The run's id."),
        chosen=text("How the baseline was chosen."),
        branch=nullable(text("The tag that was asked for; null where the baseline was named.")),
        waiver=nullable(members(reason=text(), created_at=moment(), created_by=nullable(text()))),
        baseline_waived=flag("Whether the baseline went through a gate by a waiver itself."),
        waived_before=listing(component("WaivedBefore")),
        created_at=moment(),
    ),
}
_REASON = text("1 to 2,000 characters; everybody sees them.")

get_gate = operation(
    "get_gate",
    tag="Gates",
    summary="Read the gate of a dataset",
    scope="read",
    path=["project", "dataset"],
    answers={200: ("The gate.", component("Gate"))},
)
put_gate = operation(
    "set_gate",
    tag="Gates",
    summary="Set the gate of a dataset",
    detail="A new version of its rules; earlier answers keep theirs. Name the version that you "
    "began from, as from_version or with If-Match (its ETag): where another one counts by now, "
    "the answer is 409 and nothing is saved.",
    scope="admin",
    path=["project", "dataset"],
    body=json_body(
        members(
            "",
            **RULES,
            from_version=whole("The version that these rules are a change of; 0: there was none."),
        ),
        example={"margins": [{"metric": "exact_match", "margin": 0.02}], "min_coverage": 0.98},
    ),
    answers={200: ("The gate.", component("Gate"))},
    errors=[400, 409, 422],
)
list_blessings = operation(
    "list_blessings",
    tag="Gates",
    summary="List blessed baselines",
    detail="Newest first; of each tag the first one counts.",
    scope="read",
    path=["project", "dataset"],
    query=PAGED,
    answers={200: ("Blessings.", page_of(component("Blessing")))},
    errors=[400],
)
bless = operation(
    "bless_run",
    tag="Gates",
    summary="Bless a run as the baseline of a branch",
    scope="admin",
    path=["project", "dataset"],
    body=json_body(
        members("", ("run", "tag", "reason"), run=text(), tag=text("The branch."), reason=_REASON),
        example={"run": "run_…", "tag": "main", "reason": "Shipped in March."},
    ),
    answers={201: ("The blessing.", component("Blessing"))},
    errors=[400, 404, 409, 422],
    is_idempotent=True,
)
ask = operation(
    "ask_gate",
    tag="Gates",
    summary="Ask the gate about a run",
    detail="Against the baseline that is named, else the newest blessed one of the tag, else the "
    "newest scored run of the same dataset version with the tag that is older than the run. A CI "
    "job ends with exit_code. The same run and tag find the same answer until the rules, the "
    "blessing or the scores change.",
    scope="submit",
    path=["run_id"],
    query={"wait": whole("How many seconds to wait for scores, up to 60; 0 by default.")},
    body=json_body(
        members(
            "",
            tag=text("The branch to be held against; main by default."),
            baseline=text("The id of a run, in place of the tag's."),
        ),
        example={"tag": "main"},
        required=False,
    ),
    answers={
        200: ("The answer.", component("GateAnswer")),
        202: (
            "The baseline is scored again first: look at Location, and then ask again.",
            component("Waiting"),
        ),
    },
    errors=[400, 409, 422],
    is_idempotent=True,
)
get_answer = operation(
    "get_gate_answer",
    tag="Gates",
    summary="Read an answer",
    scope="read",
    path=["answer_id"],
    answers={200: ("The answer.", component("GateAnswer"))},
)
waive = operation(
    "waive_gate_answer",
    tag="Gates",
    summary="Waive an answer",
    detail="A run that did not pass may go on, for a reason that stands beside the answer, in the "
    "audit log, and where the run is a baseline next.",
    scope="admin",
    path=["answer_id"],
    body=json_body(members("", ("reason",), reason=_REASON), example={"reason": "A known flake."}),
    answers={201: ("The answer, waived.", component("GateAnswer"))},
    errors=[400, 409, 422],
    is_idempotent=True,
)
