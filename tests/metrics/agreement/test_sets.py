"""Distances of chosen sets, and alpha by them: against NLTK, and the definition."""

import itertools

import numpy as np
import pytest
from nltk.metrics import jaccard_distance, masi_distance
from nltk.metrics.agreement import AnnotationTask

from metrics.statistics.agreement import Level, SetDistance, Undefined, agreement, coincidences
from metrics.statistics.agreement.answers import Answers
from metrics.statistics.agreement.parts import by_option
from metrics.statistics.agreement.sets import MAX_OPTIONS, encoded, set_distance
from tests.metrics.agreement.tables import NAN, columns, rated

SETS = [frozenset(c) for n in range(4) for c in itertools.combinations((0, 1, 51), n)]


def masi(a, b):
    """Passonneau (2006), as she writes it; nltk has .67 and .33 for her thirds."""
    likeness = 1.0 if a == b else 2 / 3 if a <= b or b <= a else 1 / 3 if a & b else 0.0
    return 1 - len(a & b) / len(a | b) * likeness if a | b else 0.0


def test_distances_are_those_of_the_papers_and_of_nltk():
    for a, b in itertools.product(SETS, SETS):
        numbers = (np.array([encoded(chosen)]) for chosen in (a, b))
        one, other = numbers
        by_masi = set_distance(one, other, SetDistance.MASI)[0]
        by_jaccard = set_distance(one, other, SetDistance.JACCARD)[0]
        assert by_masi == pytest.approx(masi(a, b))
        if a | b:
            assert by_masi == pytest.approx(masi_distance(a, b), abs=0.0034)
            assert by_jaccard == pytest.approx(jaccard_distance(a, b))
        else:  # both chose nothing, which is the same
            assert by_jaccard == 0.0


@pytest.mark.parametrize("distance", SetDistance)
def test_alpha_of_sets_is_that_of_nltk_and_its_jackknife_too(distance):
    table = rated(units=25, annotators=3, top=7, missing=0.2)
    by_name = {SetDistance.MASI: masi, SetDistance.JACCARD: jaccard_distance}[distance]

    def apart(a, b):
        return by_name(a, b) if a | b else 0.0

    def expected(columns_kept):
        data = [
            (
                annotator,
                unit,
                frozenset(bit for bit in range(3) if int(table[annotator, unit]) >> bit & 1),
            )
            for annotator in range(3)
            for unit in columns_kept
            if not np.isnan(table[annotator, unit])
        ]
        return AnnotationTask(data, distance=apart).alpha()

    found = agreement(**columns(table), level=distance)
    assert found.alpha == pytest.approx(expected(range(25)), abs=1e-9)
    pairable = np.flatnonzero((~np.isnan(table)).sum(axis=0) > 1)
    without = [expected(np.setdiff1d(pairable, [unit])) for unit in pairable]
    error = np.sqrt((len(without) - 1) * np.var(without))
    assert found.standard_error == pytest.approx(error, abs=1e-9)
    assert found.level is distance


def test_every_option_has_an_agreement_of_its_own():
    table = rated(units=40, annotators=3, top=7)
    found = by_option(Answers.of(**columns(table)), 4)
    for option in range(3):
        chosen = (table.astype(int) >> option) & 1
        assert found[option] == agreement(**columns(chosen), level=Level.NOMINAL)
    assert found[3].undefined is Undefined.NO_VARIATION


def test_a_set_is_a_number_that_holds_all_its_options():
    assert encoded([]) == 0.0
    assert encoded([2, 0, 2]) == 5.0
    highest = encoded([MAX_OPTIONS - 1, 0])
    assert int(highest) == 2 ** (MAX_OPTIONS - 1) + 1
    with pytest.raises(ValueError, match="first 52"):
        encoded([MAX_OPTIONS])


def test_too_many_different_sets_have_no_alpha(monkeypatch):
    monkeypatch.setattr(coincidences, "MAX_DOMAIN", 3)
    found = agreement(**columns([[0, 1, 2, NAN], [4, 5, 6, 7]]), level=SetDistance.MASI)
    assert found.undefined is Undefined.TOO_MANY_VALUES
