"""What a report says must be true of its numbers."""

import pytest

from evalhub.reports import figures, remarks, wording
from evalhub.reports.models import Comparison, Finding
from evalhub.runs.models import Measurement


def a_finding(gain, low, high, outcome, **more):
    higher = more.pop("higher_is_better", True)
    bounds = more.pop("bounds", (0.0, 1.0))
    measurement = Measurement(
        higher_is_better=higher,
        low_bound=bounds[0],
        high_bound=bounds[1],
        kind=more.pop("kind", "automatic"),
        metric=more.get("metric", "em"),
    )
    start = more.pop("start", 0.6)
    given = {
        "metric": "em",
        "n": 412,
        "baseline": start,
        "candidate": None if gain is None else start + (gain if higher else -gain),
        "p_value": 0.01,
        **more,
    }
    return Finding(
        gain=gain,
        low=low,
        high=high,
        outcome=outcome,
        candidate_measurement=measurement,
        baseline_measurement=measurement,
        **given,
    )


@pytest.mark.parametrize(
    ("finding", "said"),
    [
        (
            a_finding(0.05, 0.02, 0.08, "improved"),
            "em rose from 0.600 to 0.650: a gain of 0.050 "
            "(95 % interval 0.020 to 0.080), on 412 shared examples.",
        ),
        (
            a_finding(-0.05, -0.08, -0.02, "regressed"),
            "em fell from 0.600 to 0.550: a loss of 0.050 "
            "(95 % interval 0.020 to 0.080), on 412 shared examples.",
        ),
        (
            a_finding(3.0, 1.0, 5.0, "improved", higher_is_better=False, bounds=(0, 25), start=9),
            "em (less is better) fell from 9.0 to 6.0: a gain of 3.0 "
            "(95 % interval 1.0 to 5.0), on 412 shared examples.",
        ),
        (
            a_finding(-3.0, -5, -1, "regressed", higher_is_better=False, bounds=(0, 25), start=9),
            "em (less is better) rose from 9.0 to 12.0: a loss of 3.0 "
            "(95 % interval 1.0 to 5.0), on 412 shared examples.",
        ),
        (
            a_finding(
                *(-804.8, -846.8, -763.2, "regressed"),
                **{"metric": "latency", "higher_is_better": False, "bounds": (0, None)},
                start=542.25,
            ),
            "latency (median) rose from 542 to 1347 ms: 805 ms slower, 2.5 times the "
            "baseline (95 % interval 763 to 847), on 412 shared examples.",
        ),
        (
            a_finding(-0.01, -0.05, 0.03, "insufficient_evidence", n=1),
            "em: 0.600 for the baseline, 0.590 for the candidate, on 1 shared example. The true "
            "change could be anything from 0.050 worse to 0.030 better (95 % interval).",
        ),
        (
            a_finding(0.1, None, None, "insufficient_evidence", n=5),
            "em: 0.600 for the baseline, 0.700 for the candidate, on 5 shared examples. How far "
            "the true change may lie from that is not known.",
        ),
        (
            a_finding(0.001, -0.01, 0.012, "equivalent"),
            "em: 0.600 for the baseline, 0.601 for the candidate, on 412 shared examples. The "
            "true change is likely between 0.010 worse and 0.012 better (95 % interval).",
        ),
        (
            a_finding(None, None, None, "insufficient_evidence", reason="No pair is scored."),
            "em has no gain: No pair is scored.",
        ),
    ],
)
def test_the_sentence_of_a_finding(finding, said):
    assert wording.sentence(finding) == said


@pytest.mark.parametrize(
    ("gain", "low", "high", "shown"),
    [
        (0.0004, 0.0001, 0.0007, ("+0.00040", "+0.00010 to +0.00070")),
        (0.0002, 0.00001, 0.00039, ("+0.00020", "+0.00001 to +0.00039")),
        (0.05, 0.0002, 0.0998, ("+0.0500", "+0.0002 to +0.0998")),
        (0.0, -0.05, 0.05, ("0.000", "−0.050 to +0.050")),
        (1e-17, -0.05, 0.05, ("0.000", "−0.050 to +0.050")),
    ],
)
def test_no_end_of_an_interval_reads_as_zero_that_is_not(gain, low, high, shown):
    written = figures.written(a_finding(gain, low, high, "improved"))
    assert (written.gain, written.interval) == shown


def test_what_was_not_tested_has_no_p():
    few = a_finding(0.1, None, None, "insufficient_evidence", p_value=None, n=5)
    written = figures.written(few)
    assert (written.p, written.p_adjusted, written.detectable) == (
        "not tested",
        "not tested",
        "not known",
    )


def test_a_null_result_says_what_it_could_have_shown():
    nothing = a_finding(
        0.0, -0.04, 0.04, "insufficient_evidence", detectable=0.055, reason="There is room."
    )
    assert wording.limits(nothing) == (
        "There is room. With 412 examples, a true difference below 0.055 is easily missed."
    )
    assert wording.limits(a_finding(0.05, 0.02, 0.08, "improved", detectable=0.055)) == ""


def test_gaps_that_keep_an_outcome_back_are_settled_by_scores_not_by_examples():
    reason = "0 and 20 of 60 examples are unscored on the two sides, enough to turn the outcome."
    given = {"detectable": 0.055, "reason": reason, "n": 40}
    gaps = a_finding(0.05, 0.02, 0.08, "insufficient_evidence", is_primary=True, **given)
    settled = "A score for each of them would settle it; more examples alone would not."
    assert wording.limits(gaps) == f"{reason} {settled}"
    among = "The interval leaves zero out, but p is above 0.05 among all the findings explored."
    alone = given | {"reason": among}
    explored = a_finding(0.05, 0.02, 0.08, "insufficient_evidence", p_adjusted=0.06, **alone)
    assert "easily missed" in wording.limits(explored)
    few = a_finding(0.05, 0.02, 0.08, "insufficient_evidence", is_primary=True, **given | {"n": 9})
    assert wording.limits(few) == (
        "Under 20 examples no outcome is given at all, and a useful one needs more; there are 9."
    )


