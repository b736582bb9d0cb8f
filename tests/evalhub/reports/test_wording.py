"""What a report says must be true of its numbers."""

import pytest

from evalhub.reports import wording
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
            "em rose from 0.600 to 0.650: a gain of +0.050 "
            "(95 % interval +0.020 to +0.080), on 412 shared examples.",
        ),
        (
            a_finding(-0.05, -0.08, -0.02, "regressed"),
            "em fell from 0.600 to 0.550: a loss of 0.050 "
            "(95 % interval of the gain −0.080 to −0.020), on 412 shared examples.",
        ),
        (
            a_finding(3.0, 1.0, 5.0, "improved", higher_is_better=False, bounds=(0, 25), start=9),
            "em, less is better, fell from 9.0 to 6.0: a gain of +3.0 "
            "(95 % interval +1.0 to +5.0), on 412 shared examples.",
        ),
        (
            a_finding(-3.0, -5, -1, "regressed", higher_is_better=False, bounds=(0, 25), start=9),
            "em, less is better, rose from 9.0 to 12.0: a loss of 3.0 "
            "(95 % interval of the gain −5.0 to −1.0), on 412 shared examples.",
        ),
        (
            a_finding(
                *(-804.8, -846.8, -763.2, "regressed"),
                **{"metric": "latency", "higher_is_better": False, "bounds": (0, None)},
                start=542.25,
            ),
            "latency, in ms, less is better, rose from 542 to 1347: a loss of 805 "
            "(95 % interval of the gain −847 to −763), on 412 shared examples.",
        ),
        (
            a_finding(-0.01, -0.05, 0.03, "insufficient_evidence", n=1),
            "em went from 0.600 to 0.590: a loss of 0.010 "
            "(95 % interval of the gain −0.050 to +0.030), on 1 shared example.",
        ),
        (
            a_finding(0.1, None, None, "insufficient_evidence", n=5),
            "em went from 0.600 to 0.700: a gain of +0.100 (no interval), on 5 shared examples.",
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
    written = wording.written(a_finding(gain, low, high, "improved"))
    assert (written.gain, written.interval) == shown


def test_what_was_not_tested_has_no_p():
    few = a_finding(0.1, None, None, "insufficient_evidence", p_value=None, n=5)
    written = wording.written(few)
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
        "There is room. This many examples find a true gain or loss of 0.055 with 80 % power; "
        "a smaller one needs more."
    )
    assert wording.limits(a_finding(0.05, 0.02, 0.08, "improved", detectable=0.055)) == ""


def test_gaps_that_keep_an_outcome_back_are_settled_by_scores_not_by_examples():
    reason = "0 and 20 of 60 examples are unscored on the two sides, enough to turn the outcome."
    given = {"detectable": 0.055, "reason": reason, "n": 40}
    gaps = a_finding(0.05, 0.02, 0.08, "insufficient_evidence", is_primary=True, **given)
    settled = "A score for each of them would settle it; more examples alone would not."
    assert wording.limits(gaps) == f"{reason} {settled}"
    explored = a_finding(0.05, 0.02, 0.08, "insufficient_evidence", p_adjusted=0.06, **given)
    assert "80 % power" in wording.limits(explored)
    few = a_finding(0.05, 0.02, 0.08, "insufficient_evidence", is_primary=True, **given | {"n": 9})
    assert "80 % power" in wording.limits(few)


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
    assert wording.stand_in(comparison) == (
        "em, the candidate's first metric, is not compared; chrf decides in its place."
    )
    comparison.skipped = [{"metric": "em", "reason": "No.", "is_first": False}]
    assert wording.stand_in(comparison) == ""
