"""Which options people confuse with which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metrics.batch import Codes, Floats
from metrics.statistics.agreement.answers import Answers
from metrics.statistics.agreement.coincidences import counted, distinct_pairs


@dataclass(frozen=True, kw_only=True, eq=False)
class Confusion:
    """Pairs of answers to one unit, option by option; (options, options) each.

    `pairs` counts them: alike on the diagonal, different ones twice, as [a, b] and as [b, a].
    `shares` says of one who gave the row's option what another gave to the same unit; a row
    without pairs is NaN.
    """

    options: Floats
    pairs: NDArray[np.int64]
    shares: Floats


def confusion(answers: Answers, options: Sequence[float]) -> Confusion:
    """Return how often each two options were given to one unit."""
    scale, codes = option_codes(answers, options)
    n = len(scale)
    pairs = np.zeros((n, n))
    _, low, high, product = distinct_pairs(answers.units, codes, n)
    np.add.at(pairs, (low, high), product)
    pairs += pairs.T
    _, code, counts = counted(answers.units, codes, n)
    np.fill_diagonal(pairs, np.bincount(code, weights=counts * (counts - 1) / 2, minlength=n))
    # Either of two alike may be the one, and the other one another.
    given = pairs + np.diag(pairs.diagonal())
    totals = given.sum(axis=1, keepdims=True)
    shares = np.full((n, n), np.nan)
    np.divide(given, totals, out=shares, where=totals > 0)
    return Confusion(options=scale, pairs=pairs.astype(np.int64), shares=shares)


def option_codes(answers: Answers, options: Sequence[float]) -> tuple[Floats, Codes]:
    """Return the options in rising order, and each answer's place among them."""
    scale = np.unique(np.asarray(options, dtype=np.float64))
    codes = np.searchsorted(scale, answers.values)
    if (np.append(scale, np.nan)[codes] != answers.values).any():
        raise ValueError("An answer is none of the options.")
    return scale, codes
