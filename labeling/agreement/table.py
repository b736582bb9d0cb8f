"""Every answer of a campaign that counts for agreement, read once for all that is computed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from evalhub.datasets.selectors import slicing
from evalhub.runs.models import Run
from labeling.counting import Comparable, comparable_sets
from labeling.models import Annotation, Campaign, Purpose, Question, Unit
from labeling.questions import Answer, number_of
from metrics.statistics.agreement import Answers


@dataclass(frozen=True, eq=False)
class Table:
    """Every answer that counts: its unit, its annotator, its group, and what was answered.

    Decisions are none of them, and neither are answers to controls and qualifications.
    """

    units: NDArray[np.int64]
    annotators: NDArray[np.int64]
    groups: NDArray[np.int64]
    answers: list[dict[str, Answer]]
    question_sets: list[int]
    are_swapped: NDArray[np.bool_]
    are_at_desk: NDArray[np.bool_]  # others came by a file, which says nothing of sides
    seconds: NDArray[np.float64]  # NaN where they were not taken
    at: list[datetime]
    names: Mapping[int, str]  # of annotators
    comparable: Comparable
    group_field: str  # the cluster field, or empty where each example is a group

    @cached_property
    def order(self) -> NDArray[np.float64]:
        """When each answer was given, in seconds since 1970."""
        return np.array([moment.timestamp() for moment in self.at], dtype=np.float64)

    def said(self, question: Question) -> list[Answer]:
        """Return each row's answer to a question; None is "cannot judge", or none under it."""
        sets = self.comparable.get(question.name, frozenset())
        return [
            answers.get(question.name) if question_set in sets else None
            for answers, question_set in zip(self.answers, self.question_sets, strict=True)
        ]

    def numbers(self, question: Question) -> NDArray[np.float64]:
        """Return each answer to a question as a number, NaN where there is none."""
        number = number_of(question)
        return np.array(
            [np.nan if answer is None else number(answer) for answer in self.said(question)],
            dtype=np.float64,
        )

    def columns(self, question: Question) -> Answers:
        """Return the answers to a question as all figures about agreement take them."""
        return Answers.of(
            units=self.units,
            annotators=self.annotators,
            values=self.numbers(question),
            groups=self.groups,
            are_clusters=bool(self.group_field),
            order=self.order,
        )


def counted(campaign: Campaign) -> list[Question]:
    """Return the questions on which people can agree: all but those answered in words."""
    return [question for question in campaign.asked if not question.is_words]


def answers_of(campaign: Campaign) -> Table:
    """Read what counts. An imported answer to a twin is one to a unit of its own."""
    rows = list(
        Annotation.objects.given()
        .filter(unit__campaign=campaign, unit__purpose=Purpose.LABEL)
        .order_by("pk")
        .values_list(
            *("unit_id", "annotator_id", "answers", "question_set_id"),
            *("is_swapped", "seconds", "at", "slot_id"),
        )
    )
    group_of_unit, field = _groups(campaign)
    return Table(
        units=np.array([row[0] for row in rows], dtype=np.int64),
        annotators=np.array([row[1] for row in rows], dtype=np.int64),
        groups=np.array([group_of_unit[row[0]] for row in rows], dtype=np.int64),
        answers=[row[2] for row in rows],
        question_sets=[row[3] for row in rows],
        are_swapped=np.array([row[4] for row in rows], dtype=np.bool_),
        are_at_desk=np.array([row[7] is not None for row in rows], dtype=np.bool_),
        seconds=np.array([np.nan if row[5] is None else row[5] for row in rows], dtype=np.float64),
        at=[row[6] for row in rows],
        names=dict(campaign.annotators.values_list("pk", "name")),
        comparable=comparable_sets(campaign),
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
