"""What one person has answered: back and forth through it, and searched by its words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Q, QuerySet

from evalhub.datasets.selectors import examples_at_positions
from labeling.evidence import asked_of
from labeling.models import Annotation, Annotator, Question, Unit
from labeling.questions import Answer, mirrored

SHOWN: Final = 25
READ_AT_ONCE: Final = 200
MOST_READ: Final = 5_000  # answers that one search looks at; the next page goes on from there


def own_answers(annotator: Annotator) -> QuerySet[Annotation]:
    """Return what a person answered or skipped, newest first."""
    states = (Annotation.State.GIVEN, Annotation.State.SKIPPED)
    own = Annotation.objects.filter(annotator=annotator, state__in=states)
    return own.order_by("-at", "-pk")


def own_answer_to(annotator: Annotator, unit: Unit) -> Annotation | None:
    return own_answers(annotator).filter(unit=unit).first()


def beside(annotator: Annotator, answer: Annotation | None, *, older: bool) -> Annotation | None:
    """Return the own answer before or after one of them; without one, the newest of all."""
    own = own_answers(annotator).select_related(*READ)
    if answer is None:
        return own.first() if older else None
    if older:
        return own.filter(Q(at__lt=answer.at) | Q(at=answer.at, pk__lt=answer.pk)).first()
    newer = own.filter(Q(at__gt=answer.at) | Q(at=answer.at, pk__gt=answer.pk))
    return newer.order_by("at", "pk").first()


READ: Final = ("unit__run__version", "unit__second_run__version", "question_set")


@dataclass(frozen=True)
class Past:
    """One own answer, in words."""

    annotation: Annotation
    asked: str  # of the system
    answers: list[tuple[str, str]]  # (question, what was answered)

    @property
    def was_skipped(self) -> bool:
        return self.annotation.state == Annotation.State.SKIPPED

    @property
    def text(self) -> str:
        said = " ".join(f"{name} {words}" for name, words in self.answers)
        return f"{self.asked} {said} {self.annotation.note}".casefold()


@dataclass(frozen=True)
class Pasts:
    """A page of own answers; `older` is the unit of the answer after which the next one begins.

    A unit's name says nothing, where the key of an answer would count those of everybody.
    """

    rows: list[Past]
    older: str


def history(annotator: Annotator, *, words: str = "", before: str = "") -> Pasts:
    """Return own answers that hold all of these words, newest first, older than `before`."""
    wanted = words.casefold().split()
    own = own_answers(annotator).select_related(*READ).prefetch_related("question_set__questions")
    if before and (last := own.filter(unit__public_id=before).first()) is not None:
        own = own.filter(Q(at__lt=last.at) | Q(at=last.at, pk__lt=last.pk))
    rows: list[Past] = []
    last_read = ""
    for read, past in enumerate(_pasts(own)):
        if len(rows) == SHOWN or read == MOST_READ:
            return Pasts(rows, older=last_read)
        last_read = past.annotation.unit.public_id
        if all(word in past.text for word in wanted):
            rows.append(past)
    return Pasts(rows, older="")


def _pasts(own: QuerySet[Annotation]) -> Iterator[Past]:
    for start in range(0, MOST_READ + READ_AT_ONCE, READ_AT_ONCE):
        annotations = list(own[start : start + READ_AT_ONCE])
        asked = _asked(annotations)
        for annotation in annotations:
            yield Past(annotation, asked[annotation.pk], in_words(annotation))
        if len(annotations) < READ_AT_ONCE:
            return


def _asked(annotations: Sequence[Annotation]) -> dict[int, str]:
    """Return what systems were asked, by the key of the answer."""
    by_version: dict[Any, list[Annotation]] = {}
    for annotation in annotations:
        by_version.setdefault(annotation.unit.run.version, []).append(annotation)
    asked = {}
    for version, rows in by_version.items():
        examples = examples_at_positions(version, [row.unit.position for row in rows])
        for row in rows:
            asked[row.pk] = asked_of(examples[row.unit.position].fields)
    return asked


def in_words(annotation: Annotation) -> list[tuple[str, str]]:
    """Return what was answered to each question, sides as they were shown."""
    said = []
    for question in annotation.question_set.in_order:
        if question.name in annotation.answers:
            answer = annotation.answers[question.name]
            said.append((question.name, answer_in_words(question, answer, annotation.is_swapped)))
    return said


def answer_in_words(question: Question, answer: Answer, is_swapped: bool) -> str:  # noqa: FBT001
    """Return an answer by the label of its option; sides of a pair are those that were seen."""
    if answer is None:
        return "cannot judge"
    if is_swapped and question.kind == Question.Kind.PREFERENCE:
        answer = mirrored(answer)
    if not question.options:
        return str(answer)
    chosen = answer if isinstance(answer, list) else [answer]
    return ", ".join(option["label"] for option in question.options if option["value"] in chosen)
