"""One unit as an expert sees it: what was asked, what was answered, and what everybody said.

Nothing of it tells which system gave an output, or which person an answer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from evalhub.datasets.selectors import examples_at_positions
from labeling.counting import Comparable, comparable_sets
from labeling.evidence import Evidence, asked_of, evidence_for
from labeling.history import answer_in_words
from labeling.models import (
    Annotation,
    Campaign,
    Decision,
    DecisionRevision,
    Flag,
    Question,
    Unit,
)
from labeling.ordering import shuffled
from labeling.questions import (
    Answer,
    Differing,
    DifferRule,
    as_number,
    is_counted,
    mirrored,
    numbers_of,
    values_of,
)

SIDE, PEOPLE, FOUND = 1, 2, 3  # what is drawn for a unit, from the campaign's seed
_HEARD: Final = (Annotation.State.GIVEN, Annotation.State.SKIPPED)


@dataclass(frozen=True)
class Spoken:
    """What a rater answered to one question."""

    question: Question
    words: str
    differs: bool  # people differ on this question
    is_outdated: bool  # it is asked otherwise today, so this counts no more


@dataclass(frozen=True)
class Rater:
    """One person's part, under a number that says nothing of them."""

    number: int
    flag: Flag | None
    spoken: Sequence[Spoken] = ()
    words: Sequence[Spoken] = ()  # critiques and corrections
    skipped: str = ""  # why they left it to others
    note: str = ""  # to the skip
    seconds: float | None = None
    n_changes: int = 0
    is_turned: bool = False  # of a pair: they saw the sides the other way round


@dataclass(frozen=True)
class Point:
    """The answers to a question as numbers, where they can be drawn."""

    question: Question
    values: Sequence[float]
    low: float
    high: float
    said: str


@dataclass(frozen=True)
class Case:
    """A unit with all that an expert needs to decide it."""

    campaign: Campaign
    unit: Unit
    key: str
    asked: str
    evidence: Evidence
    is_swapped: bool
    raters: Sequence[Rater]
    drawn: Sequence[Point]
    differing: Sequence[str]
    flags: Sequence[Flag]
    decision: Decision | None
    before: Sequence[DecisionRevision]

    @property
    def is_pair(self) -> bool:
        return self.unit.second_run_id is not None

    @property
    def n_open_flags(self) -> int:
        return sum(flag.resolved_at is None for flag in self.flags)

    @property
    def seen(self) -> int:
        """The revision of the decision that is looked at, 0 where there is none."""
        return 0 if self.decision is None else self.decision.revision

    @cached_property
    def decided(self) -> list[tuple[str, str]]:
        """What is decided, in words."""
        answers = {} if self.decision is None else self.decision.answers
        asked = {question.name: question for question in self.campaign.asked}
        return [
            (name, answer_in_words(asked[name], answer, self.is_swapped))
            for name, answer in answers.items()
            if name in asked
        ]


def case_of(campaign: Campaign, unit: Unit) -> Case:
    """Read a unit, of a pair with the sides that are drawn for it, the same for every expert."""
    is_swapped = unit.second_run_id is not None and bool(
        shuffled(campaign.seed, unit.pk, SIDE) & 1
    )
    annotations = list(
        Annotation.objects.filter(unit=unit, state__in=_HEARD)
        .select_related("question_set")
        .prefetch_related("question_set__questions")
    )
    flags = list(Flag.objects.filter(unit=unit).order_by("at", "pk"))
    counting = comparable_sets(campaign)
    answers = _counted(annotations, counting)
    rule = DifferRule.of(campaign.differ_rule)
    differing = [
        question.name
        for question in campaign.asked
        if Differing.of(question, rule).differ(answers.get(question.name, ()))
    ]
    example = examples_at_positions(unit.run.version, [unit.position])[unit.position]
    evidence = evidence_for(
        unit,
        seed=shuffled(campaign.seed, unit.pk, FOUND),
        with_reference=campaign.shows_reference,
        is_swapped=is_swapped,
    )
    return Case(
        campaign=campaign,
        unit=unit,
        key=example.key,
        asked=asked_of(example.fields),
        evidence=evidence,
        is_swapped=is_swapped,
        raters=_raters(
            annotations,
            flags,
            counting,
            differing,
            seed=shuffled(campaign.seed, unit.pk, PEOPLE),
            is_swapped=is_swapped,
        ),
        drawn=_drawn(campaign, answers, differing, is_swapped=is_swapped),
        differing=differing,
        flags=flags,
        decision=Decision.objects.select_related("decided_by").filter(unit=unit).first(),
        before=list(
            DecisionRevision.objects.select_related("decided_by")
            .filter(unit=unit)
            .order_by("-number")
        ),
    )


