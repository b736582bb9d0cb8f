"""What more labels would buy: against making them, and where it cannot be said."""

import dataclasses

import numpy as np
import pytest
from scipy import stats

from metrics.statistics.agreement import Agreement, Level, agreement
from metrics.statistics.agreement.outlook import half_width, settling
from tests.metrics.agreement.tables import columns, rated


def found_in(units, **more):
    return agreement(**columns(rated(units=units, annotators=3, **more)), level=Level.INTERVAL)


def test_the_projected_width_is_about_that_of_a_campaign_so_much_larger():
    small, large = found_in(100), found_in(400)
    assert half_width(small) == pytest.approx((small.high - small.low) / 2)
    # Four times the examples halve the error, with four times the degrees and a quarter the bias.
    z = np.arctanh(small.alpha) - small.bias / 4 / (1 - small.alpha**2)
    error = small.standard_error / 2 / (1 - np.tanh(z) ** 2)
    ends = np.tanh(z + stats.t.ppf([0.025, 0.975], 4 * small.degrees) * error)
    assert half_width(small, more=300) == pytest.approx(np.ptp(ends) / 2, rel=1e-9)
    # This sample's spread is not quite the other's.
    assert half_width(small, more=300) == pytest.approx(half_width(large), rel=0.2)


@pytest.mark.parametrize("side", [1, -1])
def test_the_groups_that_settle_a_target_are_the_fewest_that_do(side):
    found = found_in(60)
    target = found.alpha - side * 0.6 * (found.alpha - found.low)
    needed = settling(found, target)
    assert (needed.is_above, needed.reason) == (side == 1, "")
    assert 20 < needed.more < 300
    for more, is_off in ((needed.more, True), (needed.more - 1, False)):
        reach = half_width(found, more=more)
        # The interval lies around alpha less a small bias.
        assert (reach < abs(found.alpha - target) + abs(found.bias)) or not is_off
    assert settling(found, found.alpha - side * 0.4).more == 0


def test_perfect_agreement_needs_examples_too():
    found = agreement(**columns([[1, 2] * 10, [1, 2] * 10]), level=Level.NOMINAL)
    # 0.05 to the power of 1 / n passes 0.95 at n = 59.
    assert settling(found, 0.95).more == 59 - 20
    assert half_width(found, more=39) == pytest.approx((1 - 0.05 ** (1 / 59)) / 2)


def test_where_it_cannot_be_said_there_is_a_reason():
    nothing = agreement(**columns([[1, 1], [1, 1]]), level=Level.NOMINAL)
    assert settling(nothing, 0.8).reason == nothing.undefined.sentence
    assert half_width(nothing, more=10) is None
    found = found_in(60)
    assert settling(found, found.alpha).reason.startswith("Alpha is the target itself")
    close = settling(found, found.alpha - 1e-6)
    assert (close.more, close.is_above) == (None, True)
    assert close.reason == "Alpha is so close to the target that a million more would not do."
    alone = dataclasses.replace(found, low=None, high=None, no_interval="Too few.")
    assert settling(alone, 0.8).reason == "Too few."
    assert isinstance(found, Agreement)
    assert np.isfinite(half_width(found, more=5))
