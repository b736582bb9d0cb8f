"""The units on which people differ most, with what they are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from evalhub.datasets.selectors import examples_at_positions
from labeling.agreement.table import Table, counted
from labeling.evidence import asked_of
from labeling.models import Campaign, Question, Unit
from labeling.questions import is_counted, values_of

SHOWN_UNITS: Final = 10


@dataclass(frozen=True)
class Split:
    """A unit that people judge differently: their answers as numbers, in order."""

    unit: int
    question: Question
    answers: list[float]
    distance: float  # mean over pairs, as a share of the largest distance there is
    low: float
    high: float

    @property
    def written(self) -> str:
        """The answers as people gave them."""
        labels = {
            value: str(option["label"])
            for value, option in zip(values_of(self.question), self.question.options, strict=True)
        }
        return ", ".join(labels.get(answer, f"{answer:g}") for answer in self.answers)

    @property
    def drawn(self) -> str:
        return f"Answers to {self.question.name}: {self.written}"


def widest_splits(campaign: Campaign, table: Table) -> list[Split]:
    """Return the units with most disagreement, over all questions."""
    splits = [
        split
        for question in counted(campaign)
        if is_counted(question)
        for split in _splits(question, table)
    ]
    splits.sort(key=lambda split: (-split.distance, -len(split.answers), split.unit))
    return splits[:SHOWN_UNITS]


def _splits(question: Question, table: Table) -> list[Split]:
    values = table.numbers(question)
    given = ~np.isnan(values)
    if not given.any():
        return []
    options = values_of(question) or [float(values[given].min()), float(values[given].max())]
    low, high = min(options), max(options)
    span = high - low or 1.0
    is_nominal = question.scale == Question.Scale.NOMINAL
    by_unit: defaultdict[int, list[float]] = defaultdict(list)
    pairs: Any = zip(table.units[given].tolist(), values[given].tolist(), strict=True)
    for unit, value in pairs:
        by_unit[unit].append(value)
    return [
        Split(
            unit=unit,
            question=question,
            answers=sorted(answers),
            distance=_distance(answers, span, is_nominal=is_nominal),
            low=low,
            high=high,
        )
        for unit, answers in by_unit.items()
        if min(answers) < max(answers)
    ]


def _distance(answers: list[float], span: float, *, is_nominal: bool) -> float:
    pairs = [(a, b) for at, a in enumerate(answers) for b in answers[at + 1 :]]
    distances = [float(a != b) if is_nominal else abs(a - b) / span for a, b in pairs]
    return sum(distances) / len(distances)


@dataclass(frozen=True)
class ShownSplit:
    """A unit on which people differ, with where it comes from."""

    split: Split
    unit: Unit
    systems: str  # all that gave this output
    key: str
    said: str


def shown_splits(splits: Sequence[Split]) -> list[ShownSplit]:
    """Return the units of some splits with their examples."""
    units = (
        Unit.objects.select_related("run__version", "run__system_version__system")
        .prefetch_related("stands_for__run__system_version__system")
        .in_bulk([split.unit for split in splits])
    )
    shown = []
    for split in splits:
        unit = units[split.unit]
        example = examples_at_positions(unit.run.version, [unit.position])[unit.position]
        alike = [unit, *unit.stands_for.all()]
        systems = ", ".join(sorted({str(each.run.system_version) for each in alike}))
        shown.append(ShownSplit(split, unit, systems, example.key, asked_of(example.fields)))
    return shown
