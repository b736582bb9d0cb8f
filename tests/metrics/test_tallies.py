"""Rows as what they count, beside the same rows written out."""

import numpy as np
import pytest

from metrics.rows import Rows
from metrics.tallies import Tallies, are_equal, without_idle


def tallies(n: int = 60, attempts: int = 1, *, weighted: bool = False, seed: int = 1) -> Tallies:
    rng = np.random.default_rng(seed)
    codes = rng.integers(-1, 5, size=(n, attempts, 2)).astype(np.int32)
    weights = rng.random((n, attempts, 2)) if weighted else None
    return Tallies(codes=codes, size=7, weights=weights)


def written_out(rows: Tallies) -> np.ndarray:
    """Add up by the definition, one mark after the other."""
    out = np.zeros((len(rows), rows.blocks * rows.size))
    for (row, attempt, block), code in np.ndenumerate(rows.codes):
        if code >= 0:
            weight = 1.0 if rows.weights is None else rows.weights[row, attempt, block]
            share = 1.0 if rows.shares is None else rows.shares[row]
            out[row, block * rows.size + code] += weight * share
    return out


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("attempts", [1, 3])
def test_sums_and_slopes_are_those_of_the_rows_written_out(attempts, weighted):
    scored = np.random.default_rng(3).random((60, attempts)) < 0.8
    rows = tallies(attempts=attempts, weighted=weighted).folded(scored)
    out, slopes, groups = written_out(rows), np.linspace(-1, 1, 14), np.arange(60) % 11

    np.testing.assert_allclose(rows.whole(), out, atol=1e-12)
    np.testing.assert_allclose(rows.totals(), out.sum(axis=0), atol=1e-12)
    np.testing.assert_array_equal(rows.scales(), rows.totals())
    np.testing.assert_allclose(rows.times(slopes), out @ slopes, atol=1e-12)
    together = np.array([out[groups == group].sum(axis=0) for group in range(11)])
    np.testing.assert_allclose(rows.sums(groups, 11), together, atol=1e-12)
    part = rows.at(groups == 4)
    np.testing.assert_allclose(written_out(part), out[groups == 4])


def test_attempts_are_averaged_over_those_that_are_scored():
    rows = tallies(attempts=2)
    scored = np.ones((60, 2), np.bool_)
    scored[0] = False
    scored[1, 1] = False

    out = written_out(rows.folded(scored))

    one = Tallies(codes=rows.codes[:, :1], size=7)
    other = Tallies(codes=rows.codes[:, 1:], size=7)
    np.testing.assert_allclose(out[2:], (written_out(one) + written_out(other))[2:] / 2)
    np.testing.assert_allclose(out[:2], [np.zeros(14), written_out(one)[1]])


def test_counters_that_nobody_moves_are_left_out():
    one, other = tallies(20, seed=1), tallies(20, seed=2)
    codes = one.codes.copy()
    codes[codes == 3] = -1
    one = Tallies(codes=codes, size=9)
    theirs = other.codes.copy()
    theirs[theirs == 3] = 8
    other = Tallies(codes=theirs, size=9)

    left, right = without_idle(one, other)

    assert (left.size, right.size) == (5, 5)
    kept = [0, 1, 2, 4, 8, 9, 10, 11, 13, 17]
    np.testing.assert_array_equal(written_out(left), written_out(one)[:, kept])
    np.testing.assert_array_equal(written_out(right), written_out(other)[:, kept])
    rows = Rows.of(np.zeros((2, 3)))
    assert without_idle(rows, rows)[1] is rows


def test_equal_rows_are_told_from_others():
    one = tallies(weighted=True)

    assert are_equal(one, tallies(weighted=True))
    assert not are_equal(one, tallies(weighted=True, seed=2))
    assert not are_equal(one, tallies())
    assert are_equal(tallies(), tallies())
    assert are_equal(tallies(), Rows.of(written_out(tallies())))
    assert are_equal(Rows.of(np.ones((2, 2))), Rows.of(np.ones((2, 2))))


def test_without_counters_there_are_no_sums():
    rows = Tallies(codes=np.full((4, 1, 3), -1, np.int32), size=0)

    assert rows.totals().shape == (0,)
    assert rows.times(np.zeros(0)).tolist() == [0.0] * 4
