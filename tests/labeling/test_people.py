"""People of campaigns: who sees which, and what stays of those who leave."""

from __future__ import annotations

import pytest
from django.test import Client

from evalhub.accounts.departures import remove_account, remove_member
from evalhub.accounts.models import Membership
from evalhub.accounts.services import COMMAND_LINE
from evalhub.runs.models import Rating
from labeling.models import Annotation, Slot
from labeling.services.desk import submit
from labeling.services.publication import publish
from tests.factories import a_member, a_project
from tests.labeling.building import a_campaign, an_annotator, on_desk

pytestmark = pytest.mark.django_db


def test_who_is_limited_sees_the_campaigns_with_a_place_for_them_alone():
    project = a_project("town")
    first, second, third = (a_campaign(project, name=name) for name in ("one", "two", "three"))
    ben, ada = (a_member(project, "annotator") for _ in range(2))
    Membership.objects.filter(user=ben).update(is_limited=True)
    an_annotator(second, ben)
    for campaign in (first, second):
        an_annotator(campaign, ada)

    def sees(user):
        client = Client()
        client.force_login(user)
        page = client.get("/p/town/labeling/").content.decode()
        listed = [one.public_id for one in (first, second, third) if one.public_id in page]
        opened = [
            one.public_id
            for one in (first, second, third)
            if client.get(f"/campaigns/{one.public_id}/desk/").status_code == 200
        ]
        assert listed == opened
        return opened

    assert sees(ben) == [second.public_id]
    assert sees(ada) == [first.public_id, second.public_id, third.public_id]


def test_what_somebody_holds_goes_to_others_when_they_leave_and_their_answers_stay():
    campaign = a_campaign(overlap=1)
    ben = an_annotator(campaign)
    submit(annotator=ben, unit=on_desk(ben), answers={"faithful": 3})
    on_desk(ben)
    assert Slot.objects.held_by(ben).exists()
    remove_member(project=campaign.project, user=ben.user, actor=COMMAND_LINE)
    assert not Slot.objects.held_by(ben).exists()
    ben.refresh_from_db()
    assert (ben.name, ben.unit) == (ben.user.username, None)
    assert ben.annotations.given().count() == 1
    other, seen = an_annotator(campaign), 0
    while unit := on_desk(other):
        submit(annotator=other, unit=unit, answers={"faithful": 2})
        seen += 1
    assert seen + 1 == campaign.n_units


def test_a_removed_account_leaves_its_answers_under_a_neutral_name_published_ones_too():
    campaign = a_campaign()
    ben, ada = an_annotator(campaign), an_annotator(campaign)
    for annotator in (ben, ada):
        submit(annotator=annotator, unit=on_desk(annotator), answers={"faithful": 3})
    publish(campaign=campaign, actor=COMMAND_LINE)
    former, before = ben.name, [*Rating.objects.order_by("pk").values_list("pk", "value")]
    left = remove_account(user=ben.user, actor=COMMAND_LINE)
    ben.refresh_from_db()
    assert ben.name == left.name != former
    assert {rating.rater for rating in Rating.objects.all()} == {left.name, ada.name}
    assert [*Rating.objects.order_by("pk").values_list("pk", "value")] == before
    assert Annotation.objects.given().filter(annotator=ben).count() == 1
    assert not publish(campaign=campaign, actor=COMMAND_LINE).is_new
