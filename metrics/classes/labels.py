"""Outputs as labels: which label was expected, which was said, and which labels are classes.

The labels of a run are known only once all of it has been read, and its chunks are scored apart.
So a chunk names labels by their places in its own vocabulary, and whoever reads the chunks gives
them common names: the labels that occur among the expected outputs of the run, in order. What is
said besides is a wrong answer, and no class of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from metrics.base import Workspace
from metrics.batch import Scores, blank_scores
from metrics.preparation import Preparation
from metrics.reasons import Reason
from metrics.text import TextMetric, normalize_parameter
from metrics.vocabulary import class_names, expected_labels, renamed

# What is longer is no label: expected, it is unscored; said, it is a wrong answer.
MAX_LABEL_CHARACTERS = 200


@dataclass(frozen=True, kw_only=True)
class LabelMetric(TextMetric):
    """A metric of the label an output says beside the one that was expected.

    An output's own value is 1 where they are equal, else 0. Statistics are the two labels, by
    their places in the vocabulary from 1; 0 is a label that is not there, or too long.
    """

    needs: ClassVar[str] = "text output: a label; expected_output: the right one"
    statistic_names: ClassVar[tuple[str, ...]] = ("expected", "predicted")
    names_labels: ClassVar[bool] = True

    normalize: tuple[str, ...] = normalize_parameter("strip", "lowercase")

    @property
    def worst(self) -> float:
        """What an output that is an error or missing scores: it is not right."""
        return 0.0

    def score_in(self, workspace: Workspace) -> Scores:
        """Say of every output whether it is the expected label, and which labels these are."""
        return workspace.once((LabelMetric, self.reading), lambda: self._scored(workspace))

    def _scored(self, workspace: Workspace) -> Scores:
        prepared = self.prepared(workspace)
        reasons = prepared.reasons.copy()
        said: dict[int, tuple[str, str | None]] = {}
        for row in prepared.scored_rows:
            output, accepted = prepared.outputs[row], prepared.references[row]
            if max(map(len, accepted)) > MAX_LABEL_CHARACTERS:
                reasons[row] = Reason.TOO_LONG
                continue
            # Of several accepted labels the one that was said, else the first in order.
            expected = output if output is not None and output in accepted else min(accepted)
            is_label = output is not None and len(output) <= MAX_LABEL_CHARACTERS
            said[row] = expected, output if is_label else None
        labels = sorted({label for pair in said.values() for label in pair if label is not None})
        places = {label: place for place, label in enumerate(labels, start=1)}
        scores = blank_scores(reasons, len(self.statistic_names))
        for row, (expected, predicted) in said.items():
            scores.values[row] = float(expected == predicted)
            scores.statistics[row] = (
                places[expected],
                0 if predicted is None else places[predicted],
            )
        return replace(scores, labels=tuple(labels))

    def settled(self, scores: Scores) -> Scores:
        """Return a whole run's scores with its classes for labels."""
        classes = class_names(expected_labels(scores.statistics, scores.labels))
        statistics = renamed(scores.statistics, scores.labels, classes)
        return replace(scores, statistics=statistics, labels=classes)

    @property
    def reading(self) -> Preparation:
        """How labels are read: metrics that read them alike have one confusion matrix."""
        return self._preparation

    def cleaned_label(self, label: str) -> str:
        """Return a label of the parameters as outputs are prepared."""
        return self._preparation.cleaned(label)
