"""What the REST interface of comparisons takes and answers."""

from __future__ import annotations

from evalhub.openapi import (
    Shape,
    component,
    flag,
    listing,
    members,
    moment,
    nullable,
    number,
    one_of,
    operation,
    text,
    whole,
)
from metrics.statistics.findings import Outcome, Within

_ANSWER = one_of(["pass", "fail", "inconclusive"])
_WAIVER = {"reason": text(), "created_by": nullable(text()), "created_at": moment()}


def _if_kept(name: str) -> Shape:
    """Return the shape of a part that comparisons by earlier methods do not have."""
    return {"anyOf": [component(name), {"type": "object", "maxProperties": 0}]}


COMPONENTS = {
    "Comparison": members(
        id=text("cmp_…"),
        baseline=text("The run's id."),
        candidate=text("The run's id."),
        coverage=component("Coverage"),
        outcome=one_of([outcome.value for outcome in Outcome], "That of the primary metric."),
        summary=text("The same in a sentence."),
        notes=listing(text(), "What else is to be known of the pairs, in sentences."),
        evidence=listing(
            text(),
            "How far the primary metric's evidence goes: few numbers, and how many would do.",
        ),
        gates=listing(
            component("GateSaid"),
            "What gates have said about the comparison by now, newest first: the first counts.",
        ),
        waived_before=listing(component("WaivedBefore")),
        gate_changed=text("That the gate has other margins by now; empty where it has not."),
        terms=_if_kept("Terms"),
        findings=listing(component("Finding"), "The primary metric first."),
        skipped=listing(
            members(
                metric=text(),
                reason=text("In a sentence."),
                is_first=flag("Whether it is the candidate's first metric."),
            ),
            "Metrics left out.",
        ),
        rescored=listing(
            members(
                metric=text(),
                signature=text("That of both sides now."),
                before=text("The signature of the baseline's number before."),
                at=moment("When it was scored again."),
                measurement=text("mea_…"),
            ),
            "For which metrics the baseline was scored again.",
        ),
        searched=_if_kept("SearchedSlices"),
        critical=_if_kept("CriticalExamples"),
        failing=_if_kept("NewlyFailing"),
        seed=whole(),
        method_version=whole(),
        created_at=moment(),
    ),
    "Terms": members(
        "With which margins the runs were compared, and by which metric.",
        margins=listing(
            members(
                metric=text(),
                field=text("Of a protected slice; empty over all pairs."),
                level=text("Its value."),
                margin=number(),
            )
        ),
        deciding=listing(text(), "The first of these that is compared is primary."),
        gate_version=nullable(whole("Of the dataset's gate; null where no gate set them.")),
        first_of_candidate=text("The candidate's own first metric."),
    ),
    "Coverage": members(
        "What the comparison rests on. Keys are equal and contents unchanged in a pair.",
        ["shared", "baseline", "candidate"],
        shared=whole("Pairs."),
        changed=whole("Examples with an equal key and another content, which are not paired."),
        changed_keys=listing(text(), "The first 200 of their keys."),
        baseline_only=whole(),
        candidate_only=whole(),
        baseline=component("ReceivedOutputs"),
        candidate=component("ReceivedOutputs"),
        clusters=members(
            "Cluster fields: of both versions, and the one that is used.",
            baseline=nullable(text()),
            candidate=nullable(text()),
            used=nullable(text()),
        ),
        fields_left_out=listing(text(), "Metadata fields whose slices had no room."),
    ),
    "ReceivedOutputs": members(
        "What a run had when it was compared.",
        expected=whole(),
        received=whole(),
        errors=whole(),
        missing=whole(),
    ),
    "SearchedSlices": members(
        "Where it got worse on the primary metric: slices of one and two metadata fields.",
        metric=text(),
        reason=text("Why nothing was searched, in a sentence; else empty."),
        n_searched=whole(),
        left_out=listing(listing(text()), "Pairs of fields for which there was no room."),
        slices=listing(
            members(
                "A slice; the most worse first, found or not.",
                fields=listing(text()),
                levels=listing(text(), "The value of each field."),
                n=whole("Pairs inside."),
                inside=number("The mean gain inside."),
                rest=number("The mean gain of all others."),
                difference=number("Inside minus rest."),
                low=number("The lower end of its 90 % interval, for the whole search."),
                high=number("Its upper end."),
                p_adjusted=number("For the whole search; it is found from 0.05 down."),
            )
        ),
    ),
    "CriticalExamples": members(
        "Examples whose metadata says critical: true.",
        n=whole(),
        n_unpaired=whole("Those that the baseline does not have as they are."),
        n_unscored=whole("Those that passed and have no score now."),
        n_failing=whole("Those that newly fail."),
        failing=listing(whole(), "Their positions in the candidate's version; the first 10,000."),
        failing_keys=listing(text(), "Their keys, in the same order."),
    ),
    "NewlyFailing": members(
        "What newly fails on the primary metric, or got worse where it does not say pass or fail.",
        is_pass_fail=flag(),
        n=whole(),
        n_read=whole("Of how many the inputs were read for shared words."),
        n_others_read=whole("How many other inputs were read beside them."),
        groups=listing(
            members(
                "Examples whose inputs share words more often than chance allows.",
                words=listing(text()),
                n_others=whole("In how many of the other inputs the first word stands."),
                positions=listing(whole(), "In the candidate's version."),
            )
        ),
    ),
    "WaivedBefore": members(
        "A waiver by which the baseline, the run before or this run by then went through a gate.",
        summary=text("In a sentence, without the reason."),
        candidate=text("The id of the run that was let through."),
        comparison=text("cmp_…"),
        answer=one_of(["fail", "inconclusive"]),
        branch=nullable(text()),
        is_baseline=flag("Whether that run is the baseline now."),
        **_WAIVER,
    ),
    "GateSaid": members(
        "What a gate said about the comparison, and whether a lead let the run through.",
        id=text("gat_…"),
        answer=_ANSWER,
        summary=text("The answer in a sentence."),
        advice=listing(text(), "What to do."),
        rules=listing(members(rule=text(), answer=_ANSWER, reason=text())),
        gate_version=whole(),
        branch=nullable(text("Null where the baseline was named.")),
        chosen=text("How the baseline was chosen."),
        waiver=nullable(members(**_WAIVER)),
        created_at=moment(),
    ),
    "ManyComparisons": members(
        "Candidates against one baseline, read together. Each comparison keeps its own numbers.",
        baseline=text("The run's id."),
        n_compared=whole("For how many candidates p is adjusted."),
        data=listing(
            members(
                candidate=text("The run's id."),
                comparison=nullable(text("cmp_…")),
                outcome=nullable(text("What holds among them all.")),
                metric=nullable(text("The primary one, which decides.")),
                n=nullable(whole("Pairs.")),
                gain=nullable(number()),
                low=nullable(number()),
                high=nullable(number()),
                p_value=nullable(number("Of this candidate alone.")),
                p_holm=nullable(number("Adjusted for the number of candidates (Holm).")),
                problem=nullable(text("Why it is not compared.")),
            ),
            "In the order asked for.",
        ),
    ),
    "Waiting": members(
        "A question that is answered once workers have scored a run again, or many candidates "
        "are compared.",
        state=one_of(["waiting"]),
        detail=text("What it waits for, in a sentence."),
        rescoring=nullable(text("res_…; null while candidates are compared.")),
        progress=members(done=whole("Outputs, or candidates."), total=whole()),
    ),
    "Finding": members(
        "One metric's gain, over all pairs or in one slice.",
        metric=text(),
        slice=nullable(text("field:value; null over all pairs.")),
        primary=flag(),
        n=whole("Pairs."),
        n_clusters=nullable(whole("Clusters that they lie in; null without a cluster field.")),
        baseline=nullable(number()),
        candidate=nullable(number()),
        gain=nullable(number("Candidate minus baseline, oriented so that more is better.")),
        low=nullable(number("The lower end of its 95 % interval.")),
        high=nullable(number("Its upper end.")),
        low90=nullable(number("The lower end of its 90 % interval, for a margin.")),
        high90=nullable(number("Its upper end.")),
        margin=nullable(number("How large a loss or gain is no difference; null without one.")),
        within_margin=one_of(
            [one.value for one in Within],
            "What is ruled out as large as the margin: a loss, any difference, or nothing.",
        ),
        p_value=nullable(number()),
        p_exact=nullable(number("McNemar's exact p, beside the mid-p, of a binary metric.")),
        p_adjusted=nullable(
            number("Benjamini-Hochberg; the primary metric's is its p. Null: not tested.")
        ),
        detectable=nullable(
            number("The gain that this many pairs find with 80 % power, before p is adjusted.")
        ),
        answered_only=nullable(
            members(
                "Without errors and missing outputs; null where none counts as a worst value.",
                gain=nullable(number("A plain number; null where nothing was answered.")),
                n=whole("Pairs that both sides answered."),
            )
        ),
        needed=nullable(
            members(
                "Of a finding that is open: how many examples would settle it.",
                difference=number("A true gain or loss, or the margin."),
                n=whole("In all, to find it with 80 % power, or to rule out the margin."),
                is_margin=flag(),
            )
        ),
        lost=nullable(whole("Pairs that got worse.")),
        won=nullable(whole("Pairs that got better.")),
        unscored=members(baseline=whole(), candidate=whole()),
        outcome=one_of([outcome.value for outcome in Outcome]),
        method=text(),
        reason=text("What limits it, in a sentence."),
        signature=text(),
    ),
}

