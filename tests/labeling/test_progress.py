"""How far a person is, and why there is nothing for them."""

import pytest

from labeling import selectors
from labeling.models import Annotator, Campaign, Slot
from labeling.selectors import Nothing, desk_progress, why_nothing
from labeling.services import desk
from tests.factories import a_project, a_version
from tests.labeling.building import (
    a_campaign,
    a_run,
    after_a_break,
    an_annotator,
    known,
    past_reading,
    value_for,
    walk,
)

pytestmark = pytest.mark.django_db


def progress_along(annotator):
    """Return (answered, total) at every step of all that there is for a person."""
    steps, state = [], desk.deal(annotator=annotator)
    while state.now is not None:
        found = desk_progress(annotator)
        steps.append((found.answered, found.total))
        unit = state.now.unit
        state = desk.submit(annotator=annotator, unit=unit, answers=value_for(unit)).desk
        state = past_reading(annotator, state)
        if state.now is None:
            state = after_a_break(annotator)
    return steps


def test_progress_ends_where_it_said_and_moves_for_a_control_as_for_the_rest(monkeypatch):
    monkeypatch.setattr(selectors, "NEAR_THE_END", 0)
    campaign = a_campaign(n=20, overlap=2, control_share=0.25)
    known(campaign, range(6))
    steps = progress_along(an_annotator(campaign))
    assert [answered for answered, _ in steps] == list(range(len(steps)))
    # 14 examples of two outputs are three in four: 4 or 5 controls, and one that may be due.
    assert len({total for _, total in steps}) <= 2
    assert abs(steps[0][1] - len(steps)) <= 2


@pytest.mark.parametrize(
    ("texts", "quota", "given", "left"),
    [
        (["a0 a1 a2", "b0 b1 b2"], 5, 4, 1),  # two outputs of each example: whole examples only
        (["a0 a1 a2", "b0 b1 b2", "c0 c1 c2"], 5, 3, 2),
        (["a0 a1 a2"], 2, 2, 0),
        (["a0 same a2", "b0 same b2"], 3, 3, 0),  # one example whose two outputs are equal
        (["a0 a1 a2", "b0 b1 b2"], 9, 6, 0),  # more than there is
    ],
)
def test_progress_towards_a_quota_counts_whole_examples(texts, quota, given, left):
    version = a_version(a_project(), n=3)
    campaign = a_campaign(runs=[a_run(version, each.split()) for each in texts], quota=quota)
    annotator = an_annotator(campaign)
    steps = progress_along(annotator)
    assert steps == [(answered, given) for answered in range(given)]
    annotator.refresh_from_db()
    assert desk_progress(annotator).total == given
    if quota < 6:
        assert why_nothing(annotator) == Nothing("quota", units=left)


def test_near_the_end_progress_knows_what_others_hold():
    campaign = a_campaign(n=6, overlap=1)
    ann, ben = an_annotator(campaign), an_annotator(campaign)
    desk.deal(annotator=ann)
    held = Slot.objects.held_by(ann).count()
    desk.deal(annotator=ben)
    assert desk_progress(ann).total == 12 - 2 * Slot.objects.held_by(ben).count()
    assert desk_progress(ben).total == 12 - 2 * held


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda campaign: Campaign.objects.update(state="closed"), "closed"),
        (lambda campaign: Campaign.objects.update(state="paused"), "paused"),
        (lambda campaign: Annotator.objects.update(state="stopped"), "stopped"),
        (lambda campaign: Annotator.objects.update(state="unqualified"), "unqualified"),
        (lambda campaign: Annotator.objects.update(quota=1), "quota"),
        (lambda campaign: campaign.slots.update(state="done"), "done"),
        (lambda campaign: walk(an_annotator(campaign)), "done"),
        (lambda campaign: desk.deal(annotator=an_annotator(campaign)), "others"),
    ],
)
def test_an_empty_desk_has_a_reason(change, reason):
    campaign = a_campaign(n=2, overlap=1)
    annotator = an_annotator(campaign)
    change(campaign)
    annotator = Annotator.objects.select_related("campaign").get(pk=annotator.pk)
    assert desk.deal(annotator=annotator) == desk.Desk()
    assert desk.why_nothing(annotator).reason == reason


def test_what_is_left_for_other_people_is_said():
    campaign = a_campaign(n=2, overlap=2)
    annotator = an_annotator(campaign)
    walk(annotator)
    assert desk.why_nothing(annotator).reason == "yours_done"
