"""Length ratio: how long outputs are beside their references."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from metrics.averages import ratio_of
from metrics.base import Example, Family, Workspace
from metrics.batch import Floats, Scores, blank_scores
from metrics.fields import Kind, parameter
from metrics.reasons import Reason
from metrics.text import TextMetric

WORDS, CHARACTERS = "words", "characters"


@dataclass(frozen=True, kw_only=True)
class LengthRatio(TextMetric):
    """1 where both are equally long. Neither more nor less is better: it describes a system.

    The statistics are the lengths of the output and of the reference nearest to it in length.
    """

    name: ClassVar[str] = "length_ratio"
    version: ClassVar[int] = 1
    title: ClassVar[str] = "Length ratio"
    summary: ClassVar[str] = "How long outputs are beside the reference nearest in length."
    formula: ClassVar[str] = (
        "output length / reference length, both summed over the run; of several references the "
        "nearest in length, the shorter of two. Undefined without any length of the reference."
    )
    source: ClassVar[str] = "Papineni et al. 2002, BLEU (closest reference length), section 2.2.2."
    family: ClassVar[Family] = Family.CORPUS
    high: ClassVar[float] = math.inf
    higher_is_better: ClassVar[bool | None] = None
    statistic_names: ClassVar[tuple[str, ...]] = ("output_length", "reference_length")
    examples: ClassVar[tuple[Example, ...]] = (
        Example(output="a cat", expected_output="the cat sat down", value=0.5),
        Example(
            output="a black cat",
            references=("cat", "the black cat sat"),
            value=0.75,
            note="The second reference is nearer in length.",
        ),
        Example(output="a cat", expected_output="", value=None),
    )

    unit: str = parameter(
        default=WORDS,
        kind=Kind.CHOICE,
        choices=(WORDS, CHARACTERS),
        meaning="What is counted: words between white space, or characters with all white space.",
    )

    def score_in(self, workspace: Workspace) -> Scores:
        """Measure every output and its nearest reference."""
        prepared = self.prepared(workspace)
        scores = blank_scores(prepared.reasons.copy(), len(self.statistic_names))
        for row in prepared.scored_rows:
            output = prepared.outputs[row]
            if output is None:
                scores.values[row], scores.reasons[row] = math.nan, self.reason_without_output
                continue
            length = self._length(output)
            lengths = map(self._length, prepared.references[row])
            nearest = min(lengths, key=lambda other: (abs(other - length), other))
            if nearest:
                scores.values[row] = length / nearest
                scores.statistics[row] = length, nearest
            else:
                scores.values[row], scores.reasons[row] = math.nan, Reason.UNDEFINED
        return scores

    def values_of(self, totals: Floats) -> Floats:
        """Return the ratio of summed lengths; undefined without any of the references."""
        return ratio_of(totals[..., 0], totals[..., 1])

    def _length(self, text: str) -> int:
        return len(text) if self.unit == CHARACTERS else len(text.split())
