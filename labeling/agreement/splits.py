"""The units on which people differ most, with what they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from evalhub.datasets.selectors import examples_at_positions
from labeling.agreement.table import Table, counted
from labeling.evidence import asked_of
from labeling.models import Campaign, Question, Unit
from labeling.questions import is_counted, scale_of, values_of, width_of
from metrics.statistics.agreement.distances import disagreements, worst

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
    answers = table.columns(question)
    if not len(answers.values):
        return []
    options = values_of(question) or [float(answers.values.min()), float(answers.values.max())]
    distances = disagreements(answers, scale_of(question), width=width_of(question))
    return [
        Split(
            unit=int(answers.unit_ids[at]),
            question=question,
            answers=sorted(answers.values[answers.units == at].tolist()),
            distance=float(distances[at]),
            low=min(options),
            high=max(options),
        )
        for at in worst(distances, SHOWN_UNITS)
    ]


@dataclass(frozen=True)
class ShownSplit:
    """A unit on which people differ, with where it comes from."""

    split: Split
    unit: Unit
    systems: str  # all that gave this output; of a pair which one is A and which one B
    key: str
    said: str


def shown_splits(splits: Sequence[Split]) -> list[ShownSplit]:
    """Return the units of some splits with their examples."""
    units = (
        Unit.objects.select_related("run__version", "run__system_version__system")
        .select_related("second_run__system_version__system")
        .prefetch_related(
            "stands_for__run__system_version__system",
            "stands_for__second_run__system_version__system",
        )
        .in_bulk([split.unit for split in splits])
    )
    shown = []
    for split in splits:
        unit = units[split.unit]
        example = examples_at_positions(unit.run.version, [unit.position])[unit.position]
        alike = [unit, *unit.stands_for.all()]
        systems = "; ".join(sorted({_systems_of(each) for each in alike}))
        shown.append(ShownSplit(split, unit, systems, example.key, asked_of(example.fields)))
    return shown


def _systems_of(unit: Unit) -> str:
    """Name what gave an output, or the two outputs of a pair as the answers to it name them."""
    first = str(unit.run.system_version)
    if unit.second_run is None:
        return first
    second = str(unit.second_run.system_version)
    if unit.is_reversed:
        first, second = second, first
    return f"A {first}, B {second}"
