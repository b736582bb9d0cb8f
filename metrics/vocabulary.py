"""Common names for the labels of chunks that were scored apart.

Statistics that name labels hold a label's place in a vocabulary, from 1; 0 is none of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

# More kinds of expected outputs than this are no classes.
MAX_CLASSES = 1000

Places = NDArray[np.float64]


class NoClassesError(ValueError):
    """A run's expected outputs are not labels; the message is for people."""


def expected_labels(statistics: Places, labels: Sequence[str]) -> set[str]:
    """Return the labels that occur among the expected outputs of rows (..., 2)."""
    return {labels[int(place) - 1] for place in np.unique(statistics[..., 0]) if place}


def class_names(labels: Iterable[str]) -> tuple[str, ...]:
    """Return the classes of a run in their order; refuse with a sentence what is no labels."""
    ordered = tuple(sorted(labels))
    if len(ordered) > MAX_CLASSES:
        raise NoClassesError(
            f"More than {MAX_CLASSES:,} different labels are expected, and a metric over classes "
            "takes no more. If the label stands inside the expected outputs, say where: path "
            "finds it in JSON, normalize brings spellings together."
        )
    return ordered


def renamed(statistics: Places, labels: Sequence[str], classes: Sequence[str]) -> Places:
    """Return rows (..., 2) with places in `classes` instead of `labels`; 0 where there is none."""
    places = {label: place for place, label in enumerate(classes, start=1)}
    table = np.array([0.0, *(places.get(label, 0) for label in labels)])
    return table[statistics.astype(np.intp)]


def under_one_vocabulary(
    parts: Sequence[tuple[Places, Sequence[str]]],
) -> tuple[Places, tuple[str, ...]]:
    """Lay statistics end to end, with all the labels of the parts in order."""
    labels = tuple(sorted({label for _, of_part in parts for label in of_part}))
    if not labels:
        return np.concatenate([statistics for statistics, _ in parts]), ()
    return np.concatenate([renamed(*part, labels) for part in parts]), labels