_MEDIA = {
    "text/markdown": text("For a comment on a pull request."),
    "application/xml": text("JUnit, for a CI job."),
    "text/csv": text("For a spreadsheet: a row for each finding."),
    "text/html": text("One file that stands alone, for a mail or an artifact."),
}
compare = operation(
    "compare_runs",
    tag="Comparisons",
    summary="Compare a candidate with a baseline",
    detail="Paired, on shared keys, for every metric with equal signatures on both sides, by the "
    "margins of the dataset's gate, whose first metric decides. The same question asked again "
    "finds the same comparison. Where the baseline's number is by "
    "another signature than the candidate's, the baseline is scored again first, which takes the "
    "scope submit: the answer is 202 until that is done.",
    scope="read",
    query={
        "baseline": text("The id of a scored run."),
        "candidate": text("The id of another, on the same dataset."),
        "margin": listing(
            text(),
            "Margins in place of the gate's, such as exact_match:0.02: one margin= for each "
            "metric, and the first of these decides. Takes the scope submit.",
        ),
        "format": one_of(["json", "markdown", "junit", "csv", "html"], "json by default."),
        "wait": whole("How many seconds to wait for scores, up to 60; 0 by default."),
    },
    required=["baseline", "candidate"],
    answers={
        200: ("The comparison.", component("Comparison")),
        202: (
            "The baseline is scored again first. Location is where to ask for the comparison; "
            "Retry-After says when.",
            component("Waiting"),
        ),
    },
    media=_MEDIA,
    errors=[400, 404, 409, 422],
)

