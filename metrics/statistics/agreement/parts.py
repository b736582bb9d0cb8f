"""Alpha of parts of the answers: over time, slice by slice, option by option."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from metrics.statistics.agreement.alpha import Agreement, alpha_of
from metrics.statistics.agreement.answers import Answers
from metrics.statistics.agreement.coincidences import Level, Scale
from metrics.statistics.agreement.sets import is_chosen

POINTS = 10


@dataclass(frozen=True, kw_only=True)
class Moment:
    """Alpha as it stood after the first `answers` answers."""

    answers: int
    agreement: Agreement


def trend(answers: Answers, scale: Scale, *, points: int = POINTS) -> list[Moment]:
    """Return alpha after each part of the answers, in their order, up to all of them."""
    n = len(answers.values)
    counts = np.unique(np.ceil(n * np.arange(1, points + 1) / points).astype(np.intp))
    return [
        Moment(answers=count, agreement=alpha_of(answers.first(count), scale))
        for count in counts[counts > 0].tolist()
    ]


def by_slice(answers: Answers, scale: Scale, slices: ArrayLike) -> dict[int, Agreement]:
    """Return alpha within each slice of the units.

    `slices` holds a code for every unit, in the order of `unit_ids`; one below 0 is in no slice.
    """
    codes = np.asarray(slices)
    if codes.shape != answers.unit_ids.shape:
        raise ValueError(f"{len(answers.unit_ids)} units, but {len(codes)} codes of slices.")
    of_answers = codes[answers.units]
    found = np.unique(of_answers[of_answers >= 0]).tolist()
    return {code: alpha_of(answers.where(of_answers == code), scale) for code in found}


def by_option(answers: Answers, n_options: int) -> list[Agreement]:
    """Return how people agree on choosing each option of a question with several answers."""
    return [
        alpha_of(replace(answers, values=is_chosen(answers.values, option)), Level.NOMINAL)
        for option in range(n_options)
    ]
