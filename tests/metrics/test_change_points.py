"""Changes of level: false flags in flat histories, steps of known place, p by enumeration."""

import math
from itertools import combinations

import numpy as np
import pytest

from metrics.statistics import change_points as module
from metrics.statistics.change_points import LEVEL, MIN_RUNS, change_points


def histories(seed):
    return np.random.Generator(np.random.PCG64(seed))


@pytest.mark.no_cover
def test_of_a_hundred_flat_histories_of_fifty_runs_at_most_one_is_flagged():
    rng = histories(20_261_126)
    flagged = 0
    for number in range(100):
        errors = rng.uniform(0.005, 0.02, 50)
        values = 0.7 + rng.normal(0, errors)
        flagged += bool(change_points(values, errors, seed=number).points)

    assert flagged <= 1


def test_steps_are_found_where_they_are_with_the_levels_on_both_sides():
    rng = histories(7)
    values = np.repeat([0.70, 0.62, 0.75], [20, 15, 15]) + rng.normal(0, 0.01, 50)
    errors = np.full(50, 0.012)
    errors[3] = math.nan
    values[[5, 30]] = math.nan

    found = change_points(values, errors, seed=1)

    first, second = found.points
    assert (first.at, second.at, found.reason) == (20, 35, "")
    assert first.before == pytest.approx(0.70, abs=0.01)
    assert first.after == second.before == pytest.approx(0.62, abs=0.01)
    assert second.after == pytest.approx(0.75, abs=0.01)
    assert max(first.p_value, second.p_value) <= LEVEL
    assert change_points(values, errors, seed=1) == found


@pytest.mark.no_cover
def test_p_is_that_of_all_orders():
    # Two values only: an order is a choice of places, and all 1,820 of them can be looked at.
    def farthest(ones):
        values = np.zeros(16)
        values[list(ones)] = 1.0
        gaps = [
            abs(values[:k].mean() - values[k:].mean()) * math.sqrt(k * (16 - k))
            for k in range(1, 16)
        ]
        return max(gaps)

    seen = (0, 1, 2, 5)
    orders = [farthest(ones) for ones in combinations(range(16), 4)]
    exact = np.mean([one >= farthest(seen) - 1e-12 for one in orders])
    values = np.zeros(16)
    values[list(seen)] = 1.0

    series = module._series(values, None)
    at, p_value = module._farthest(series, 0, 16, histories(3))

    assert at == 3
    assert p_value == pytest.approx(exact, abs=4 * math.sqrt(exact / module.PERMUTATIONS))
    assert change_points(values).points == ()  # p is about 2 %: rare, and not rare enough


def test_runs_with_large_errors_weigh_little():
    rng = histories(5)
    errors = np.where(np.arange(40) % 2, 0.2, 0.01)
    values = np.repeat([0.5, 0.55], 20) + rng.normal(0, errors)

    (found,) = change_points(values, errors).points

    assert found.at == 20
    assert found.before == pytest.approx(0.5, abs=0.01)
    assert change_points(values).points == ()  # taken as alike, the noise hides it


def test_a_change_shortly_before_the_end_is_found():
    values = np.repeat([0.5, 0.6], [30, 4]) + histories(11).normal(0, 0.01, 34)

    assert [one.at for one in change_points(values).points] == [30]


def test_no_change_is_looked_for_across_a_break():
    values = np.repeat([0.5, 0.9], 20) + histories(2).normal(0, 0.01, 40)

    assert [one.at for one in change_points(values).points] == [20]
    assert change_points(values, breaks=[20]).points == ()
    assert "without a break" in change_points(values[10:30], breaks=[10]).reason


def test_what_carries_no_change_is_said_or_empty():
    assert change_points([0.5] * 30).points == ()
    assert change_points([0.0] * 30, [0.0] * 30).points == ()
    assert change_points([0.5] * (MIN_RUNS - 1)).reason == (
        "A change of level is looked for in 12 runs or more, and this history has 11 runs."
    )
    assert "has 1 run." in change_points([0.5]).reason
    assert "has 0 runs." in change_points([]).reason


def test_what_is_no_history_is_refused():
    with pytest.raises(ValueError, match="finite"):
        change_points([1.0, math.inf])
    with pytest.raises(ValueError, match="differ in length"):
        change_points([1.0, 2.0], [0.1])


def test_long_histories_are_permuted_in_portions(monkeypatch):
    values = np.repeat([0.5, 0.9], 20) + histories(2).normal(0, 0.01, 40)
    whole = change_points(values)
    monkeypatch.setattr(module, "_AT_ONCE", 40_000)

    assert change_points(values) == whole
