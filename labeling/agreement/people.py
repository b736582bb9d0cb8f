"""What stands out about each annotator: a reason to talk, never a penalty. For leads only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from labeling.agreement.preferences import sides_of
from labeling.agreement.table import Table
from labeling.known import control_answers
from labeling.models import Campaign, Question
from labeling.questions import is_counted, scale_of, values_of
from metrics.statistics.agreement import Answers, Level
from metrics.statistics.agreement.annotators import Compared, Habit, agreeing, habits, severity
from metrics.statistics.agreement.leaving_out import LeftOut, left_out
from metrics.statistics.controls import ControlAccuracy, control_accuracy
from metrics.statistics.sides import SideBalance

FEW: Final = 20  # answers under which nothing is said about a person
QUICK: Final = 1 / 3  # of the others' median time
SEVERE: Final = 0.15  # of the scale's width, when the whole interval lies on one side
ALWAYS: Final = 0.9  # the share of one answer that looks like a habit
MATTERS: Final = 0.05  # of alpha, when one person is left out
CARELESS: Final = 0.8  # of control units, when the whole interval lies below


@dataclass(frozen=True, kw_only=True)
class Person:
    """One annotator's figures for one question, and what to look at."""

    name: str
    answers: int
    seconds: float | None  # the median of those that were taken
    others_seconds: float | None
    severity: Compared | None = None  # None where options have no order
    width: float | None = None  # of the scale
    agreeing: Compared | None = None
    left_out: LeftOut | None = None
    habit: Habit | None = None
    controls: ControlAccuracy | None = None
    sides: SideBalance | None = None

    @property
    def remarks(self) -> list[str]:
        """What to look at, in a word or two each; nothing under a handful of answers."""
        found = [self._about_controls(), self._about_sides()]
        if self.answers >= FEW:
            found += [
                self._about_pace(),
                self._about_severity(),
                self._about_habit(),
                self._about_alpha(),
            ]
        return [remark for remark in found if remark]

    def _about_pace(self) -> str:
        if self.seconds is None or self.others_seconds is None:
            return ""
        return "fast" if self.seconds < QUICK * self.others_seconds else ""

    def _about_severity(self) -> str:
        found = self.severity
        if found is None or found.value is None or found.low is None or found.high is None:
            return ""
        if abs(found.value) < SEVERE * (self.width or 0.0):
            return ""
        return "higher than others" if found.low > 0 else "lower than others" * (found.high < 0)

    def _about_habit(self) -> str:
        return "nearly always the same answer" * (
            self.habit is not None and self.habit.usual_share >= ALWAYS
        )

    def _about_alpha(self) -> str:
        found = self.left_out
        if found is None or found.low is None or found.difference is None:
            return ""
        return "apart from the others" * (found.low > 0 and found.difference >= MATTERS)

    def _about_controls(self) -> str:
        found = self.controls
        if found is None or found.high is None or found.caution:
            return ""
        return "careless on controls" * (found.high < CARELESS)

    def _about_sides(self) -> str:
        p = None if self.sides is None else self.sides.p_adjusted
        return "prefers one side" * (p is not None and p <= 0.05)


def people_of(campaign: Campaign, table: Table, question: Question) -> list[Person]:
    """Return everybody who answered a question, by name."""
    answers = table.columns(question)
    figures = _Figures.of(campaign, table, question, answers)
    people = [figures.person(pk, table.names[pk]) for pk in answers.annotator_ids.tolist()]
    return sorted(people, key=lambda person: person.name)


@dataclass(frozen=True)
class _Figures:
    """The figures of all people, by their key."""

    counts: dict[int, int]
    seconds: dict[int, list[float]]
    severity: dict[int, Compared]
    agreeing: dict[int, Compared]
    left_out: dict[int, LeftOut]
    habits: dict[int, Habit]
    controls: dict[int, ControlAccuracy]
    sides: dict[int, SideBalance]
    width: float | None

    @classmethod
    def of(
        cls, campaign: Campaign, table: Table, question: Question, answers: Answers
    ) -> _Figures:
        ids = answers.annotator_ids.tolist()
        people, counts = np.unique(answers.annotators, return_counts=True)
        has_order = is_counted(question) and Level(question.scale) is not Level.NOMINAL
        return cls(
            counts=dict(zip(answers.annotator_ids[people].tolist(), counts.tolist(), strict=True)),
            seconds=_seconds(table),
            severity=_by_person(severity(answers, width=_width(question))) if has_order else {},
            agreeing=_by_person(agreeing(answers)),
            left_out={one.annotator: one for one in left_out(answers, scale_of(question))},
            habits={one.annotator: one for one in habits(answers)} if ids else {},
            controls={one.annotator: one for one in _controls(campaign)},
            sides={one.annotator: one for one in sides_of(campaign, table, question)},
            width=_width(question),
        )

    def person(self, pk: int, name: str) -> Person:
        own = self.seconds.get(pk, [])
        others = [
            seconds for other, given in self.seconds.items() if other != pk for seconds in given
        ]
        return Person(
            name=name,
            answers=self.counts.get(pk, 0),
            seconds=_median(own),
            others_seconds=_median(others),
            severity=self.severity.get(pk),
            width=self.width,
            agreeing=self.agreeing.get(pk),
            left_out=self.left_out.get(pk),
            habit=self.habits.get(pk),
            controls=self.controls.get(pk),
            sides=self.sides.get(pk),
        )


def _by_person(figures: Sequence[Compared]) -> dict[int, Compared]:
    return {figure.annotator: figure for figure in figures}


def _seconds(table: Table) -> dict[int, list[float]]:
    taken: defaultdict[int, list[float]] = defaultdict(list)
    is_taken = ~np.isnan(table.seconds)
    people = table.annotators[is_taken].tolist()
    for person, seconds in zip(people, table.seconds[is_taken].tolist(), strict=True):
        taken[person].append(seconds)
    return taken


def _median(numbers: Sequence[float]) -> float | None:
    return float(np.median(numbers)) if len(numbers) else None


def _controls(campaign: Campaign) -> list[ControlAccuracy]:
    given = list(control_answers(campaign))
    return control_accuracy(
        annotators=[answer.annotator for answer in given],
        are_right=[np.nan if answer.is_right is None else answer.is_right for answer in given],
    )


def _width(question: Question) -> float | None:
    ends = [end for end in (question.low, question.high) if end is not None]
    values = values_of(question) or ends
    return max(values) - min(values) if len(values) > 1 else None
