"""Units with known answers: the qualification before the work, and controls within it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from django.db import transaction
from django.db.models import Count, F, Max, QuerySet
from django.utils import timezone

from evalhub.accounts.services import Actor, record
from evalhub.errors import ContentError, FieldError
from labeling.known import qualification_of
from labeling.models import (
    Annotation,
    Annotator,
    Campaign,
    Control,
    Purpose,
    Question,
    Slot,
    Unit,
)
from labeling.ordering import shuffled
from labeling.questions import Answer, AnswerError, is_number, mirrored, read_answer
from labeling.services.noting import count
from labeling.services.seats import hold_everybody
from labeling.services.slots import PERSONAL, give_back

MAX_EXPLANATION = 5_000


@dataclass(frozen=True, kw_only=True)
class Known:
    """The right answers to a unit, as somebody says them."""

    unit: Unit
    answers: Mapping[str, object]
    tolerance: float = 0.0
    explanation: str = ""
    purpose: str = Purpose.CONTROL


def set_control(
    *,
    unit: Unit,
    answers: Mapping[str, object],
    tolerance: float = 0.0,
    explanation: str = "",
    purpose: str = Purpose.CONTROL,
    actor: Actor,
) -> Control:
    """Say what the right answers to a unit are, for all who will be asked.

    Its example is no longer labeled: places that nobody has taken go away, answers that were
    given stay. A twin's answers are set on the unit that is shown.
    """
    known, errors = read_known(
        Known(
            unit=unit,
            answers=answers,
            tolerance=tolerance,
            explanation=explanation,
            purpose=purpose,
        )
    )
    if errors:
        raise ContentError(errors[0].detail, errors=errors)
    [control] = set_controls(campaign=unit.campaign, all_known=[known], actor=actor)
    return control


def read_known(given: Known) -> tuple[Known, list[FieldError]]:
    """Return right answers in one form, on the unit that is shown, and what is wrong with them."""
    unit, errors = given.unit, list[FieldError]()
    answers = _known_answers(unit.campaign, given.answers, errors)
    if not is_number(given.tolerance) or given.tolerance < 0:
        errors.append(FieldError("tolerance", "number", "The tolerance is a number, 0 or more."))
    if len(given.explanation) > MAX_EXPLANATION:
        detail = f"The explanation has at most {MAX_EXPLANATION:,} characters."
        errors.append(FieldError("explanation", "text", detail))
    if given.purpose not in (Purpose.CONTROL, Purpose.QUALIFICATION):
        detail = "Known answers are for a control or for the qualification."
        errors.append(FieldError("purpose", "purpose", detail))
    if unit.twin is not None:
        if unit.is_reversed:
            answers = _turned(unit.campaign, answers)
        unit = unit.twin
    return replace(
        given, unit=unit, answers=answers, explanation=given.explanation.strip()
    ), errors


@transaction.atomic
def set_controls(*, campaign: Campaign, all_known: Sequence[Known], actor: Actor) -> list[Control]:
    """Set right answers that were read, as one change."""
    people = hold_everybody(campaign)
    controls = []
    for known in all_known:
        unit, purpose = known.unit, known.purpose
        control, _ = Control.objects.update_or_create(
            unit=unit,
            defaults={
                **{"campaign": campaign, "bundle": unit.bundle, "purpose": purpose},
                **{"answers": known.answers, "tolerance": known.tolerance},
                **{"explanation": known.explanation},
                **{"created_by": actor.user, "created_at": timezone.now()},
            },
        )
        Control.objects.filter(campaign=campaign, bundle=unit.bundle).update(purpose=purpose)
        _use_example(campaign, unit.bundle, purpose)
        _note(campaign, actor, "set control", unit, {"purpose": str(purpose)})
        controls.append(control)
    if any(known.purpose == Purpose.QUALIFICATION for known in all_known):
        _send_to_qualification(campaign, people)
    _count_again(campaign, people)
    return controls


def _send_to_qualification(campaign: Campaign, people: Sequence[Annotator]) -> None:
    """Let those who began without a qualification answer it before their next unit.

    What they hold goes to others, and what they answered stays. An answer to what is on their
    screen just now is taken if its place is still free.
    """
    if campaign.pass_mark is None:
        return
    for person in people:
        if person.state == Annotator.State.ACTIVE and not person.n_qualification:
            give_back(person)
            person.state = Annotator.State.QUALIFYING
            person.unit = person.next_unit = person.shown_at = None
    Annotator.objects.bulk_update(people, ["state", "unit", "next_unit", "shown_at"])


def clear_control(*, unit: Unit, actor: Actor) -> None:
    """Forget the right answers to a unit; an example without any is labeled like the others.

    What was answered to it as a control counts as labels then.
    """
    campaign, unit = unit.campaign, unit.twin or unit
    with transaction.atomic():
        people = hold_everybody(campaign)
        deleted, _ = Control.objects.filter(unit=unit).delete()
        if not deleted:
            return
        if not Control.objects.filter(campaign=campaign, bundle=unit.bundle).exists():
            _use_example(campaign, unit.bundle, Purpose.LABEL)
            _count_again(campaign, people)
        _note(campaign, actor, "clear control", unit, {})


def _known_answers(
    campaign: Campaign, given: Mapping[str, object], errors: list[FieldError]
) -> dict[str, Answer]:
    asked = {question.name: question for question in campaign.asked}
    known: dict[str, Answer] = {}
    for name, answer in given.items():
        question = asked.get(name)
        if question is None or question.is_words:
            detail = f"{name[:100]!r} is no question of this campaign that has a right answer."
            errors.append(FieldError(f"answers.{name[:100]}", "question", detail))
            continue
        try:
            known[name] = read_answer(question, answer)
        except AnswerError as error:
            errors.append(FieldError(f"answers.{name}", "answer", str(error)))
    if not given:
        detail = "Give the right answer to one question at least."
        errors.append(FieldError("answers", "missing", detail))
    return known


def _note(
    campaign: Campaign, actor: Actor, verb: str, unit: Unit, detail: dict[str, object]
) -> None:
    record(
        project=campaign.project,
        actor=actor,
        verb=verb,
        subject=campaign.public_id,
        detail={"unit": unit.public_id, **detail},
    )


def _turned(campaign: Campaign, answers: Mapping[str, Answer]) -> dict[str, Answer]:
    """Return answers to a pair as they are when its two outputs change sides."""
    sided = {one.name for one in campaign.asked if one.kind == Question.Kind.PREFERENCE}
    return {
        name: mirrored(answer) if name in sided else answer for name, answer in answers.items()
    }


def _use_example(campaign: Campaign, bundle: int, purpose: str) -> None:
    """Let a whole example be there for a purpose: its units and its places."""
    Unit.objects.filter(campaign=campaign, bundle=bundle).update(purpose=purpose)
    slots = Slot.objects.filter(campaign=campaign, bundle=bundle)
    if purpose == Purpose.LABEL:
        _label_again(campaign, bundle, slots)
    else:
        untouched = slots.filter(number__lt=PERSONAL, state=Slot.State.OPEN, n_answered=0)
        untouched.filter(annotations__isnull=True).delete()
    slots.update(purpose=purpose)


def _label_again(campaign: Campaign, bundle: int, slots: QuerySet[Slot]) -> None:
    """Make places for as many people as are still wanted; those who answered are counted."""
    slots.filter(number__gte=PERSONAL, n_answered=0, annotations__isnull=True).delete()
    unfinished = slots.filter(n_answered__lt=F("n_units")).exclude(state=Slot.State.LEASED)
    unfinished.update(state=Slot.State.OPEN, annotator=None, lease_until=None)
    numbers = set(slots.values_list("number", flat=True))
    free = [number for number in range(1, campaign.overlap + 1) if number not in numbers]
    shown = Unit.objects.filter(campaign=campaign, bundle=bundle, twin__isnull=True).count()
    last = Slot.objects.filter(campaign=campaign).aggregate(last=Max("order"))["last"] or 0
    order = shuffled(campaign.seed, bundle) % (last + 1)
    Slot.objects.bulk_create(
        Slot(campaign=campaign, bundle=bundle, number=number, order=order, n_units=shown)
        for number in free[: max(0, campaign.overlap - len(numbers))]
    )


def _count_again(campaign: Campaign, people: Sequence[Annotator]) -> None:
    """Count the controls there are, and what people answered, by what it is for now."""
    shown = Unit.objects.filter(campaign=campaign, twin__isnull=True)
    campaign.n_controls = shown.exclude(purpose=Purpose.LABEL).count()
    campaign.save(update_fields=["n_controls"])
    rows = (
        Annotation.objects.given()
        .filter(annotator__in=people)
        .values_list("annotator_id", "unit__purpose")
        .annotate(n=Count("pk"))
    )
    counts = {(annotator, purpose): n for annotator, purpose, n in rows}
    for person in people:
        person.n_answered = person.n_controls = person.n_qualification = 0
        for purpose in Purpose:
            count(person, purpose, counts.get((person.pk, purpose.value), 0))
    Annotator.objects.bulk_update(people, ["n_answered", "n_controls", "n_qualification"])


# At the desk


def finish_qualification(annotator: Annotator) -> None:
    """Let a person who has answered the whole qualification begin, or not.

    Their row is locked; the caller saves it. Without a qualification there is nothing to pass.
    """
    score, mark = qualification_of(annotator), annotator.campaign.pass_mark
    if score is None or mark is None:
        annotator.state = Annotator.State.ACTIVE
    elif not score.left:
        passed = not score.total or score.share >= mark
        annotator.state = Annotator.State.ACTIVE if passed else Annotator.State.UNQUALIFIED
