"""What more would settle a finding, and where the evidence is thin."""

import pytest

from evalhub.reports import evidence, margins, wording
from evalhub.reports.gated import GateSaid, Said
from evalhub.reports.models import Comparison
from evalhub.web.formatting import count
from metrics.base import Family
from tests.evalhub.reports.test_wording import a_finding

OPEN = "insufficient_evidence"
NONE = Comparison(coverage={})  # clusters


@pytest.mark.parametrize(
    ("more", "difference", "n"),
    [
        # Errors fall with the root of n: 412 (0.043 / 0.02)^2 is 1,904.5.
        ({"detectable": 0.043}, 0.02, 1_905),
        ({"detectable": 0.043, "bounds": (0, 100)}, 0.02, 1_905),
        ({"detectable": 4.0, "bounds": (0, 100)}, 2.0, 1_648),
        ({"detectable": 0.015}, 0.01, 927),
        ({"detectable": 0.02}, 0.01, 1_648),
        ({"detectable": 35.0, "bounds": (None, None)}, 20.0, 1_262),
        ({"detectable": 100.0, "bounds": (None, None)}, 50.0, 1_648),
    ],
)
def test_how_many_examples_find_a_difference_chosen_without_the_gain(more, difference, n):
    for gain in (0.0, 0.01):
        found = evidence.needed(NONE, a_finding(gain, -0.03, 0.03, OPEN, **more))
        assert (found.difference, found.n) == (pytest.approx(difference, rel=1e-12), n)


def test_it_is_said_in_round_numbers_and_only_where_examples_would_settle_it():
    given = {"detectable": 0.043, "is_primary": True}
    said = evidence.how_many_more(NONE, a_finding(0.0, -0.03, 0.03, OPEN, p_value=0.9, **given))
    assert said == (
        f"To find a difference of 0.02 takes about {count(2_000)} examples in all (4 times in 5)."
    )
    # Larger ones that are not found yet come first: 412 (0.263 / 0.1)^2 = 2,850, and so on.
    wide = evidence.how_many_more(NONE, a_finding(0.0, -0.2, 0.2, OPEN, detectable=0.263))
    assert wide == (
        f"To find a difference of 0.1 takes about {count(2_900)} examples in all, of 0.05 about "
        f"{count(12_000)}, of 0.02 about {count(72_000)} (4 times in 5). Which difference matters "
        "is yours to say."
    )
    settled = a_finding(0.05, 0.02, 0.08, "improved", **given)
    gaps = a_finding(0.05, 0.02, 0.08, OPEN, **given)
    tiny = a_finding(0.0, -0.03, 0.03, OPEN, n=19, **given)
    unknown = a_finding(0.0, None, None, OPEN)
    for one in (settled, gaps, tiny, unknown):
        assert evidence.how_many_more(NONE, one) == ""


@pytest.mark.parametrize(
    ("n", "moved", "clusters", "says"),
    [
        (412, 42, None, ""),
        (412, 41, None, "Only 41 of 412 answers changed."),
        (99, 20, None, "Only 99 examples."),
        (100, 10, 20, ""),
        (100, 10, 19, "Only 19 clusters."),
        (60, 5, 12, "Only 60 examples, 12 clusters, 5 of 60 answers changed."),
        (19, 5, 12, ""),  # of so few no outcome is given at all
    ],
)
def test_numbers_fewer_than_error_rates_were_shown_for_are_said(n, moved, clusters, says):
    finding = a_finding(0.0, -0.03, 0.03, OPEN, n=n, n_won=moved, n_lost=0)
    finding.candidate_measurement.family = Family.BINARY
    said = evidence.few(Comparison(coverage={"n_clusters": clusters}), finding)
    assert said.startswith(says)
    assert bool(said) == bool(says)
    assert (f"read the {moved} that changed" in said) == bool(says)
    about = evidence.shown_for(Comparison(coverage={"n_clusters": clusters}), finding)
    assert bool(about) == bool(says)


def test_of_a_mean_it_does_not_matter_how_many_changed():
    finding = a_finding(0.0, -0.03, 0.03, OPEN, n_won=1, n_lost=0)
    finding.candidate_measurement.family = Family.MEAN
    assert evidence.few(Comparison(coverage={}), finding) == ""


def test_with_a_margin_it_rests_on_that_until_a_gate_says_what_to_do():
    # (1.960 + 0.842) of an error is 0.043; (1.695 + 1.282) of it are 0.02 with 2,150 examples,
    # by scipy.stats.norm; for right or wrong, where 9.7 % differ, with 2,166 by Nam's formula.
    given = {"detectable": 0.043, "is_primary": True, "p_value": 0.9, "margin": 0.02}
    one = a_finding(0.0, -0.03, 0.03, OPEN, **given)
    exact = a_finding(0.0, -0.03, 0.03, OPEN, p_exact=1.0, **given)
    for finding, n in ((one, 2_150), (exact, 2_166)):
        found = evidence.needed(NONE, finding)
        assert (found.difference, found.is_margin) == (0.02, True)
        assert found.n == pytest.approx(n, abs=1)
    assert evidence.how_many_more(NONE, one) == (
        f"About {count(2_200)} examples would be needed to show four times in five that two equal "
        "systems differ by less than the margin of 0.02."
    )
    unscored = (
        "0 and 30 of 412 examples are unscored on the two sides, enough to turn the outcome."
    )
    gaps = a_finding(0.0, -0.03, 0.03, OPEN, reason=unscored, **given)
    assert (evidence.needed(NONE, gaps), unscored in wording.limits(gaps)) == (None, True)
    few = Comparison(coverage={"n_clusters": 19})  # under 20 nothing is held against a margin
    assert not evidence.needed(few, one).is_margin
    one.low90, one.high90 = -0.025, 0.025
    assert margins.about(few, one).startswith("Under 20 clusters nothing is held against the ")
    wide = a_finding(0.03, -0.01, 0.07, OPEN, **{**given, "margin": 0.1})
    assert evidence.how_many_more(NONE, wide).startswith("There are examples enough to show")
    gate = GateSaid(
        **{"id": "", "answer": "fail", "title": "", "advice": [], "rules": [], "gate_version": 1},
        **{"branch": "", "chosen": "", "at": None, "waived": None, "address": ""},
    )
    assert evidence.beside(Comparison(coverage={}), one, Said(answers=(gate,))) == []
