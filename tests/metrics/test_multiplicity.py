"""Adjusted p-values against a published table and scipy."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from metrics.statistics.multiplicity import benjamini_hochberg, holm

# Benjamini & Hochberg (1995), section 3.2: fifteen tests of a trial of thrombolysis. Their
# procedure rejects four at 0.05; Holm's, and Bonferroni's, three.
THROMBOLYSIS = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459]
THROMBOLYSIS += [0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0]


def test_the_published_trial_has_four_findings_by_one_rule_and_three_by_the_other():
    assert (benjamini_hochberg(THROMBOLYSIS) <= 0.05).sum() == 4
    assert (holm(THROMBOLYSIS) <= 0.05).sum() == 3


@given(st.lists(st.floats(0, 1), max_size=30))
def test_benjamini_hochberg_is_scipys(p_values):
    expected = stats.false_discovery_control(p_values) if p_values else []
    np.testing.assert_allclose(benjamini_hochberg(p_values), expected, rtol=1e-12)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_holm_is_its_definition(p_values):
    rising = sorted(p_values)
    for p, adjusted in zip(p_values, holm(p_values), strict=True):
        upto = rising[: len(rising) - rising[::-1].index(p)]
        terms = [min(1.0, (len(rising) - j) * q) for j, q in enumerate(upto)]
        assert adjusted == pytest.approx(max(terms))


@pytest.mark.parametrize("adjust", [benjamini_hochberg, holm])
def test_a_finding_without_a_p_is_no_finding(adjust):
    adjusted = adjust([0.01, math.nan, 0.04])
    np.testing.assert_array_equal(adjusted[[0, 2]], adjust([0.01, 0.04]))
    assert math.isnan(adjusted[1])
