"""Many people at once: every place is taken once, and none is left."""

import random
import threading
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from django.db import connection

from evalhub.accounts.services import COMMAND_LINE
from evalhub.errors import Conflict
from labeling.models import Annotation, AnnotationRevision, Annotator, Draft, Purpose, Slot
from labeling.services import desk
from labeling.services.campaigns import go_on, pause
from labeling.services.controls import clear_control, set_control
from labeling.services.differing import they_differ
from tests.factories import a_member, a_project, a_version
from tests.labeling.building import BETTER, a_campaign, a_run, after_a_break, an_annotator, on_desk

pytestmark = pytest.mark.django_db(transaction=True)

PEOPLE = 8


def together(*tasks):
    """Run every task in a thread of its own, all starting at once."""
    start = threading.Barrier(len(tasks))

    def run(task):
        start.wait()
        try:
            task()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(tasks)) as pool:
        for done in [pool.submit(run, task) for task in tasks]:
            done.result()


def person(annotator_id):
    return Annotator.objects.select_related("campaign").get(pk=annotator_id)


def answers_to(unit, luck):
    if unit.second_run_id:
        return {"better": luck.choice(["first", "second", "tie"])}
    return {"faithful": luck.randint(1, 5)}


def label_everything(annotator_id, *, care=1.0):
    """Answer what comes, as the page does; less care means double clicks, undo and skips."""
    luck = random.Random(annotator_id)
    while True:
        annotator = person(annotator_id)
        state = desk.deal(annotator=annotator)
        state = state if state.now else after_a_break(annotator)
        if state.now is None:
            return
        unit = state.now.unit
        if state.now.draft.is_between:
            desk.pass_by(annotator=annotator, unit=unit)
            continue
        given = answers_to(unit, luck)
        with suppress(Conflict):  # another tab of the same person was faster
            desk.submit(annotator=annotator, unit=unit, answers=given)
        if luck.random() > care:
            with suppress(Conflict):
                desk.submit(annotator=annotator, unit=unit, answers=given)
        if luck.random() > care:
            with suppress(Conflict):
                desk.undo(annotator=annotator)


def assert_counted(campaign):
    """Hold what is counted on slots and people to the answers that are there."""
    for slot in campaign.slots.all():
        assert slot.n_answered == slot.annotations.given().count() <= slot.n_units
    given = Counter(Annotation.objects.given().values_list("annotator", flat=True))
    counted = dict(campaign.annotators.values_list("pk", "n_answered"))
    assert counted == {pk: given[pk] for pk in counted}
    kept = Counter(AnnotationRevision.objects.values_list("annotation", flat=True))
    revisions = dict(Annotation.objects.values_list("pk", "revision"))
    assert revisions == {pk: kept[pk] + 1 for pk in revisions}


def assert_served_exactly(campaign):
    """Every ordinary unit has as many answers as it has places, and no place is left."""
    ordinary = campaign.units.filter(purpose=Purpose.LABEL, twin__isnull=True)
    places = Counter(campaign.slots.filter(purpose=Purpose.LABEL).values_list("bundle", flat=True))
    given = Counter(Annotation.objects.given().values_list("unit", flat=True))
    wrong = {
        unit.pk: (given[unit.pk], places[unit.bundle])
        for unit in ordinary
        if given[unit.pk] != places[unit.bundle]
    }
    assert wrong == {}
    assert set(campaign.slots.values_list("state", flat=True)) == {Slot.State.DONE}
    assert_counted(campaign)


def test_nobody_is_over_or_under_served():
    campaign = a_campaign(n=14, overlap=3)
    people = [an_annotator(campaign).pk for _ in range(PEOPLE)]
    together(*[lambda pk=pk: label_everything(pk, care=0.8) for pk in people])
    assert set(Counter(campaign.slots.values_list("bundle", flat=True)).values()) == {3}
    assert_served_exactly(campaign)