def _counted(
    annotations: Sequence[Annotation], counting: Comparable
) -> Mapping[str, Sequence[Answer]]:
    """Return the answers that count, by question."""
    answers: defaultdict[str, list[Answer]] = defaultdict(list)
    for annotation in annotations:
        if annotation.state == Annotation.State.GIVEN:
            for name, answer in annotation.answers.items():
                if annotation.question_set_id in counting.get(name, ()):
                    answers[name].append(answer)
    return answers


def _raters(
    annotations: Sequence[Annotation],
    flags: Sequence[Flag],
    counting: Comparable,
    differing: Sequence[str],
    *,
    seed: int,
    is_swapped: bool,
) -> list[Rater]:
    by_person = {annotation.annotator_id: annotation for annotation in annotations}
    flag_of = {flag.annotator_id: flag for flag in flags}
    people = sorted({*by_person, *flag_of}, key=lambda person: shuffled(seed, person))
    return [
        Rater(
            number=number,
            flag=flag_of.get(person),
            **_part(by_person.get(person), counting, differing, is_swapped=is_swapped),
        )
        for number, person in enumerate(people, start=1)
    ]


def _part(
    said: Annotation | None,
    counting: Comparable,
    differing: Sequence[str],
    *,
    is_swapped: bool,
) -> dict[str, Any]:
    if said is None:
        return {}
    if said.state == Annotation.State.SKIPPED:
        return {"skipped": said.get_skip_reason_display() or "no reason given", "note": said.note}
    spoken = [
        Spoken(
            question=question,
            words=answer_in_words(question, said.answers[question.name], is_swapped),
            differs=question.name in differing,
            is_outdated=said.question_set_id not in counting.get(question.name, ()),
        )
        for question in said.question_set.in_order
        if question.name in said.answers
    ]
    return {
        "spoken": [each for each in spoken if not each.question.is_words],
        "words": [each for each in spoken if each.question.is_words],
        "seconds": said.seconds,
        "n_changes": said.revision - 1,
        "is_turned": said.is_swapped != is_swapped,
    }


def _drawn(
    campaign: Campaign,
    answers: Mapping[str, Sequence[Answer]],
    differing: Sequence[str],
    *,
    is_swapped: bool,
) -> list[Point]:
    """Return the answers on which people differ as numbers, where the scale has an order."""
    drawn = []
    for question in campaign.asked:
        is_ordered = question.scale not in (Question.Scale.NOMINAL, Question.Scale.NONE)
        if question.name not in differing or not is_counted(question) or not is_ordered:
            continue
        turns = is_swapped and question.kind == Question.Kind.PREFERENCE
        given = [
            mirrored(answer) if turns else answer
            for answer in answers[question.name]
            if answer is not None
        ]
        # Grades of a preference stand as they are chosen from, with A on the left.
        sign = -1 if question.kind == Question.Kind.PREFERENCE else 1
        numbers = numbers_of(question)
        values = sorted(sign * as_number(question, answer, numbers) for answer in given)
        ends = [sign * value for value in values_of(question)] or [
            values[0] if question.low is None else question.low,
            values[-1] if question.high is None else question.high,
        ]
        said = ", ".join(answer_in_words(question, answer, False) for answer in given)  # noqa: FBT003
        drawn.append(Point(question, values, min(ends), max(ends), f"{question.name}: {said}"))
    return drawn
