"""What the REST interface of trends and leaderboards takes and answers."""

from __future__ import annotations

from evalhub.openapi import (
    component,
    listing,
    members,
    moment,
    nullable,
    number,
    operation,
    text,
    whole,
)

TAG = "Trends and leaderboards"

_RUN = {
    "run": text("run_…"),
    "system": text(),
    "system_version": nullable(text("Null: the unnamed one.")),
}
COMPONENTS = {
    "Trends": members(
        dataset=text(),
        system=nullable(text("Null: no run of the dataset is scored.")),
        tag=nullable(text()),
        metrics=listing(component("History")),
        partial_runs_left_out=whole("Scored runs with missing outputs."),
        older_runs_left_out=whole("Runs before the newest 200."),
    ),
    "History": members(
        "One metric of one system, oldest run first.",
        metric=text(),
        points=listing(
            members(
                "",
                **_RUN,
                dataset_version=whole(),
                created_at=moment(),
                value=number(),
                low=nullable(number("The lower end of its 95 % interval.")),
                high=nullable(number("Its upper end.")),
                signature=text(),
                **{"break": nullable(text("Why it does not continue the point before."))},
            )
        ),
        changes=listing(
            members(
                "The level changed with this run.",
                run=text(),
                p_value=number("Adjusted for the whole history; at most 0.002."),
                before=number("The mean level up to it."),
                after=number("The mean level from it on."),
            )
        ),
        reason=text("Why no change could be looked for, in a sentence; else empty."),
    ),
    "Leaderboard": members(
        dataset=text(),
        version=whole(),
        metric=nullable(text()),
        metrics=listing(text(), "What there is to choose."),
        signature=nullable(text("All that is ranked was scored under it.")),
        systems=listing(component("Standing"), "Ranked ones first, best value first."),
        pairs=listing(component("StandingPair")),
        rule=text("What ranks mean, in a sentence."),
        reason=text("Why nothing is ranked, in a sentence; else empty."),
    ),
    "Standing": members(
        "One run of a system version. Its rank lies between two; null: it has none.",
        **_RUN,
        state=text(),
        best_rank=nullable(whole()),
        worst_rank=nullable(whole()),
        value=nullable(number()),
        low=nullable(number()),
        high=nullable(number()),
        n_scored=whole("Examples with a score."),
        reason=text("Why it is not ranked, in a sentence; else empty."),
    ),
    "StandingPair": members(
        "Two ranked runs on the examples that both have a score for.",
        first=text(),
        second=text(),
        n=whole(),
        gain=nullable(number("Of the first over the second, so that more is better.")),
        low=nullable(number()),
        high=nullable(number()),
        p_value=nullable(number()),
        p_adjusted=nullable(number("Holm over all pairs; null: not tested.")),
        better=nullable(text("The run that is surely better.")),
        comparison=text("Where the two are compared on every metric: the second as baseline."),
        method=text(),
        reason=text(),
    ),
}

read_trends = operation(
    "read_trends",
    tag=TAG,
    summary="Read each metric of a system over its runs on a dataset",
    detail="Scored runs without missing outputs. A line breaks where the dataset version or the "
    "metric's signature changed; no change of level is looked for across a break.",
    scope="read",
    query={
        "system": text("A slug; without it, the system that was run last."),
        "tag": text("Only runs that bear it."),
    },
    answers={200: ("The histories.", component("Trends"))},
    errors=[404],
)
read_leaderboard = operation(
    "read_leaderboard",
    tag=TAG,
    summary="Read how systems stand on a dataset version",
    detail="The newest complete, scored run of each system version, every two compared on the "
    "same examples. Failed and partial runs are listed and never ranked.",
    scope="read",
    query={
        "version": text("A number or a tag; the newest by default."),
        "metric": text("A name; by default the first of the newest run."),
    },
    answers={200: ("The leaderboard.", component("Leaderboard"))},
    errors=[404],
)
