"""Two units of one example never follow each other, whatever people skip, lose or come back to."""

import random
from contextlib import suppress
from datetime import timedelta
from itertools import pairwise

import pytest
from django.utils import timezone

from evalhub.errors import Conflict
from labeling.models import Annotator, Slot
from labeling.services import desk
from tests.factories import a_project, a_version
from tests.labeling.building import BETTER, a_campaign, a_run, an_annotator, known, value_for

pytestmark = pytest.mark.django_db
PAIRS = {"kind": "pairs", "questions": [BETTER]}


def act(annotator, dealt, luck):
    """Do something with what is on the desk, and return what is there after it."""
    unit, is_read = dealt.unit, dealt.draft.is_between
    if luck.random() < 0.1:
        return desk.skip(annotator=annotator, unit=unit, reason="other")
    if is_read:
        return desk.pass_by(annotator=annotator, unit=unit)
    return desk.submit(annotator=annotator, unit=unit, answers=value_for(unit)).desk


@pytest.mark.parametrize(
    ("seed", "n", "texts", "more"),
    [
        (2, 3, "abc", {"overlap": 2}),
        (139, 2, "abcd", {"overlap": 2, "control_share": 0.25}),
        (86, 3, "abcd", {**PAIRS, "overlap": 2}),
        (291, 4, "abcd", {"overlap": 3, "quota": 9}),
    ],
)
def test_two_of_one_example_never_follow_each_other(seed, n, texts, more):
    luck = random.Random(seed)
    version = a_version(a_project(), n=n)
    said = [[f"{luck.choice([name, 'same'])} {at}" for at in range(n)] for name in texts]
    campaign = a_campaign(runs=[a_run(version, texts) for texts in said], **more)
    if "control_share" in more:
        known(campaign, [0])
    people = [an_annotator(campaign).pk for _ in range(3)]
    for at, pk in enumerate(people):
        Annotator.objects.filter(pk=pk).update(seed=187 + at)
    shown = {pk: [] for pk in people}
    for _ in range(120):
        pk = luck.choice(people)
        annotator = Annotator.objects.get(pk=pk)
        if luck.random() < 0.1:  # somebody's time runs out, and a while goes by
            lost = Slot.objects.filter(state="leased", annotator=luck.choice(people))
            lost.update(lease_until=timezone.now() - timedelta(minutes=1))
            Annotator.objects.update(saved_at=timezone.now() - timedelta(minutes=5))
        desks = [desk.deal(annotator=annotator)]
        if desks[0].now is not None and luck.random() < 0.9:
            with suppress(Conflict):  # it went to somebody else meanwhile
                desks.append(act(annotator, desks[0].now, luck))
        shown[pk] += [each.now.unit for each in desks if each.now is not None]
    for units in shown.values():
        assert all(one == two or one.bundle != two.bundle for one, two in pairwise(units))
    assert sum(map(len, shown.values())) > len(people)


def test_what_is_read_between_stays_on_the_desk_when_its_example_is_all_that_is_left():
    version = a_version(a_project(), n=2)
    runs = [a_run(version, [f"{name} 1", f"{name} 2"]) for name in "ab"]
    campaign = a_campaign(runs=runs, overlap=1)
    other, ours = an_annotator(campaign), an_annotator(campaign)
    slots = list(campaign.slots.order_by("bundle"))
    held = dict(zip(slots, (ours, other), strict=True))
    for slot, who in held.items():
        until = timezone.now() + timedelta(minutes=30)
        Slot.objects.filter(pk=slot.pk).update(state="leased", annotator=who, lease_until=until)
    first = desk.deal(annotator=ours).now.unit
    between = desk.submit(annotator=ours, unit=first, answers=value_for(first)).desk.now
    assert (between.draft.is_between, between.unit.bundle) == (True, slots[1].bundle)
    # Its own place goes to somebody else, and the other example comes free.
    Slot.objects.filter(pk=slots[0].pk).update(annotator=other)
    Slot.objects.filter(pk=slots[1].pk).update(state="open", annotator=None, lease_until=None)
    for _ in range(2):
        now = desk.deal(annotator=ours).now
        assert (now.unit, now.draft.is_between) == (between.unit, True)
    after = desk.pass_by(annotator=ours, unit=between.unit).now
    assert after.unit.bundle == first.bundle
    assert after.draft.is_between
