"""How far the people of a campaign agree, question by question, as it stands now."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from evalhub.datasets.selectors import examples_at_positions, slicing
from evalhub.runs.models import Run
from evalhub.web import formatting
from labeling.evidence import asked_of
from labeling.models import Annotation, Campaign, Question, Unit
from labeling.questions import Answer, as_number, is_counted, numbers_of, values_of
from metrics.statistics.agreement import Agreement, Level, agreement

CAUTIOUS: Final = 0.667  # Krippendorff (2004): the lowest alpha for tentative conclusions
RELIABLE: Final = 0.8
SHOWN_UNITS: Final = 10


@dataclass(frozen=True, eq=False)
class Table:
    """Every answer that counts: its unit, its annotator, its group, and what was answered."""

    units: NDArray[np.int64]
    annotators: NDArray[np.int64]
    groups: NDArray[np.int64]
    answers: list[dict[str, Answer]]
    group_field: str  # the cluster field, or empty where each example is a group

    def numbers(self, question: Question) -> NDArray[np.float64]:
        """Return each answer to a question as a number, NaN where there is none."""
        numbers = numbers_of(question)
        return np.array(
            [
                np.nan if answer is None else as_number(question, answer, numbers)
                for answer in (answers.get(question.name) for answers in self.answers)
            ],
            dtype=np.float64,
        )


def counted(campaign: Campaign) -> list[Question]:
    """Return the questions whose answers are numbers each."""
    return [question for question in campaign.asked if is_counted(question)]


def answers_of(campaign: Campaign) -> Table:
    """Read what counts. An imported answer to a twin is one to a unit of its own."""
    rows = list(
        Annotation.objects.given()
        .filter(unit__campaign=campaign)
        .order_by("pk")
        .values_list("unit_id", "annotator_id", "answers")
    )
    group_of_unit, field = _groups(campaign)
    return Table(
        units=np.array([unit for unit, *_ in rows], dtype=np.int64),
        annotators=np.array([annotator for _, annotator, _ in rows], dtype=np.int64),
        groups=np.array([group_of_unit[unit] for unit, *_ in rows], dtype=np.int64),
        answers=[answers for *_, answers in rows],
        group_field=field,
    )


def _groups(campaign: Campaign) -> tuple[dict[int, int], str]:
    """Return the independent group of every unit: its cluster where there are some, or example."""
    runs = list(campaign.runs.select_related("version"))
    units = Unit.objects.filter(campaign=campaign)
    fields = {run.version.cluster_field for run in runs}
    if len(fields) > 1 or "" in fields:
        return dict(units.values_list("pk", "bundle")), ""
    by_version = {run.version_id: run for run in runs}
    of_version = {pk: _levels(run) for pk, run in by_version.items()}
    levels = {run.pk: of_version[run.version_id] for run in runs}
    numbers: dict[object, int] = {}
    groups = {}
    for pk, run_id, position, bundle in units.values_list("pk", "run_id", "position", "bundle"):
        level = levels[run_id][position] if levels[run_id] else None
        # An example without a cluster is one of its own.
        name = ("example", bundle) if level is None else ("cluster", level)
        groups[pk] = numbers.setdefault(name, len(numbers))
    return groups, fields.pop()


def _levels(run: Run) -> list[str | None]:
    found = slicing(run.version, run.version.cluster_field)
    if found is None:
        return []
    return [found.levels[code] if code >= 0 else None for code in found.codes.tolist()]


@dataclass(frozen=True, eq=False)
class QuestionAgreement:
    """One question's agreement, and what it means."""

    question: Question
    agreement: Agreement
    reading: str
    bounds = (CAUTIOUS, RELIABLE)

    @property
    def drawn(self) -> str:
        """The picture of the interval, in words."""
        found = self.agreement
        value = formatting.number(found.alpha, 3)
        ends = formatting.interval(found.low, found.high, 3)
        return f"{self.question.name}: alpha {value}, interval {ends}"


def agreement_by_question(campaign: Campaign, table: Table) -> list[QuestionAgreement]:
    results = []
    for question in counted(campaign):
        result = agreement(
            units=table.units,
            annotators=table.annotators,
            values=table.numbers(question),
            level=Level(question.scale),
            groups=table.groups,
            are_clusters=bool(table.group_field),
        )
        results.append(QuestionAgreement(question, result, reading(result)))
    return results


def reading(result: Agreement) -> str:
    """Say in words what an alpha allows."""
    if result.undefined is not None:
        return result.undefined.sentence
    if result.low is None or result.high is None:
        return f"No conclusion yet. {result.no_interval}"
    if result.low >= RELIABLE:
        return "Good enough to rely on: the whole interval lies above 0.800."
    if result.low >= CAUTIOUS:
        return "Enough for cautious conclusions: the whole interval lies above 0.667."
    if result.high < CAUTIOUS:
        return "Do not decide on this yet: the whole interval lies below 0.667."
    return "Not settled: the interval reaches below 0.667. Do not decide on it."


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
    splits = [split for question in counted(campaign) for split in _splits(question, table)]
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


def axis_start(results: Sequence[QuestionAgreement]) -> float:
    """Return where the axis of alphas begins: at 0, or lower where an interval reaches lower."""
    found = [result.agreement for result in results]
    ends = [end for each in found for end in (each.alpha, each.low) if end is not None]
    return min(0.0, math.floor(2 * min(ends, default=0.0)) / 2)


def title_of(results: Sequence[QuestionAgreement]) -> str:
    """Say the finding in one line."""
    agreed = [result for result in results if _is_at_least(result, CAUTIOUS)]
    apart = [result for result in results if _is_below(result, CAUTIOUS)]
    if agreed and apart:
        return f"People agree on {_names(agreed)}, not on {_names(apart)}"
    if agreed:
        return f"People agree on {_names(agreed)}"
    if apart:
        return f"People do not agree enough on {_names(apart)}"
    if any(result.agreement.alpha is not None for result in results):
        return "Whether people agree is not settled"
    return "There is no agreement to speak of yet"


def _is_at_least(result: QuestionAgreement, bound: float) -> bool:
    return result.agreement.low is not None and result.agreement.low >= bound


def _is_below(result: QuestionAgreement, bound: float) -> bool:
    return result.agreement.high is not None and result.agreement.high < bound


def _names(results: Sequence[QuestionAgreement]) -> str:
    names = [result.question.name for result in results]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


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
