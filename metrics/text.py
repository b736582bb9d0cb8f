"""What metrics that compare texts have in common."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from metrics.base import Family, Metric, Workspace
from metrics.batch import Scores, blank_scores
from metrics.fields import Kind, parameter
from metrics.preparation import EXPECTED_OUTPUT, REFERENCES, STEPS, Preparation, Prepared
from metrics.reasons import Reason


def normalize_parameter(*default: str) -> Any:
    """Declare `normalize` with the steps a metric takes when nothing else is asked for."""
    return parameter(
        default=default,
        kind=Kind.STEPS,
        choices=tuple(STEPS),
        meaning="Steps that clean output and references, in this order: "
        + "; ".join(f"{step.name}: {step.meaning}" for step in STEPS.values())
        + ".",
    )


def path_parameter() -> Any:
    """Declare `path`: where the text of an output is that was submitted as JSON."""
    return parameter(
        default=None,
        kind=Kind.TEXT,
        meaning="Where the text is in a JSON output, such as answer or choices.0.text. An output "
        "without text there is a wrong answer.",
    )


@dataclass(frozen=True, kw_only=True)
class TextMetric(Metric):
    """A metric of one text against one or more references, the best of which counts."""

    family: ClassVar[Family] = Family.MEAN
    needs: ClassVar[str] = "text output; expected_output or references"

    extract: str | None = parameter(
        default=None,
        kind=Kind.TEXT,
        meaning="A pattern (RE2 syntax) with one group that holds the answer in the output. "
        "^ and $ are the ends of the whole text, the last match counts, no match is a wrong "
        "answer.",
    )
    normalize: tuple[str, ...] = normalize_parameter()
    against: str = parameter(
        default=EXPECTED_OUTPUT,
        kind=Kind.CHOICE,
        choices=(EXPECTED_OUTPUT, REFERENCES),
        meaning="What the output is compared with; the other one where an example lacks it.",
    )
    path: str | None = path_parameter()

    def __post_init__(self) -> None:
        self._preparation.check()

    def prepared(self, workspace: Workspace) -> Prepared:
        """Return the batch as this metric reads it."""
        return self._preparation.prepare(workspace)

    def signed_params(self) -> dict[str, object]:
        """Return every parameter, steps with their versions."""
        steps = [STEPS[name].signature for name in self.normalize]
        return {**super().signed_params(), "normalize": steps}

    @property
    def _preparation(self) -> Preparation:
        return Preparation(
            extract=self.extract, normalize=self.normalize, against=self.against, path=self.path
        )


@dataclass(frozen=True, kw_only=True)
class PairMetric(TextMetric):
    """A metric that says what one output is worth beside one reference; all else is done here."""

    def score_in(self, workspace: Workspace) -> Scores:
        """Score each output by the reference it agrees with best."""
        prepared = self.prepared(workspace)
        scores = blank_scores(prepared.reasons.copy())
        for row in prepared.scored_rows:
            output = prepared.outputs[row]
            # An undefined example is undefined whatever the output, so also without one.
            pairs = (self.pair_value(output or "", one) for one in prepared.references[row])
            values = [value for value in pairs if not math.isnan(value)]
            if not values:
                scores.values[row], scores.reasons[row] = math.nan, Reason.UNDEFINED
            elif output is None:
                scores.values[row], scores.reasons[row] = self.worst, self.reason_without_output
            else:
                scores.values[row] = self.combined(values)
        return scores

    def combined(self, values: Sequence[float]) -> float:
        """Return an output's value from those beside each reference: the best of them."""
        return min(values) if self.higher_is_better is False else max(values)

    @abstractmethod
    def pair_value(self, output: str, reference: str) -> float:
        """Return what an output is worth beside one reference, both prepared.

        NaN where the reference, whatever the output, allows no value.
        """
