"""Answers held against those that are known to be right."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from labeling.models import Annotation, Annotator, Campaign, Control, Purpose, Question, Unit
from labeling.questions import Answer, as_written, has_numbers, is_number


@dataclass(frozen=True)
class Verdict:
    """How one question was answered whose answer is known; None is "cannot judge"."""

    question: Question
    given: Answer
    known: Answer
    is_right: bool


@dataclass(frozen=True)
class Feedback:
    """What a person is told of one unit of the qualification, question by question."""

    verdicts: Sequence[Verdict]
    explanation: str

    @property
    def is_right(self) -> bool:
        return all(verdict.is_right for verdict in self.verdicts)


def is_right(question: Question, given: Answer, known: Answer, tolerance: float = 0.0) -> bool:
    """Say whether an answer is the known one, or as close to it as is allowed.

    Numbers may be off by the tolerance, and points in order by as many points.
    """
    if given is None or known is None:
        return given is known
    if isinstance(given, list) and isinstance(known, list):
        return set(given) == set(known)
    if question.kind == Question.Kind.YES_NO or question.scale == Question.Scale.NOMINAL:
        return given == known
    if has_numbers(question) and is_number(given) and is_number(known):
        return abs(as_written(given) - as_written(known)) <= as_written(tolerance)
    values = [option["value"] for option in question.options]
    if given not in values or known not in values:
        return False
    return abs(values.index(given) - values.index(known)) <= tolerance


def verdicts(
    questions: Mapping[str, Question], control: Control, given: Mapping[str, Answer]
) -> list[Verdict]:
    """Return how each question with a known answer was answered; one left out was not right.

    A question that is asked no more has no verdict.
    """
    return [
        Verdict(
            question=questions[name],
            given=given.get(name),
            known=known,
            is_right=name in given
            and is_right(questions[name], given[name], known, control.tolerance),
        )
        for name, known in control.answers.items()
        if name in questions
    ]


def feedback_on(*, annotator: Annotator, unit: Unit) -> Feedback | None:
    """Return what a person is told of an answer in the qualification, and of no other."""
    control = Control.objects.filter(unit=unit, purpose=Purpose.QUALIFICATION).first()
    mine = Annotation.objects.given().filter(annotator=annotator, unit=unit).first()
    if control is None or mine is None:
        return None
    questions = {question.name: question for question in annotator.campaign.asked}
    return Feedback(verdicts(questions, control, mine.answers), control.explanation)


@dataclass(frozen=True, slots=True)
class ControlAnswer:
    """One person's answers to one unit with known ones.

    Right when all are; None when none is wrong and one "cannot be judged", though it can.
    """

    annotator: int
    unit: int
    is_right: bool | None


def control_answers(
    campaign: Campaign, *, purpose: str = Purpose.CONTROL
) -> Iterator[ControlAnswer]:
    """Yield how people answered the units with known answers, skipped ones left out."""
    questions = {question.name: question for question in campaign.asked}
    controls = {
        control.unit_id: control
        for control in Control.objects.filter(campaign=campaign, purpose=purpose)
    }
    given = Annotation.objects.given().filter(unit__in=controls).order_by("annotator", "unit")
    for annotator, unit, answers in given.values_list("annotator_id", "unit_id", "answers"):
        found = verdicts(questions, controls[unit], answers)
        if found:
            yield ControlAnswer(annotator, unit, _together(found))


def _together(found: Sequence[Verdict]) -> bool | None:
    wrong = [verdict for verdict in found if not verdict.is_right]
    if not wrong:
        return True
    return None if all(verdict.given is None for verdict in wrong) else False


@dataclass(frozen=True)
class Score:
    """How far a person is in the qualification: questions right, of all, and units still to do."""

    right: int
    total: int
    left: int

    @property
    def share(self) -> float:
        return self.right / self.total


def qualification_of(annotator: Annotator) -> Score | None:
    """Return a person's score in the qualification, or None where the campaign has none."""
    campaign = annotator.campaign
    controls = list(Control.objects.filter(campaign=campaign, purpose=Purpose.QUALIFICATION))
    if not controls:
        return None
    bundles = {control.bundle for control in controls}
    units = Unit.objects.filter(campaign=campaign, bundle__in=bundles, twin__isnull=True)
    done = {
        mine.unit_id: mine
        for mine in Annotation.objects.filter(annotator=annotator, bundle__in=bundles).exclude(
            state=Annotation.State.WITHDRAWN
        )
    }
    questions = {question.name: question for question in campaign.asked}
    found = [
        verdict
        for control in controls
        for verdict in verdicts(
            questions, control, done[control.unit_id].answers if control.unit_id in done else {}
        )
    ]
    return Score(
        right=sum(verdict.is_right for verdict in found),
        total=len(found),
        left=sum(unit not in done for unit in units.values_list("pk", flat=True)),
    )
