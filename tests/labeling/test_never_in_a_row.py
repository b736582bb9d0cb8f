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
