"""Many people at once: every place is taken once, and none is left."""

import random
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from django.db import connection

from evalhub.errors import Conflict
from labeling.models import Annotation, Annotator, Slot
from labeling.services import desk
from tests.factories import a_member
from tests.labeling.building import a_campaign, an_annotator, on_desk

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


def label_everything(annotator_id, *, care=1.0):
    """Answer what comes, as the page does; less care means double clicks, undo and skips."""
    luck = random.Random(annotator_id)
    while True:
        annotator = Annotator.objects.select_related("campaign").get(pk=annotator_id)
        unit = on_desk(annotator)
        if unit is None:
            return
        answers = {"faithful": luck.randint(1, 5)}
        desk.submit(annotator=annotator, unit=unit, answers=answers)
        if luck.random() > care:
            desk.submit(annotator=annotator, unit=unit, answers=answers)
        if luck.random() > care:
            with suppress(Conflict):
                desk.undo(annotator=annotator)


def assert_served_exactly(campaign):
    places = Counter(Annotation.objects.given().values_list("unit", flat=True))
    over = [unit for unit, n in places.items() if n > campaign.overlap]
    under = campaign.n_units - sum(n >= campaign.overlap for n in places.values())
    assert (over, under) == ([], 0)
    assert set(campaign.slots.values_list("state", flat=True)) == {Slot.State.DONE}
    for slot in campaign.slots.all():
        assert slot.n_answered == slot.n_units == slot.annotations.count()
    counted = dict(campaign.annotators.values_list("pk", "n_answered"))
    given = Counter(Annotation.objects.given().values_list("annotator", flat=True))
    assert counted == {pk: given[pk] for pk in counted}


@pytest.mark.parametrize("care", [1.0, 0.8])
def test_nobody_is_over_or_under_served(care):
    campaign = a_campaign(n=20, overlap=3)
    people = [an_annotator(campaign).pk for _ in range(PEOPLE)]
    together(*[lambda pk=pk: label_everything(pk, care=care) for pk in people])
    assert_served_exactly(campaign)


def test_the_last_places_are_not_given_twice():
    campaign = a_campaign(n=1, overlap=1)
    people = [an_annotator(campaign) for _ in range(PEOPLE)]
    got = []
    together(*[lambda p=p: got.append(on_desk(p)) for p in people])
    assert sum(unit is not None for unit in got) == 1


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
