"""TER: how much of a reference's length must be edited, with sacrebleu's numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from typing import ClassVar

import numpy as np
from sacrebleu.tokenizers.tokenizer_ter import TercomTokenizer

from metrics.base import Example, Family, Workspace
from metrics.batch import Floats, Scores, blank_scores
from metrics.fields import Kind, parameter
from metrics.overlap.edit_rate import edit_count
from metrics.overlap.edit_table import SearchLimitError
from metrics.overlap.pairs_of_texts import OverlapMetric
from metrics.reasons import Reason

_WORST = 100.0


@dataclass(frozen=True, kw_only=True)
class Ter(OverlapMetric):
    """Translation edit rate over the whole run; an example's own value is only indicative.

    The statistics are the edits against the reference that needs fewest, and the mean length of
    the references in words. An output that is not there counts as an empty text, and as one edit
    where the references are empty too.
    """

    name: ClassVar[str] = "ter"
    version: ClassVar[int] = 1
    title: ClassVar[str] = "TER"
    summary: ClassVar[str] = (
        "How many words must be put in, taken out, replaced or moved to give a reference, by its "
        "length."
    )
    formula: ClassVar[str] = (
        "100 edits / reference length, both summed over the run; edits are words inserted, "
        "deleted or replaced and runs of words shifted, against the reference that needs fewest, "
        "and the length is the references' mean. Without any reference words 100 for an output "
        "that has some, else 0. More than 100 where outputs are longer than their references."
    )
    source: ClassVar[str] = (
        "Snover et al. 2006, A Study of Translation Edit Rate with Targeted Human Annotation; as "
        "sacrebleu computes it."
    )
    family: ClassVar[Family] = Family.CORPUS
    high: ClassVar[float] = math.inf
    higher_is_better: ClassVar[bool] = False
    # Shifts are looked for again after each one that is made.
    max_characters: ClassVar[int] = 100_000
    statistic_names: ClassVar[tuple[str, ...]] = ("edits", "reference_length")
    defined_by: ClassVar[tuple[str, ...]] = (
        "tok:tercom",
        f"sacrebleu:{metadata.version('sacrebleu')}",
    )
    examples: ClassVar[tuple[Example, ...]] = (
        Example(
            output="on the mat the cat sat",
            expected_output="the cat sat on the mat",
            value=100 / 6,
            note="One shift of three words.",
        ),
        Example(output="", expected_output="the cat sat on the mat", value=100.0),
    )

    normalized: bool = parameter(
        default=False,
        kind=Kind.BOOLEAN,
        meaning="Whether punctuation is cut off words, XML entities are read and lines joined.",
    )
    no_punct: bool = parameter(
        default=False,
        kind=Kind.BOOLEAN,
        meaning='Whether the characters .,?:;!"() are left out.',
    )
    asian_support: bool = parameter(
        default=False,
        kind=Kind.BOOLEAN,
        meaning="Whether normalized also cuts Chinese and Japanese texts into characters, and "
        "no_punct also leaves out their punctuation.",
    )
    case_sensitive: bool = parameter(
        default=False,
        kind=Kind.BOOLEAN,
        meaning="Whether capital and small letters differ.",
    )

    @property
    def worst(self) -> float:
        """What an empty text scores; a text that is too long can score more."""
        return _WORST

    def score_in(self, workspace: Workspace) -> Scores:
        """Count the edits of every output against each of its references."""
        prepared = self.prepared(workspace)
        scores = blank_scores(prepared.reasons.copy(), len(self.statistic_names))
        tokenized = self._tokenizer()
        for row in prepared.scored_rows:
            output = tokenized(prepared.outputs[row] or "").split()
            # sacrebleu tokenizes references twice, which shows in texts such as `..5`.
            references = [tokenized(tokenized(text)).split() for text in prepared.references[row]]
            try:
                edits = min(edit_count(output, reference) for reference in references)
            except SearchLimitError:
                scores.values[row], scores.reasons[row] = math.nan, Reason.TOO_LONG
                continue
            if prepared.outputs[row] is None:
                edits = max(edits, 1)
            scores.statistics[row] = edits, sum(map(len, references)) / len(references)
        rates = _rates(scores.statistics)
        scored = scores.reasons == Reason.SCORED
        scores.values[scored] = rates[scored]
        return scores

    def values_of(self, totals: Floats) -> Floats:
        """Return TER for summed counts; undefined where there is nothing on either side."""
        return np.where(totals.any(axis=-1), _rates(totals), np.nan)

    def _tokenizer(self) -> Callable[[str], str]:
        if not self.normalized and not self.no_punct:
            return str if self.case_sensitive else str.lower
        tokenizer = TercomTokenizer(
            normalized=self.normalized,
            no_punct=self.no_punct,
            asian_support=self.asian_support,
            case_sensitive=self.case_sensitive,
        )
        # Not through its memory, which keeps whole texts and is bounded in their number alone.
        tokenized = partial(TercomTokenizer.__call__.__wrapped__, tokenizer)
        return lambda text: tokenized(text.rstrip())


def _rates(statistics: Floats) -> Floats:
    """Return TER of each row of counts, in sacrebleu's order of operations."""
    edits, length = statistics[..., 0], statistics[..., 1]
    without_words = np.where(edits > 0, 1.0, 0.0)
    return 100 * np.divide(edits, length, out=without_words, where=length > 0)