read = operation(
    "read_comparison",
    tag="Comparisons",
    summary="Read a stored comparison",
    detail="As it was computed, in the format that is asked for, with what gates and leads have "
    "said of it by now.",
    scope="read",
    query={"format": one_of(["json", "markdown", "junit", "csv", "html"], "json by default.")},
    answers={200: ("The comparison.", component("Comparison"))},
    media=_MEDIA,
    errors=[400, 404],
)

compare_many = operation(
    "compare_many_runs",
    tag="Comparisons",
    summary="Compare many candidates with one baseline",
    detail="All on the baseline's dataset. The primary p-values are adjusted together (Holm).",
    scope="read",
    query={
        "baseline": text("The id of a scored run."),
        "candidate": listing(text(), "The ids of 1 to 20 others: one candidate= for each."),
        "wait": whole(
            "How many seconds to wait for scores, up to 60; 0 by default. Of these a request "
            "compares for up to 5, else for 1."
        ),
    },
    required=["baseline", "candidate"],
    answers={
        200: ("The candidates.", component("ManyComparisons")),
        202: (
            "The baseline is scored again first, as for one candidate; or not all are compared "
            "yet, and asking again at Location goes on with them.",
            component("Waiting"),
        ),
    },
    errors=[400, 404, 409, 422],
)
