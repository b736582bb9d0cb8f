"""ROUGE-W: shared word order in which unbroken runs weigh more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from metrics.base import Example, Workspace
from metrics.batch import Floats
from metrics.fields import number_parameter
from metrics.overlap.ngrams import Ints, Sequences, blocks
from metrics.overlap.pairs_of_texts import Pairs
from metrics.overlap.rouge import RougeMetric, f_of

# By characters. Short texts beside a long one are given a table as large as its.
_BLOCK_CELLS = 1 << 24


@dataclass(frozen=True, kw_only=True)
class RougeW(RougeMetric):
    """The weighted longest common subsequence, by Lin's recurrence; rouge-score has none."""

    name: ClassVar[str] = "rouge_w"
    title: ClassVar[str] = "ROUGE-W"
    summary: ClassVar[str] = (
        "How many words the output and the best reference share in the same order, those that "
        "follow each other weighing more."
    )
    formula: ClassVar[str] = (
        "2PR / (P + R), best reference; P = (W / m^w)^(1/w) and R = (W / n^w)^(1/w) for texts of "
        "m and n words and the weighted longest common subsequence W, in which a run of k words "
        "counts k^w. The run's value is the mean."
    )
    source: ClassVar[str] = (
        "Lin 2004, ROUGE: A Package for Automatic Evaluation of Summaries, section 4."
    )
    defined_by: ClassVar[tuple[str, ...]] = ()
    # The table has a cell for each pair of words.
    max_characters: ClassVar[int] = 30_000
    examples: ClassVar[tuple[Example, ...]] = (
        Example(
            output="A B C D H I K",
            expected_output="A B C D E F G",
            params={"weight": 2},
            value=4 / 7,
            note="Lin's own example: four words in a run",
        ),
        Example(
            output="A H B K C I D",
            expected_output="A B C D E F G",
            params={"weight": 2},
            value=2 / 7,
            note="and the same four apart.",
        ),
    )

    weight: float = number_parameter(
        default=1.2,
        low=1,
        high=4,
        meaning="The power w of a run's length; 1 weighs all words alike, 1.2 is the original "
        "program's",
    )

    def pair_values(self, workspace: Workspace, pairs: Pairs) -> Floats:
        """Return every pair's F value."""
        values = np.zeros(len(pairs.rows))
        cells = [size * size for size in pairs.sizes]
        for block in blocks(cells, most=_BLOCK_CELLS):
            sides = self.words.encode(
                pairs.outputs[block], pairs.references[block], workspace.cache
            )
            shared = _weighted_subsequences(*sides, self.weight)
            precision, recall = (
                (shared / np.maximum(side.lengths, 1) ** self.weight) ** (1 / self.weight)
                for side in sides
            )
            values[block] = f_of(precision, recall)
        return values


def _weighted_subsequences(outputs: Sequences, references: Sequences, weight: float) -> Floats:
    """Return W of each row.

    The table is filled diagonal by diagonal, for all rows at once: where words are equal, the
    cell to the upper left and what a run gains by one word more, else the larger of both others.
    """
    output, reference = _as_rectangle(outputs, pad=-1), _as_rectangle(references, pad=-2)
    rows, height, width = len(outputs), output.shape[1], reference.shape[1]
    gain = np.diff(np.arange(min(height, width) + 2, dtype=np.float64) ** weight)
    backwards = reference[:, ::-1]
    # A row's value is the cell of its last two words: the recurrence can go down again.
    last = outputs.lengths + references.lengths - 2
    shared = np.zeros(rows)
    # Cells of the last two diagonals by their word of the output, after the table's edge.
    near, far = np.zeros((2, rows, height + 1))
    near_runs, far_runs = np.zeros((2, rows, height + 1), np.int64)
    here = np.arange(rows)
    for diagonal in range(int(last.max()) + 1):
        is_open = last[here] >= diagonal
        if 2 * np.count_nonzero(is_open) <= len(here):
            # Short texts beside a long one are done early.
            here, output, backwards = here[is_open], output[is_open], backwards[is_open]
            near, far = near[is_open], far[is_open]
            near_runs, far_runs = near_runs[is_open], far_runs[is_open]
        start, stop = max(0, diagonal - width + 1), min(height, diagonal + 1)
        first = width - 1 - diagonal + start
        is_equal = output[:, start:stop] == backwards[:, first : first + stop - start]
        runs, cells = np.zeros_like(near_runs), np.zeros_like(near)
        before = far_runs[:, start:stop]
        runs[:, start + 1 : stop + 1] = np.where(is_equal, before + 1, 0)
        cells[:, start + 1 : stop + 1] = np.where(
            is_equal,
            far[:, start:stop] + gain[before],
            np.maximum(near[:, start:stop], near[:, start + 1 : stop + 1]),
        )
        near, far, near_runs, far_runs = cells, near, runs, near_runs
        ended = np.flatnonzero(last[here] == diagonal)
        shared[here[ended]] = cells[ended, outputs.lengths[here[ended]]]
    return shared


def _as_rectangle(sequences: Sequences, *, pad: int) -> Ints:
    """Return one row for each sequence, filled up with what equals nothing."""
    lengths = sequences.lengths
    rectangle = np.full((len(lengths), max(int(lengths.max()), 1)), pad, np.int64)
    rectangle[np.arange(rectangle.shape[1]) < lengths[:, None]] = sequences.codes
    return rectangle
