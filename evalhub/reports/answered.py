"""The gain over what both sides answered: beside one in which errors count as worst values."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evalhub.reports.aligning import Aligned
from evalhub.reports.as_compared import Compared
from metrics.statistics.yardstick import Column, Yardstick, value_of

Masks = tuple[NDArray[np.bool_], NDArray[np.bool_]]


@dataclass(frozen=True)
class AnsweredOnly:
    """A gain without errors and missing outputs, over the n examples both sides answered.

    It is a plain number: who fails to answer hard examples would win by it.
    """

    gain: float | None
    n: int


def answered_pairs(old: Compared, new: Compared, aligned: Aligned) -> Masks | None:
    """Return (pairs, attempts) of either side: what was answered; None where everything was."""
    masks = old.answered[aligned.baseline], new.answered[aligned.candidate]
    return None if all(mask.all() for mask in masks) else masks


def answered_only(
    sides: tuple[Column, Column], masks: Masks, rule: Yardstick
) -> AnsweredOnly | None:
    """Return the gain over the pairs that both sides answered and scored.

    None where no error or missing output has a score, so that none counts as a worst value.
    """
    counted = [
        bool((~mask & ~np.isnan(side.values)).any())
        for side, mask in zip(sides, masks, strict=True)
    ]
    if not any(counted):
        return None
    kept = [
        Column(values=np.where(mask, side.values, np.nan), statistics=side.statistics)
        for side, mask in zip(sides, masks, strict=True)
    ]
    both = ~np.any([np.isnan(side.folded().values) for side in kept], axis=0)
    if not both.any():
        return AnsweredOnly(None, 0)
    before, after = (value_of(rule.units(side.at(both)), rule) for side in kept)
    gain = rule.oriented(after - before)
    return AnsweredOnly(None if math.isnan(gain) else gain, int(both.sum()))