def test_why_there_is_no_interval_is_said_once_for_all_metrics():
    few = {"reason": "An interval needs 10 clusters: there are 9.", "n": 81}
    findings = [
        a_finding(0.1, None, None, "insufficient_evidence", metric="em", **few),
        a_finding(0.1, None, None, "insufficient_evidence", metric="chrf", **few),
        a_finding(0.1, None, None, "insufficient_evidence", slice_field="topic", **few),
        a_finding(0.1, 0.05, 0.15, "improved", metric="bleu"),
    ]
    assert wording.no_interval_notes(findings) == [
        "No interval for em, chrf: An interval needs 10 clusters: there are 9."
    ]


def test_people_and_judges_are_said_to_be_what_they_are():
    notes = wording.method_notes(
        [
            a_finding(0.1, 0.05, 0.15, "improved", method="paired t", kind="human"),
            a_finding(0.1, 0.05, 0.15, "improved", method="paired t", kind="judge"),
        ]
    )
    assert notes[0] == "em, em: paired t."
    assert "speaks for these raters" in notes[1]
    assert "not corrected by people" in notes[2]


def test_another_metric_in_the_place_of_the_first_is_named():
    comparison = Comparison(
        primary_metric="chrf", skipped=[{"metric": "em", "reason": "No.", "is_first": True}]
    )
    assert remarks.stand_in(comparison) == (
        "em, the candidate's first metric, is not compared; chrf decides in its place."
    )
    comparison.skipped = [{"metric": "em", "reason": "No.", "is_first": False}]
    assert remarks.stand_in(comparison) == ""


@pytest.mark.parametrize(
    ("given", "change", "range_", "leans"),
    [
        ((-0.5, -1.1, 0.1, False, "em"), "0.5 worse", "1.1 worse to 0.1 better", "worse."),
        ((48.0, -1.0, 97.0, False, "latency"), "48 ms faster", "1 slower to 97 faster", "faster."),
        ((-0.5, -1.1, -0.1, False, "cost"), "0.50 dearer", "0.10 to 1.10 dearer", "dearer."),
        ((0.0, -0.5, 0.5, False, "em"), "no change", "0.5 worse to 0.5 better", "neither way."),
        ((-0.5, -1.1, 0.1, True, "em"), "−0.5", "−1.1 to +0.1", "worse."),
    ],
)
def test_where_less_is_better_a_change_says_its_way_in_words(given, change, range_, leans):
    gain, low, high, higher, metric = given
    bounds = (0, None) if metric != "em" else (0, 25)
    start = 1347 if metric == "latency" else 4.0
    how = {"higher_is_better": higher, "metric": metric, "bounds": bounds, "start": start}
    finding = a_finding(gain, low, high, "insufficient_evidence", **how)
    written = figures.written(finding)
    assert (written.change, written.range) == (change, range_)
    assert wording.lean(finding) == f"Not settled: what was measured leans {leans}"


def test_p_is_no_chance_of_being_wrong_and_an_interval_is_of_no_single_answer():
    finding = a_finding(-0.05, -0.08, -0.02, "regressed", p_value=0.0027, is_primary=True)
    assert wording.about_p(finding) == (
        "p = 0.0027 on em: if the two were equally good, a difference this large or larger would "
        "come up in 0.3\u202f% of such comparisons; it is "
        "not the chance that this result is wrong."
    )
    finding.p_value = 0.0002
    assert wording.about_p(finding).startswith("p < 0.001 on em: if")
    assert "in less than 0.1 % of such" in wording.about_p(finding)
    assert wording.about_intervals(finding).endswith("the average, not about single answers.")


def test_a_tally_names_the_metrics():
    found = [
        a_finding(-0.05, -0.08, -0.02, "regressed", metric="em"),
        a_finding(0.0, -0.08, 0.02, "insufficient_evidence", metric="f1"),
        a_finding(0.0, -0.08, 0.02, "insufficient_evidence", metric="ter"),
    ]
    assert wording.tally(found) == "Of 3 metrics: 1 worse (em), 2 not settled (f1, ter)"
    assert wording.tally(found[:1]) == ""


@pytest.mark.parametrize(
    ("finding", "why"),
    [
        (a_finding(0.05, 0.02, 0.08, "improved"), ""),
        (a_finding(0.05, -0.02, 0.12, "insufficient_evidence", p_adjusted=0.2), ""),
        (a_finding(0.05, 0.02, 0.08, "insufficient_evidence", p_adjusted=0.01), "unscored"),
        (
            a_finding(0.05, 0.02, 0.08, "insufficient_evidence", p_adjusted=0.13),
            "likely better, but we ask for more among so many metrics and slices",
        ),
        (a_finding(0.05, 0.02, 0.08, "insufficient_evidence", p_adjusted=0.13, n=19), ""),
        (a_finding(0.05, None, None, "insufficient_evidence", p_adjusted=None), ""),
    ],
)
def test_a_row_says_why_it_is_open_although_its_interval_leaves_zero_out(finding, why):
    said = wording.why_open(finding)
    assert why in said
    assert bool(why) == bool(said)
