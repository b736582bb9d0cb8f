"""Score columns give back the bits they were given, whatever chunks wrote them."""

from itertools import pairwise

import numpy as np
import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from evalhub.runs.columns import (
    REAL,
    WHOLE,
    NewColumn,
    covers,
    failed_scores,
    pack,
    packed,
    read_scores,
    unpack,
    write_columns,
)
from evalhub.runs.models import ScoreColumn
from metrics.batch import Scores
from tests.evalhub.runs.building import a_run, measurement

numbers = st.floats(allow_nan=True, allow_infinity=True)


def some_scores(n, k=2, seed=7):
    rng = np.random.default_rng(seed)
    reasons = (rng.random(n) < 0.2).astype(np.uint8)
    values = np.where(reasons == 0, rng.random(n), np.nan)
    statistics = np.where(reasons[:, None] == 0, rng.integers(0, 99, (n, k)), 0).astype(float)
    return Scores(values=values, reasons=reasons, statistics=statistics)


def part(scores, start, stop):
    return Scores(
        values=scores.values[start:stop],
        reasons=scores.reasons[start:stop],
        statistics=scores.statistics[start:stop],
    )


def new_column(measured, scores, start, n):
    return NewColumn(
        measurement_id=measured.pk, start=start, n=n, scores=scores, inputs_digest="d"
    )


@given(arrays.arrays(np.float64, st.integers(0, 40), elements=numbers))
def test_packing_keeps_every_bit_of_a_number(values):
    back = unpack(pack(values, "<f8"), "<f8", len(values))

    assert back.tobytes() == values.tobytes()


def test_statistics_are_packed_column_by_column():
    statistics = np.arange(6, dtype=np.float64).reshape(3, 2)

    assert unpack(pack(statistics, "<i4"), "<i4", 6).tolist() == [0, 2, 4, 1, 3, 5]


@pytest.mark.parametrize(
    ("statistics", "codec"),
    [
        ([[1.0, 2.0]], WHOLE),
        ([[2.0**31 - 1, -(2.0**31)]], WHOLE),
        ([[2.0**31, 0.0]], REAL),
        ([[0.5, 1.0]], REAL),
        ([[-0.0, 1.0]], REAL),
    ],
)
@pytest.mark.django_db
def test_statistics_are_int32_only_where_that_keeps_every_bit(statistics, codec):
    run = a_run(n=1)
    given_statistics = np.array(statistics)
    scores = Scores(
        values=np.ones(1), reasons=np.zeros(1, dtype=np.uint8), statistics=given_statistics
    )

    write_columns([new_column(measurement(run), scores, 0, 1)], start=0, stop=1)

    assert ScoreColumn.objects.get().codec == codec
    back = read_scores(measurement(run)).statistics
    assert back.tobytes() == given_statistics.tobytes()


@pytest.mark.django_db
@pytest.mark.parametrize("cuts", [[], [1], [3, 7], [1, 2, 3, 4, 5, 6, 7, 8]])
def test_chunks_of_any_size_read_back_the_same(cuts):
    run = a_run(n=9, attempts=2)
    measured, scores = measurement(run), some_scores(18)
    bounds = [0, *cuts, 9]
    for start, stop in pairwise(bounds):
        column = new_column(measured, part(scores, 2 * start, 2 * stop), start, stop - start)
        write_columns([column], start=start, stop=stop)

    back = read_scores(measured)

    assert back.values.shape == (9, 2)
    assert back.values.tobytes() == scores.values.tobytes()
    assert back.reasons.tobytes() == scores.reasons.tobytes()
    assert back.statistics.shape == (9, 2, 2)
    assert np.ascontiguousarray(back.statistics).tobytes() == scores.statistics.tobytes()


@pytest.mark.django_db
def test_a_failed_output_between_others_has_zero_statistics():
    run = a_run(n=3)
    measured, scores = measurement(run), some_scores(2)
    write_columns([new_column(measured, part(scores, 0, 1), 0, 1)], start=0, stop=1)
    write_columns([new_column(measured, failed_scores(1), 1, 1)], start=1, stop=2)
    write_columns([new_column(measured, part(scores, 1, 2), 2, 1)], start=2, stop=3)

    back = read_scores(measured)

    assert np.isnan(back.values[1, 0])
    assert back.statistics[1].tolist() == [[0.0, 0.0]]
    assert back.statistics[2].tobytes() == scores.statistics[1].tobytes()


@pytest.mark.django_db
def test_writing_replaces_whatever_stood_in_the_range_and_nothing_else():
    run = a_run(n=4)
    measured, scores = measurement(run), some_scores(4)
    for start in range(4):
        write_columns(
            [new_column(measured, part(scores, start, start + 1), start, 1)],
            start=start,
            stop=start + 1,
        )

    write_columns([new_column(measured, part(scores, 0, 2), 1, 2)], start=1, stop=3)

    columns = ScoreColumn.objects.order_by("start").values_list("start", "n")
    assert list(columns) == [(0, 1), (1, 2), (3, 1)]


@pytest.mark.django_db
def test_a_range_is_covered_when_every_measurement_has_all_of_it():
    run = a_run(n=4, metrics=["exact_match", "token_f1"])
    both = [measurement(run), measurement(run, "token_f1")]
    scores = some_scores(2)

    write_columns([new_column(one, scores, 0, 2) for one in both], start=0, stop=2)
    write_columns([new_column(both[0], scores, 2, 2)], start=2, stop=4)

    assert covers(both, start=0, stop=2)
    assert covers(both[:1], start=0, stop=4)
    assert not covers(both, start=0, stop=4)
    assert not covers(both, start=2, stop=4)


@pytest.mark.django_db
def test_a_measurement_without_columns_has_no_scores():
    assert read_scores(measurement(a_run(attempts=3))).values.shape == (0, 3)


@pytest.mark.django_db
def test_a_damaged_column_is_an_error_and_not_a_number():
    run = a_run(n=2)
    row = packed(new_column(measurement(run), some_scores(2), 0, 2))
    row.values = pack(np.ones(1), "<f8")
    row.save()

    with pytest.raises(ValueError, match="16 bytes has 8"):
        read_scores(measurement(run))


@pytest.mark.postgres
@pytest.mark.django_db
def test_postgresql_does_not_compress_columns_again():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT attname, attstorage FROM pg_attribute WHERE attrelid = "
            "'runs_scorecolumn'::regclass AND attname IN ('values', 'reasons', 'statistics')"
        )
        assert dict(cursor.fetchall()) == {"values": "e", "reasons": "e", "statistics": "e"}
