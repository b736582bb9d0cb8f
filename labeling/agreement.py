"""How far the people of a campaign agree, question by question, as it stands now."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from evalhub.datasets.selectors import slicing
from evalhub.runs.models import Run
from labeling.models import Annotation, Campaign, Question, Unit
from labeling.questions import Answer, as_number, numbers_of
from labeling.selectors import questions_of
from metrics.agreement import Agreement, agreement
from metrics.coincidences import Level

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


def agreement_by_question(campaign: Campaign, table: Table) -> list[QuestionAgreement]:
    results = []
    for question in questions_of(campaign):
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


def widest_splits(campaign: Campaign, table: Table) -> list[Split]:
    """Return the units with most disagreement, over all questions."""
    splits = [split for question in questions_of(campaign) for split in _splits(question, table)]
    splits.sort(key=lambda split: (-split.distance, -len(split.answers), split.unit))
    return splits[:SHOWN_UNITS]


def _splits(question: Question, table: Table) -> list[Split]:
    values = table.numbers(question)
    given = ~np.isnan(values)
    if not given.any():
        return []
    span = float(np.ptp(values[given])) or 1.0
    is_nominal = question.scale == Question.Scale.NOMINAL
    by_unit: defaultdict[int, list[float]] = defaultdict(list)
    pairs: Any = zip(table.units[given].tolist(), values[given].tolist(), strict=True)
    for unit, value in pairs:
        by_unit[unit].append(value)
    return [
        Split(unit, question, sorted(answers), _distance(answers, span, is_nominal=is_nominal))
        for unit, answers in by_unit.items()
        if min(answers) < max(answers)
    ]


def _distance(answers: list[float], span: float, *, is_nominal: bool) -> float:
    pairs = [(a, b) for at, a in enumerate(answers) for b in answers[at + 1 :]]
    distances = [float(a != b) if is_nominal else abs(a - b) / span for a, b in pairs]
    return sum(distances) / len(distances)
