"""What more would settle a finding, and where the evidence is thin."""

import pytest

from evalhub.reports import evidence
from evalhub.reports.models import Comparison
from evalhub.web.formatting import count
from metrics.base import Family
from tests.evalhub.reports.test_wording import a_finding

OPEN = "insufficient_evidence"


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
        found = evidence.needed(a_finding(gain, -0.03, 0.03, OPEN, **more))
        assert (found.difference, found.n) == (pytest.approx(difference, rel=1e-12), n)


def test_it_is_said_in_round_numbers_and_only_where_examples_would_settle_it():
    given = {"detectable": 0.043, "is_primary": True}
    said = evidence.how_many_more(a_finding(0.0, -0.03, 0.03, OPEN, p_value=0.9, **given))
    assert said == (
        f"About {count(2_000)} examples would be needed to find a difference of 0.02 "
        "four times in five."
    )
    settled = a_finding(0.05, 0.02, 0.08, "improved", **given)
    gaps = a_finding(0.05, 0.02, 0.08, OPEN, **given)
    tiny = a_finding(0.0, -0.03, 0.03, OPEN, n=19, **given)
    unknown = a_finding(0.0, None, None, OPEN)
    for one in (settled, gaps, tiny, unknown):
        assert evidence.how_many_more(one) == ""


@pytest.mark.parametrize(
    ("n", "moved", "clusters", "says"),
    [
        (412, 42, None, ""),
        (412, 41, None, "Few: 41 of 412 answers changed."),
        (99, 20, None, "Few: 99 examples."),
        (100, 10, 20, ""),
        (100, 10, 19, "Few: 19 clusters."),
        (60, 5, 12, "Few: 60 examples, 12 clusters, 5 of 60 answers changed."),
        (19, 5, 12, ""),  # of so few no outcome is given at all
    ],
)
def test_numbers_fewer_than_error_rates_were_shown_for_are_said(n, moved, clusters, says):
    finding = a_finding(0.0, -0.03, 0.03, OPEN, n=n, n_won=moved, n_lost=0)
    finding.candidate_measurement.family = Family.BINARY
    said = evidence.few(Comparison(coverage={"n_clusters": clusters}), finding)
    assert said.startswith(says)
    assert bool(said) == bool(says)


def test_of_a_mean_it_does_not_matter_how_many_changed():
    finding = a_finding(0.0, -0.03, 0.03, OPEN, n_won=1, n_lost=0)
    finding.candidate_measurement.family = Family.MEAN
    assert evidence.few(Comparison(coverage={}), finding) == ""