def test_pairs_with_controls_and_extra_places_are_served_exactly():
    version = a_version(a_project(), n=11)
    runs = [a_run(version, [f"{name} {at}" for at in range(11)]) for name in ("a", "b", "c")]
    campaign = a_campaign(
        **{"runs": runs, "kind": "pairs", "questions": [BETTER], "overlap": 2},
        **{"extra_overlap": 1, "order": "disagreement", "control_share": 0.2},
    )
    for unit in campaign.units.filter(bundle__lt=3):
        set_control(unit=unit, answers={"better": "first"}, actor=COMMAND_LINE)
    people = [an_annotator(campaign).pk for _ in range(PEOPLE)]
    together(*[lambda pk=pk: label_everything(pk, care=0.9) for pk in people])
    for pk in people:  # a place that the last ones made necessary is for those who had left
        label_everything(pk)
    assert_served_exactly(campaign)
    numbers = defaultdict(list)
    ordinary = campaign.slots.filter(purpose=Purpose.LABEL).order_by("number")
    for bundle, number in ordinary.values_list("bundle", "number"):
        numbers[bundle].append(number)
    for bundle, taken in numbers.items():
        # The third place is there exactly where the first two people differ. What they revised
        # while somebody was at it may have brought them together since.
        assert taken in ([1, 2], [1, 2, 3])
        assert len(taken) == 3 or not they_differ(campaign, bundle)
    personal = campaign.slots.filter(purpose=Purpose.CONTROL)
    assert personal.exists()
    assert max(Counter(personal.values_list("bundle", "annotator")).values()) == 1
    sides = defaultdict(list)
    rows = Annotation.objects.given().filter(unit__purpose=Purpose.LABEL)
    for who, run, second, swapped in rows.values_list(
        "annotator", "unit__run", "unit__second_run", "is_swapped"
    ):
        sides[who, run, second].append(swapped)
    assert any(len(set(each)) == 2 for each in sides.values())


def test_leads_who_pause_and_set_controls_meanwhile_lose_nothing():
    campaign = a_campaign(n=12, overlap=2)
    people = [an_annotator(campaign).pk for _ in range(4)]

    def lead():
        for _ in range(3):
            pause(campaign=campaign, actor=COMMAND_LINE)
            before = Annotation.objects.count()
            time.sleep(0.05)
            assert Annotation.objects.count() == before
            go_on(campaign=campaign, actor=COMMAND_LINE)
            for unit in campaign.units.filter(bundle__in=(3, 8)):
                set_control(unit=unit, answers={"faithful": 3}, actor=COMMAND_LINE)
            for unit in campaign.units.filter(bundle__in=(3, 8)):
                clear_control(unit=unit, actor=COMMAND_LINE)

    together(lead, *[lambda pk=pk: label_everything(pk) for pk in people])
    for pk in people:  # those who found the campaign paused come back
        label_everything(pk)
    assert_counted(campaign)
    given = Counter(Annotation.objects.given().values_list("unit", flat=True))
    units = campaign.units.exclude(bundle__in=(3, 8))
    assert {given[unit.pk] for unit in units} == {2}
    # What was answered to a control counts as a label when it is none any more.
    assert all(given[unit.pk] >= 2 for unit in campaign.units.filter(bundle__in=(3, 8)))
    assert not Draft.objects.filter(unit__annotations__state="given").exists()


def test_the_last_places_are_not_given_twice():
    campaign = a_campaign(n=1, overlap=1)
    people = [an_annotator(campaign) for _ in range(PEOPLE)]
    got = []
    together(*[lambda p=p: got.append(on_desk(p)) for p in people])
    assert sum(unit is not None for unit in got) == 1


def test_people_who_all_come_at_once_all_get_something():
    campaign = a_campaign(n=PEOPLE, overlap=2)
    people = [an_annotator(campaign) for _ in range(PEOPLE)]
    got = []
    together(*[lambda p=p: got.append(on_desk(p)) for p in people])
    # Nobody is left with nothing while there are places that nobody holds.
    assert None not in got or not campaign.slots.filter(state=Slot.State.OPEN).exists()


def test_one_person_in_many_tabs_is_one_queue():
    campaign = a_campaign(n=12, overlap=2)
    annotator = an_annotator(campaign).pk
    together(*[lambda: label_everything(annotator) for _ in range(4)])
    assert Annotation.objects.given().count() == campaign.n_units
    assert Annotator.objects.get().n_answered == campaign.n_units


def test_opening_the_desk_twice_at_once_joins_once():
    campaign = a_campaign()
    user = a_member(campaign.project, "annotator")
    together(*[lambda: desk.join(campaign=campaign, user=user) for _ in range(4)])
    assert campaign.annotators.count() == 1
