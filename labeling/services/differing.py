"""Examples on which people differ: the next ones are asked sooner, and more people are asked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from labeling.models import Annotation, Campaign, Purpose, Question, QuestionSet, Slot, Unit
from labeling.questions import Answer, Differing, DifferRule
from labeling.services.slots import Place, places

OPEN, DONE = Slot.State.OPEN, Slot.State.DONE
SOONER: Final = 1  # the priority of examples on which people differ


def settle(campaign: Campaign, bundle: int) -> None:
    """Ask for one more person where those asked differ, and no longer where they do not.

    Call it whenever the answers of a whole place have changed. Whoever changes answers of one
    example waits here for the others, so that the last one sees all of them.
    """
    sooner = campaign.order_by == Campaign.Order.DISAGREEMENT
    if not (sooner or campaign.extra_overlap):
        return
    units = Unit.objects.filter(campaign=campaign, bundle=bundle, twin__isnull=True)
    if not list(units.order_by("pk").select_for_update(no_key=True).values_list("pk")[:1]):
        return
    slots = Slot.objects.filter(campaign=campaign, bundle=bundle, purpose=Purpose.LABEL)
    done = places(slots.filter(state=DONE))
    open_ = places(slots.filter(state=OPEN))
    n_busy = slots.exclude(state__in=(DONE, OPEN)).count()
    differ = bool(done) and they_differ(campaign, bundle)
    if sooner:
        priority = SOONER if differ else 0
        slots.filter(state=OPEN).exclude(priority=priority).update(priority=priority)
    if campaign.extra_overlap:
        _ask_more(campaign, slots_done=done, slots_open=open_, n_busy=n_busy, differ=differ)


def _ask_more(
    campaign: Campaign,
    *,
    slots_done: Sequence[Place],
    slots_open: Sequence[Place],
    n_busy: int,
    differ: bool,
) -> None:
    n_done, most = len(slots_done), campaign.overlap + campaign.extra_overlap
    extra = [one for one in slots_open if one.number > campaign.overlap and not one.n_answered]
    still_wanted = differ and n_done >= campaign.overlap
    if extra and not still_wanted:
        unused = Slot.objects.filter(
            pk__in=[one.pk for one in extra], state=OPEN, n_answered=0, annotations__isnull=True
        )
        unused.filter(reserved_for__isnull=True).delete()
    if still_wanted and not slots_open and not n_busy and n_done < most:
        last = max(slots_done, key=lambda one: one.number)
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
    """Say whether people differ on any unit of an example, under the rule of the campaign."""
    rows = list(
        Annotation.objects.given()
        .filter(unit__campaign=campaign, unit__bundle=bundle, slot__isnull=False)
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
