"""What is read between two units of one example, where nothing else is left to be judged."""

from __future__ import annotations

from typing import TypeVar

from django.db.models import Model, QuerySet

from labeling.models import Annotation, Annotator, Draft, Purpose, Unit
from labeling.ordering import is_second_left, shuffled

Row = TypeVar("Row", bound=Model)


def put_between(annotator: Annotator, bundle: int) -> Draft | None:
    """Deal a unit of another example than `bundle` for reading alone, if there is one.

    It is one that the person has judged; who has judged none gets another one of the campaign.
    """
    earlier = Draft.objects.filter(annotator=annotator, is_between=True)
    for draft in earlier.exclude(unit=annotator.unit_id):  # what is on the desk stays there
        was_read(draft)
    answer = _one_of(annotator, _own_answers(annotator, bundle), bundle)
    if answer is not None:
        unit, is_swapped = answer.unit_id, answer.is_swapped
    else:
        other = _other(annotator, bundle)
        if other is None:
            return None
        is_pair = other.second_run_id is not None
        unit = other.pk
        is_swapped = is_pair and is_second_left(0, seed=annotator.seed, unit=unit)
    drawn, _ = Draft.objects.update_or_create(
        annotator=annotator,
        unit_id=unit,
        defaults={"is_between": True},
        create_defaults={
            "question_set_id": annotator.campaign.answers_go_to,
            "is_swapped": is_swapped,
            "is_between": True,
        },
    )
    return drawn


def was_read(draft: Draft) -> None:
    """Be done with a unit that was to be read; what was once chosen of it is kept."""
    if draft.saved_at is None:
        draft.delete()
    else:
        draft.is_between = False
        draft.save(update_fields=["is_between"])


def _own_answers(annotator: Annotator, bundle: int) -> QuerySet[Annotation]:
    """Return what the person judged of other examples and does not have on the desk.

    Controls are among it: were they not, what is shown would be known to be none.
    """
    own = Annotation.objects.given().filter(annotator=annotator)
    return own.exclude(bundle=bundle).exclude(unit__in=_with_drafts(annotator))


def _other(annotator: Annotator, bundle: int) -> Unit | None:
    """Return a unit that the person has not judged; a control only where all others are some.

    Last of all come those that they had in hand, and that went to somebody else.
    """
    if annotator.state == Annotator.State.QUALIFYING:
        return None
    shown = Unit.objects.filter(campaign=annotator.campaign_id, twin__isnull=True)
    others = shown.exclude(bundle=bundle)
    if annotator.unit_id is not None:  # what is on the desk
        others = others.exclude(pk=annotator.unit_id)
    new = others.exclude(pk__in=_with_drafts(annotator))
    kinds = [new.filter(purpose=purpose) for purpose in (Purpose.LABEL, Purpose.CONTROL)]
    found = (_one_of(annotator, units, bundle) for units in (*kinds, others))
    return next((unit for unit in found if unit is not None), None)


def _with_drafts(annotator: Annotator) -> QuerySet[Draft, int]:
    return Draft.objects.filter(annotator=annotator).values_list("unit", flat=True)


def _one_of(annotator: Annotator, rows: QuerySet[Row], bundle: int) -> Row | None:
    """Draw a row: another one after every answer, and the same when it is drawn again."""
    n = rows.count()
    if not n:
        return None
    drawn = shuffled(annotator.seed, bundle, annotator.n_answered) % n
    return rows.order_by("pk")[drawn]
