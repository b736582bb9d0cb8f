"""One metric's two columns side by side, a row per pair."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evalhub.reports.aligning import Aligned
from evalhub.reports.answered import Masks
from evalhub.runs.columns import read_both
from evalhub.runs.models import Measurement
from evalhub.runs.sealing import yardstick_of
from metrics.base import Family
from metrics.batch import Floats
from metrics.statistics.yardstick import Column, Yardstick

# An example passes where at least this share of its attempts is right.
PASSES_FROM = 0.5


@dataclass(frozen=True)
class Pairing:
    """One metric's measurements on the two sides."""

    baseline: Measurement
    candidate: Measurement

    @property
    def name(self) -> str:
        return self.candidate.name


@dataclass(frozen=True, eq=False)
class Sides:
    """One metric's two aligned columns.

    `asked` says of which pairs somebody was asked about an output: a campaign may draw a part of
    the examples. Those that nobody saw on either side are no gaps in the answer; those seen on
    one side only are.
    """

    pairing: Pairing
    baseline: Column
    candidate: Column
    yardstick: Yardstick
    clusters: NDArray[np.int64] | None
    asked: NDArray[np.bool_]
    seed: int
    answered: Masks | None = None  # what was no error and not missing; None: everything

    @classmethod
    def read(
        cls, pairing: Pairing, aligned: Aligned, seed: int, answered: Masks | None = None
    ) -> Sides:
        old, new = read_both(pairing.baseline, pairing.candidate)
        yardstick = yardstick_of(pairing.candidate)
        return cls(
            pairing=pairing,
            baseline=old.column(yardstick).at(aligned.baseline),
            candidate=new.column(yardstick).at(aligned.candidate),
            yardstick=yardstick,
            clusters=aligned.clusters,
            asked=old.asked[aligned.baseline] | new.asked[aligned.candidate],
            seed=seed,
            answered=answered,
        )


def folded(values: Floats) -> Floats:
    """Return the mean of the scored attempts of each example."""
    return Column(values=values).folded().values


@dataclass(frozen=True, eq=False)
class Passing:
    """Which pairs pass on each side, by a metric of which an output is right or wrong.

    An unscored example neither passes nor fails.
    """

    passed: NDArray[np.bool_]  # the baseline
    passes: NDArray[np.bool_]  # the candidate
    fails: NDArray[np.bool_]
    is_unscored: NDArray[np.bool_]  # on the candidate

    @classmethod
    def of(cls, old: Floats, new: Floats, measurement: Measurement) -> Passing | None:
        """Read two aligned tables of values; None where the metric does not say right or wrong."""
        if measurement.family != Family.BINARY:
            return None
        before, after = folded(old), folded(new)
        if not measurement.higher_is_better:
            before, after = 1.0 - before, 1.0 - after
        return cls(
            passed=before >= PASSES_FROM,
            passes=after >= PASSES_FROM,
            fails=after < PASSES_FROM,
            is_unscored=np.isnan(after),
        )

    @property
    def flipped(self) -> NDArray[np.bool_]:
        """Which pairs went from pass to fail."""
        return self.passed & self.fails
