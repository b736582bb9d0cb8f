"""Metrics as an operator might write them, good and bad, for the tests of custom metrics."""

import os
import time
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from metrics.base import Family, Metric, Workspace
from metrics.batch import Scores, blank_scores
from metrics.text import PairMetric


@dataclass(frozen=True, kw_only=True)
class SameLength(PairMetric):
    """1 where output and reference are equally long."""

    name: ClassVar[str] = "same_length"
    version: ClassVar[int] = 1
    title: ClassVar[str] = "Same length"
    summary: ClassVar[str] = "The share of outputs as long as the expected output."
    formula: ClassVar[str] = "1 if the lengths in characters are equal, else 0."
    family: ClassVar[Family] = Family.BINARY

    def pair_value(self, output: str, reference: str) -> float:
        """Return 1 for equal lengths."""
        return float(len(output) == len(reference))


@dataclass(frozen=True, kw_only=True)
class Obeys(Metric):
    """Does what the output tells it: the worst a metric can do."""

    name: ClassVar[str] = "obeys"
    version: ClassVar[int] = 1
    title: ClassVar[str] = "Obeys"
    summary: ClassVar[str] = "Does what outputs say."
    formula: ClassVar[str] = "1."
    needs: ClassVar[str] = "text"
    family: ClassVar[Family] = Family.MEAN

    def score_in(self, workspace: Workspace) -> Scores:
        """Return 1 for every output, unless one says otherwise."""
        scores = blank_scores(np.zeros(len(workspace.batch), np.uint8))
        scores.values[:] = 1.0
        for row, output in enumerate(workspace.batch.outputs):
            if output == "raise":
                raise RuntimeError("as told")
            if output == "hang":
                time.sleep(60)
            if output == "die":
                os._exit(3)
            if output == "nan":
                scores.values[row] = np.nan
            if output == "print":
                print("to nobody's harm")  # noqa: T201
            if output == "shape":
                return blank_scores(np.zeros(1, np.uint8))
        return scores
