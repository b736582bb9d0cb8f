"""What the REST interface of runs takes and answers."""

from __future__ import annotations

from evalhub.openapi import (
    CURSOR,
    NDJSON,
    Body,
    Shape,
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
from evalhub.runs.models import Measurement, Run
from metrics.base import Family

TAG = "Runs"

SPEC: Shape = {
    "description": "A metric: its name alone, or an object with these members.",
    "oneOf": [
        text(),
        members(
            "",
            ["name"],
            name=text("As in the catalog."),
            params=mapping(anything(), "Left out, the defaults."),
            as_=text("Its name in all answers; by default its own. Unique in a run."),
        ),
    ],
}
_GIVEN = {
    "latency_ms": nullable(number()),
    "ttft_ms": nullable(number("Time to the first token.")),
    "input_tokens": nullable(whole()),
    "output_tokens": nullable(whole()),
    "cached_tokens": nullable(whole()),
    "cost": nullable(number("Null when unknown, never 0.")),
    "confidence": nullable(number("0 to 1.")),
    "retrieved": {
        **listing(
            members("", ["id"], id=text(), score=number(), text=text()),
            "The documents that the system found.",
        ),
        "type": ["array", "null"],
    },
    "trace_id": nullable(text()),
    "metadata": {**mapping(anything()), "type": ["object", "null"]},
}
OUTPUT_LINE = members(
    "What the system gave for one example: an output or an error.",
    ["key"],
    key=text("The example's key."),
    output=anything("Text, or JSON."),
    error=text("Why there is no output."),
    attempt=whole("From 1, where a run has several for each example."),
    **_GIVEN,
)
_METRIC = {
    "value": nullable(number("Null with a `reason`, never NaN.")),
    "low": nullable(number("The lower end of the 95 % interval; null with `no_interval`.")),
    "high": nullable(number("Its upper end.")),
    "n": whole("How many outputs have a score."),
    "unscored": whole("How many have none, for a reason of ours."),
    "signature": text("What defines the number: equal signatures are comparable."),
    "state": one_of(Measurement.State.values),
    "reason": nullable(text("Why there is no value.")),
    "no_interval": nullable(text("Why there is no interval.")),
    "interval_method": nullable(text()),
    "answered_only": nullable(number("The value without errors and missing outputs.")),
    "unscored_reasons": mapping(whole(), "How many outputs are unscored, by reason."),
    "measurement": text("Its id, mea_…"),
    "kind": one_of(Measurement.Kind.values),
    "metric": text("Its name in the catalog."),
    "params": mapping(anything()),
    "higher_is_better": nullable(flag("Null where neither is.")),
    "range": listing(nullable(number()), "The lowest and the highest value; null is no end."),
}
COMPONENTS = {
    "Run": members(
        id=text("run_…"),
        state=one_of(Run.State.values),
        progress=members(
            "In outputs; one that several scorers, judges or kinds of metrics are to look at "
            "counts for each of them.",
            done=whole(),
            total=whole(),
        ),
        coverage=members(
            "In outputs.", expected=whole(), received=whole(), errors=whole(), missing=whole()
        ),
        metrics=mapping(component("Metric"), "By name; the first is primary."),
        project=text(),
        dataset=text(),
        version=whole(),
        system=text(),
        system_version=nullable(text()),
        attempts=whole("How many outputs each example has."),
        git_commit=nullable(text()),
        params=mapping(anything()),
        tags=listing(text()),
        external_id=nullable(text()),
        seed=whole("Of the random numbers of intervals."),
        environment=mapping(text(), "Versions of the libraries of the newest scoring."),
        created_at=moment(),
        finished_at=nullable(moment()),
        scored_at=nullable(moment()),
    ),
    "Metric": members("What a run says of one metric.", **_METRIC),
    "Measurement": members(
        "One metric spec on one run. Scoring again makes a new generation.",
        id=text("mea_…"),
        as_=text("The metric's name in the run."),
        generation=whole("From 1."),
        is_current=flag("Whether the run answers with this one."),
        environment=mapping(text(), "Versions of the libraries it was made with."),
        **_METRIC,
        created_at=moment(),
        scored_at=nullable(moment()),
    ),
    "Output": members(
        key=text(),
        attempt=whole(),
        output=anything(),
        error=nullable(text()),
        **_GIVEN,
        scores=mapping(nullable(number()), "By metric; null with a reason in `unscored`."),
        unscored=mapping(text(), "By metric, why there is no score."),
        position=whole("The example's place in the version, from 0."),
    ),
    "Confusion": members(
        "Counts of outputs, scored ones.",
        metric=text("Its name in the run."),
        labels=listing(text(), "The classes, in order."),
        matrix=listing(
            listing(whole()),
            "A row for each expected label, a column for each label that was said.",
        ),
        other=listing(
            whole(), "By expected label, how often what is no class was said, or nothing."
        ),
        classes=listing(
            members(
                label=text(),
                precision=nullable(number("Null where the class is never said.")),
                recall=nullable(number("Null where the class is never expected.")),
                f1=nullable(number()),
                support=whole("How many outputs it was expected of."),
            )
        ),
    ),
    "Slice": members(
        "The value of one metric over the examples that share metadata.",
        slice=mapping(text(), "By field, the value that the examples share."),
        n=whole("How many examples there are."),
        unscored=whole("How many of them have no score."),
        value=nullable(number()),
        low=nullable(number()),
        high=nullable(number()),
        interval_method=nullable(text()),
        no_interval=nullable(text("Why there is no interval.")),
        is_small=flag("Fewer than 20 scored examples: listed, and tested nowhere."),
    ),
    "MetricDescription": members(
        name=text(),
        version=whole(),
        title=text(),
        summary=text(),
        formula=text(),
        needs=text("What an example must have."),
        family=one_of([family.value for family in Family]),
        low=nullable(number("The lowest value; null without end.")),
        high=nullable(number("The highest.")),
        higher_is_better=nullable(flag("Null where neither is.")),
        source=text("Who defined it."),
        group=text("What it is about."),
        reads=listing(text(), "What it reads beside texts."),
        statistics=listing(text()),
        examples=listing(mapping(anything()), "Worked examples: what goes in, and the value."),
        params=listing(
            members(
                name=text(),
                type=text(),
                required=flag("It has no default: it must be given."),
                default=anything("Null where there is none, too."),
                choices=listing(text()),
                low=number("Of numbers: the lowest that is taken."),
                high=number("The highest."),
                meaning=text(),
            )
        ),
    ),
}
_NO_BODY = json_body(
    members("No member."), example=None, required=False, words="None, or an empty object."
)

list_runs = operation(
    "list_runs",
    tag=TAG,
    summary="List the runs of a project",
    detail="Newest first.",
    scope="read",
    path=["project"],
    query={**CURSOR, "dataset": text("A dataset's slug."), "system": text("A system's slug.")},
    answers={200: ("The runs.", page_of(component("Run")))},
    errors=[400],
)
create_run = operation(
    "create_run",
    tag=TAG,
    summary="Open a run",
    detail="A run is one system version's outputs on one dataset version. It takes outputs while "
    "it is open.",
    scope="submit",
    path=["project"],
    body=json_body(
        members(
            "",
            ["dataset", "system"],
            dataset=text("The dataset's slug."),
            version={
                "description": "A version's number or tag; by default the newest.",
                "oneOf": [whole(), text()],
            },
            system=text("The slug of what is evaluated; a new one is made."),
            system_version=text("Its state, in your words."),
            metrics=listing(component("MetricSpec"), "The first is primary."),
            attempts=whole("How many outputs for each example, 1 to 100; 1 by default."),
            git_commit=text(),
            params=mapping(anything(), "Whatever describes the run."),
            tags=listing(text()),
            external_id=text("Yours; a second run of the project with it is refused."),
        ),
        example={
            "dataset": "capitals",
            "system": "first-try",
            "metrics": ["exact_match", {"name": "token_f1", "as": "f1"}],
        },
    ),
    answers={201: ("The open run.", component("Run"))},
    errors=[400, 409, 422],
    is_idempotent=True,
)
COMPONENTS["MetricSpec"] = SPEC
get_run = operation(
    "get_run",
    tag=TAG,
    summary="Read a run",
    scope="read",
    path=["run_id"],
    query={
        "wait": whole(
            "Answer once the run is scored, failed or cancelled, or after so many seconds, up to "
            "60. Where too many wait already, the answer comes at once, with Retry-After."
        )
    },
    answers={200: ("The run.", component("Run"))},
    errors=[400],
)
list_outputs = operation(
    "list_outputs",
    tag=TAG,
    summary="List the outputs of a run",
    detail="In the dataset's order, or by a metric; outputs without a value come last, ties in "
    "the dataset's order.",
    scope="read",
    path=["run_id"],
    query={
        **CURSOR,
        "order": text("The name of a metric of the run."),
        "direction": one_of(["asc", "desc"]),
        "slice": text("field:value, the outputs of one slice."),
    },
    answers={200: ("The outputs.", page_of(component("Output")))},
    errors=[400, 409, 422],
)
list_slices = operation(
    "list_slices",
    tag=TAG,
    summary="List the slices of a run",
    detail="The value of a metric over the examples that share a metadata value, or two.",
    scope="read",
    path=["run_id"],
    query={
        "metric": text("The name of a scored metric of the run; by default its first."),
        "by": text("field, or field,field for every pair of values; by default each field."),
    },
    answers={200: ("The slices that have examples.", page_of(component("Slice")))},
    errors=[409, 422],
)
submit_outputs = operation(
    "submit_outputs",
    tag=TAG,
    summary="Send outputs",
    detail="All or nothing: a bad line refuses the request and is named. The same line sent again "
    "changes nothing, another for the same key and attempt replaces the first.",
    scope="submit",
    path=["run_id"],
    query={
        "key": text("The column that holds the key; by default key."),
        "output": text(
            "The column that holds the output; by default output. Where one of the two is named, "
            "unknown columns become metadata; otherwise they are errors."
        ),
    },
    body=Body(
        shapes={NDJSON: OUTPUT_LINE},
        words="JSON lines, at most 50,000 and 64 MiB unpacked; gzip is accepted.",
        example=[
            {"key": "fr", "output": "Paris", "latency_ms": 412},
            {"key": "ke", "error": "timeout"},
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
finish_run = operation(
    "finish_run",
    tag=TAG,
    summary="Finish a run",
    detail="Freezes the outputs and starts the scoring. When outputs are missing, the answer is "
    "409 with their number and the first keys, unless they are allowed: a missing output scores "
    "as the worst.",
    scope="submit",
    path=["run_id"],
    body=json_body(
        members(allow_missing=flag("Finish though outputs are missing.")),
        example={"allow_missing": True},
        required=False,
    ),
    answers={202: ("The run, being scored.", component("Run"))},
    errors=[400, 409, 422],
    is_idempotent=True,
)
list_measurements = operation(
    "list_measurements",
    tag=TAG,
    summary="List all measurements of a run",
    detail="Older generations too: nothing is overwritten.",
    scope="read",
    path=["run_id"],
    query=CURSOR,
    answers={200: ("The measurements.", page_of(component("Measurement")))},
    errors=[400],
)
measure_run = operation(
    "measure_run",
    tag=TAG,
    summary="Score a finished run again, or with other metrics",
    scope="submit",
    path=["run_id"],
    body=json_body(
        members("", ["metrics"], metrics=listing(component("MetricSpec"))),
        example={"metrics": ["chrf"]},
    ),
    answers={202: ("The new measurements.", page_of(component("Measurement")))},
    errors=[400, 409, 422],
    is_idempotent=True,
)
read_confusion = operation(
    "read_confusion",
    tag=TAG,
    summary="Read the confusion matrix of a run",
    detail="Of a metric that reads outputs as labels, such as accuracy or f1_macro. The classes "
    "are the labels that occur among the expected outputs.",
    scope="read",
    path=["run_id"],
    query={"metric": text("Its name in the run; by default the first one with classes.")},
    answers={200: ("The matrix.", component("Confusion"))},
    errors=[409, 422],
)
cancel_run = operation(
    "cancel_run",
    tag=TAG,
    summary="Cancel a run that is not scored yet",
    scope="submit",
    path=["run_id"],
    body=_NO_BODY,
    answers={200: ("The cancelled run.", component("Run"))},
    errors=[400, 409],
    is_idempotent=True,
)
reopen_run = operation(
    "reopen_run",
    tag=TAG,
    summary="Let the outputs of a finished run change again",
    detail="Its numbers so far stay, as older measurements; the audit log keeps who did it.",
    scope="admin",
    path=["run_id"],
    body=_NO_BODY,
    answers={200: ("The open run.", component("Run"))},
    errors=[400, 409],
    is_idempotent=True,
)
list_metrics = operation(
    "list_metrics",
    tag="Metrics",
    summary="List the metrics that can be computed",
    scope="any",
    answers={200: ("The catalog.", page_of(component("MetricDescription")))},
)
