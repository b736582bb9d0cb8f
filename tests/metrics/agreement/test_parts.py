"""Alpha over time and by slice: the same function on some of the answers."""

import numpy as np
import pytest

from metrics.statistics.agreement import Answers, Level, Undefined, agreement
from metrics.statistics.agreement.parts import by_slice, trend
from tests.metrics.agreement.tables import NAN, columns, rated


def test_a_trend_is_alpha_after_the_first_answers_in_time():
    table = columns(rated(units=50, annotators=3, missing=0.2))
    moments = np.random.default_rng(0).permutation(150)
    found = trend(Answers.of(**table, order=moments), Level.ORDINAL)
    given = ~np.isnan(table["values"])
    n, rows = given.sum(), np.argsort(moments)
    rows = rows[given[rows]]
    assert [one.answers for one in found] == [-(-n * part // 10) for part in range(1, 11)]
    for one in found:
        first = {name: column[rows[: one.answers]] for name, column in table.items()}
        assert one.agreement == agreement(**first, level=Level.ORDINAL)
    assert found[-1].agreement == agreement(**table, level=Level.ORDINAL)


def test_few_answers_have_few_moments():
    answers = Answers.of(**columns([[1, 2], [1, NAN]]))
    found = trend(answers, Level.NOMINAL)
    assert [one.answers for one in found] == [1, 2, 3]
    assert found[0].agreement.undefined is Undefined.ONE_ANNOTATOR
    assert trend(Answers.of(units=[], annotators=[], values=[]), Level.NOMINAL) == []


def test_slices_are_parts_of_the_units():
    table = rated(units=40, annotators=3)
    answers = Answers.of(**columns(table))
    codes = np.arange(40) % 4 - 1
    found = by_slice(answers, Level.INTERVAL, codes)
    assert list(found) == [0, 1, 2]
    for code, one in found.items():
        assert one == agreement(**columns(table[:, codes == code]), level=Level.INTERVAL)
    with pytest.raises(ValueError, match="40 units, but 3 codes"):
        by_slice(answers, Level.INTERVAL, [0, 1, 2])
