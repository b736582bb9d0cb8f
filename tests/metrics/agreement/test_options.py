"""Confusion of options and distances within units, counted pair by pair."""

import itertools
import math

import numpy as np
import pytest

from metrics.statistics.agreement import Answers, Level, SetDistance
from metrics.statistics.agreement.distances import Weighing, disagreements, mean_distances, worst
from metrics.statistics.agreement.options import confusion
from tests.metrics.agreement.tables import NAN, columns, rated


def pairs_of(table):
    for unit, answers in enumerate(np.array(table, dtype=float).T):
        given = answers[~np.isnan(answers)]
        yield unit, list(itertools.combinations(given.tolist(), 2))


def test_pairs_of_options_are_counted_and_shared_out_by_row():
    table = rated(units=40, annotators=4, missing=0.3)
    found = confusion(Answers.of(**columns(table)), range(7))
    counts = np.zeros((7, 7))
    for _, pairs in pairs_of(table):
        for a, b in pairs:
            counts[int(a), int(b)] += 1
            counts[int(b), int(a)] += a != b
    assert found.pairs.tolist() == counts.tolist()
    for option in range(5):
        beside = [counts[option, k] * (2 if k == option else 1) for k in range(7)]
        assert found.shares[option] == pytest.approx(np.array(beside) / sum(beside))
    assert np.isnan(found.shares[5:]).all()


@pytest.mark.parametrize(
    ("weighing", "distance"),
    [
        (Weighing.ALIKE, lambda a, b: float(a != b)),
        (Weighing.LINEAR, lambda a, b: abs(a - b)),
        (Weighing.QUADRATIC, lambda a, b: (a - b) ** 2),
        (SetDistance.JACCARD, lambda a, b: jaccard(int(a), int(b))),
    ],
)
def test_distances_are_means_over_pairs(weighing, distance):
    table = rated(units=30, annotators=5, top=7, missing=0.4)
    found = mean_distances(Answers.of(**columns(table)), weighing)
    answered = [(unit, pairs) for unit, pairs in pairs_of(table)]
    kept = [pairs for unit, pairs in answered if not np.isnan(table[:, unit]).all()]
    for ours, pairs in zip(found, kept, strict=True):
        expected = np.mean([distance(a, b) for a, b in pairs]) if pairs else math.nan
        assert ours == pytest.approx(expected, nan_ok=True)


def jaccard(a, b):
    return 1 - (a & b).bit_count() / (a | b).bit_count() if a | b else 0.0


def test_disagreement_is_a_share_of_the_largest_distance():
    answers = Answers.of(**columns([[1, 1, 2, NAN], [5, 2, 2, 3]]))
    assert disagreements(answers, Level.INTERVAL)[:3].tolist() == [1.0, 0.25, 0.0]
    assert disagreements(answers, Level.ORDINAL, width=8)[:3].tolist() == [0.5, 0.125, 0.0]
    assert disagreements(answers, Level.NOMINAL)[:3].tolist() == [1.0, 1.0, 0.0]
    assert disagreements(answers, SetDistance.MASI)[0] == pytest.approx(1 - 2 / 3 * 1 / 2)
    # The last unit has no pair; those that do not differ are not among the worst.
    assert np.isnan(disagreements(answers, Level.NOMINAL)[3])
    assert worst(disagreements(answers, Level.INTERVAL), 5).tolist() == [0, 1]
    assert worst(disagreements(answers, Level.INTERVAL), 1).tolist() == [0]


def test_without_a_difference_nothing_is_far_apart():
    same = Answers.of(**columns([[3, 3], [3, 3]]))
    assert disagreements(same, Level.INTERVAL).tolist() == [0.0, 0.0]
    assert len(disagreements(Answers.of(units=[], annotators=[], values=[]), Level.RATIO)) == 0
