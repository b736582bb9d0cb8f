"""Examples on which people differ: the next ones are asked sooner, and more people are asked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from labeling.models import Annotation, Campaign, Purpose, Question, QuestionSet, Slot, Unit
from labeling.questions import Answer, Differing, DifferRule

SOONER: Final = 1  # the priority of examples on which people differ


def settle(campaign: Campaign, bundle: int) -> None:
    """Ask for one more person where those asked differ, and no longer where they do not.

    Call it whenever the answers of a whole place have changed. Whoever changes answers of one
    example waits here for the others, so that the last one sees all of them.
    """
    sooner = campaign.order_by == Campaign.Order.DISAGREEMENT
    if not (sooner or campaign.extra_overlap):
        return
    units = hold_example(campaign, bundle)
    slots = list(Slot.objects.filter(campaign=campaign, bundle=bundle, purpose=Purpose.LABEL))
    n_done = sum(slot.state == Slot.State.DONE for slot in slots)
    differ = n_done > 1 and _differ(campaign, units)
    if sooner:
        _move_up([slot for slot in slots if slot.state == Slot.State.OPEN], differ=differ)
    if campaign.extra_overlap:
        _ask_more(campaign, slots, wanted=differ and n_done >= campaign.overlap)


def hold_example(campaign: Campaign, bundle: int) -> list[int]:
    """Let one at a time past here who changes how many places an example has; return its units."""
    units = Unit.objects.filter(campaign=campaign, bundle=bundle, twin__isnull=True).order_by("pk")
    return list(units.select_for_update(no_key=True).values_list("pk", flat=True))


def _move_up(slots: Sequence[Slot], *, differ: bool) -> None:
    priority = SOONER if differ else 0
    moved = [slot.pk for slot in slots if slot.priority != priority]
    if moved:
        Slot.objects.filter(pk__in=moved, state=Slot.State.OPEN).update(priority=priority)


def _ask_more(campaign: Campaign, slots: Sequence[Slot], *, wanted: bool) -> None:
    """Make one more place, or take back one that nobody has begun."""
    unfinished = [slot for slot in slots if slot.state != Slot.State.DONE]
    if not wanted:
        extra = [slot.pk for slot in unfinished if slot.number > campaign.overlap]
        if extra:
            unused = Slot.objects.filter(
                pk__in=extra, state=Slot.State.OPEN, n_answered=0, annotations__isnull=True
            )
            unused.filter(reserved_for__isnull=True).delete()
    elif not unfinished and len(slots) < campaign.overlap + campaign.extra_overlap:
        last = max(slots, key=lambda slot: slot.number)
        sooner = campaign.order_by == Campaign.Order.DISAGREEMENT
        Slot.objects.create(
            campaign=campaign,
            bundle=last.bundle,
            number=last.number + 1,
            priority=SOONER if sooner else 0,
            order=last.order,
            n_units=last.n_units,
        )


def they_differ(campaign: Campaign, bundle: int) -> bool:
    """Say whether people at the desk differ on any unit of an example."""
    units = Unit.objects.filter(campaign=campaign, bundle=bundle, twin__isnull=True)
    return _differ(campaign, list(units.values_list("pk", flat=True)))


def _differ(campaign: Campaign, units: Sequence[int]) -> bool:
    rows = list(
        Annotation.objects.given()
        .filter(unit__in=units, slot__isnull=False)
        .values_list("unit_id", "question_set_id", "answers")
    )
    rule = DifferRule.of(campaign.differ_rule)
    names = _names_by_set(campaign, {asked for _, asked, _ in rows})
    said: dict[tuple[int, str], list[Answer]] = defaultdict(list)
    for unit, asked, answers in rows:
        for name in names[asked] & answers.keys():
            said[unit, name].append(answers[name])
    told = {question.name: Differing.of(question, rule) for question in campaign.asked}
    return any(told[name].differ(answers) for (_, name), answers in said.items())


def _names_by_set(campaign: Campaign, sets: set[int]) -> dict[int, set[str]]:
    """Return, for each version of the questions, those that mean today what they meant then."""
    now = {question.name: question.meaning for question in campaign.asked}
    names = {campaign.answers_go_to: set(now)}
    older = sets - names.keys()
    if older:
        for asked in QuestionSet.objects.filter(pk__in=older).prefetch_related("questions"):
            names[asked.pk] = {one.name for one in asked.in_order if _means(one, now)}
    return names


def _means(question: Question, now: dict[str, tuple[object, ...]]) -> bool:
    return now.get(question.name) == question.meaning
