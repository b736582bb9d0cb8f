"""Who answers: invited and added, stopped and let go on, and what a limited account reaches."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from evalhub.accounts.capabilities import ALL
from evalhub.accounts.invitations import Offer, accept
from evalhub.accounts.models import Membership
from evalhub.accounts.services import COMMAND_LINE
from evalhub.errors import Conflict, ContentError
from labeling.models import Annotation, Annotator, Campaign, Purpose, Slot
from labeling.services import placing
from labeling.services.controls import set_control
from labeling.services.desk import deal, submit
from labeling.services.seats import seat
from tests.factories import a_member, a_project, a_user
from tests.labeling.building import a_campaign, an_annotator, two_runs

pytestmark = pytest.mark.django_db
State = Annotator.State
LIMITED = Offer(role="annotator", is_limited=True, max_uses=2)


def invited(campaign, **how):
    how = {"offer": LIMITED, **how}
    return placing.invite_to(campaign=campaign, actor=COMMAND_LINE, capabilities=ALL, **how)[0]


def test_an_invitation_gives_a_place_and_nothing_else_of_the_project():
    project = a_project()
    mine, other = (a_campaign(project, runs=two_runs(project), invited_only=True) for _ in "ab")
    invitation, user = invited(mine, quota=7), a_user()
    accepted = accept(invitation=invitation, user=user)
    assert accepted.landing == reverse("labeling:desk", args=[mine.public_id])
    assert accept(invitation=invitation, user=user).landing == accepted.landing
    place = Annotator.objects.get(user=user)
    assert (place.campaign, place.quota) == (mine, 7)
    invitation.refresh_from_db()
    assert invitation.uses == 1
    client = Client()
    client.force_login(user)
    for name in ("campaign", "people", "guidelines", "questions", "agreement", "desk"):
        address = reverse(f"labeling:{name}", args=[other.public_id])
        assert client.get(address).status_code == 404, name
        page = client.get(reverse(f"labeling:{name}", args=[mine.public_id]))
        assert page.status_code == (200 if name == "desk" else 403), name
    address = reverse("labeling:person", args=[mine.public_id, place.pk])
    assert client.post(address, {"do": "quota"}).status_code == 403
    shown = client.get(reverse("labeling:list", args=[project.slug])).content.decode()
    assert mine.public_id in shown
    assert other.public_id not in shown


def test_who_is_a_member_already_keeps_their_role_and_gets_a_place():
    campaign = a_campaign(invited_only=True)
    expert = a_member(campaign.project, "expert")
    accept(invitation=invited(campaign), user=expert)
    assert Membership.objects.get(user=expert).role == "expert"
    assert campaign.annotators.get().user == expert


def test_a_closed_campaign_takes_nobody_in():
    campaign = a_campaign()
    invitation = invited(campaign)
    Campaign.objects.update(state=Campaign.State.CLOSED)
    campaign.refresh_from_db()
    assert accept(invitation=invitation, user=a_user()).landing == ""
    assert not campaign.annotators.exists()
    with pytest.raises(Conflict, match="closed"):
        invited(campaign)
    with pytest.raises(Conflict, match="closed"):
        placing.add_member(
            campaign=campaign, user=a_member(campaign.project, "expert"), actor=COMMAND_LINE
        )


def test_only_members_who_label_are_added():
    campaign = a_campaign(invited_only=True)
    expert = a_member(campaign.project, "expert")
    placing.add_member(campaign=campaign, user=expert, quota=3, actor=COMMAND_LINE)
    assert campaign.annotators.get().quota == 3
    for other in (a_member(campaign.project, "viewer"), a_user()):
        with pytest.raises(ContentError, match="Only members who label"):
            placing.add_member(campaign=campaign, user=other, actor=COMMAND_LINE)


def test_who_is_stopped_keeps_answers_and_gives_back_the_rest():
    campaign = a_campaign(overlap=1, n=3)
    person = an_annotator(campaign)
    first = deal(annotator=person).now
    submit(annotator=person, unit=first.unit, answers={"faithful": 4})
    held = Slot.objects.filter(annotator=person, state="leased")
    assert held.exists()
    placing.stop(annotator=person, actor=COMMAND_LINE)
    assert not held.exists()
    assert Annotation.objects.get().answers == {"faithful": 4}
    assert deal(annotator=person).now is None
    placing.let_go_on(annotator=person, actor=COMMAND_LINE)
    assert deal(annotator=person).now is not None
    with pytest.raises(Conflict, match="at work already"):
        placing.let_go_on(annotator=person, actor=COMMAND_LINE)


def test_what_is_released_goes_to_others():
    campaign = a_campaign(overlap=1, n=2)
    person, other = an_annotator(campaign), an_annotator(campaign)
    deal(annotator=person)
    assert deal(annotator=other).now is None
    placing.release(annotator=person, actor=COMMAND_LINE)
    assert deal(annotator=other).now is not None


def test_an_example_is_kept_for_one_person_and_one_place_more_is_made_when_none_is_free():
    campaign = a_campaign(overlap=1, n=6)
    busy, wanted = an_annotator(campaign), an_annotator(campaign)
    taken = deal(annotator=busy).now.unit
    free = campaign.units.exclude(
        bundle__in=Slot.objects.filter(annotator=busy).values("bundle")
    ).order_by("-bundle")[0]
    placing.reserve(annotator=wanted, unit=taken, actor=COMMAND_LINE)
    placing.reserve(annotator=wanted, unit=free, actor=COMMAND_LINE)
    kept = Slot.objects.filter(reserved_for=wanted).order_by("number")
    assert [(slot.bundle, slot.number) for slot in kept] == [(free.bundle, 1), (taken.bundle, 2)]
    with pytest.raises(Conflict, match="has this example already"):
        placing.reserve(annotator=wanted, unit=free, actor=COMMAND_LINE)
    while (dealt := deal(annotator=busy).now) is not None:
        assert dealt.unit.bundle != free.bundle
        submit(annotator=busy, unit=dealt.unit, answers={"faithful": 3})
    answered = set()
    while (dealt := deal(annotator=wanted).now) is not None:
        submit(annotator=wanted, unit=dealt.unit, answers={"faithful": 3})
        answered.add(dealt.unit.bundle)
    assert answered == {free.bundle, taken.bundle}


def a_qualification(campaign):
    unit = campaign.units.order_by("pk")[0]
    for each in campaign.units.filter(bundle=unit.bundle):
        set_control(
            unit=each,
            answers={"faithful": 5},
            purpose=Purpose.QUALIFICATION,
            actor=COMMAND_LINE,
        )


def failed(campaign):
    """Return somebody who answered the whole qualification wrong."""
    person = seat(campaign=campaign, user=a_member(campaign.project, "annotator"))
    answer_all(person, 1)
    person.refresh_from_db()
    assert person.state == State.UNQUALIFIED
    return person


def answer_all(person, value):
    answered = []
    while (dealt := deal(annotator=person).now) is not None:
        if dealt.unit.purpose != Purpose.QUALIFICATION:
            break
        submit(annotator=person, unit=dealt.unit, answers={"faithful": value})
        answered.append(dealt.unit.pk)
    return answered


def test_a_qualification_is_accepted_or_answered_once_more_and_nothing_said_is_lost():
    campaign = a_campaign(n=4, pass_mark=0.8)
    a_qualification(campaign)
    accepted, person = failed(campaign), failed(campaign)
    placing.let_go_on(annotator=accepted, actor=COMMAND_LINE)
    assert deal(annotator=accepted).now.unit.purpose == Purpose.LABEL
    placing.let_retry(annotator=person, actor=COMMAND_LINE)
    with pytest.raises(Conflict, match="has not failed"):
        placing.let_retry(annotator=person, actor=COMMAND_LINE)
    assert len(answer_all(person, 5)) == 2
    person.refresh_from_db()
    assert (person.state, person.n_qualification) == (State.ACTIVE, 2)
    said = [row.answers for row in Annotation.objects.get(
        annotator=person, unit=campaign.units.order_by("pk")[0]
    ).revisions.order_by("number")]  # fmt: skip
    assert said[0] == {"faithful": 1}
    assert deal(annotator=person).now.unit.purpose == Purpose.LABEL


def test_the_page_adds_invites_and_changes(client):
    campaign = a_campaign(invited_only=True)
    client.force_login(a_member(campaign.project, "lead"))
    expert = a_member(campaign.project, "expert")
    address = reverse("labeling:people", args=[campaign.public_id])
    assert expert.username in client.get(address).content.decode()
    assert client.post(address, {"do": "add", "add-member": expert.pk}).status_code == 302
    place = campaign.annotators.get()
    wanted = {"invite-role": "limited", "invite-max_uses": 3, "invite-days": 2}
    made = client.post(address, {"do": "invite", **wanted}).content.decode()
    token = re.search(r"/invitations/([\w-]{43})", made)
    assert token
    assert token[1] not in client.get(address).content.decode()
    refused = client.post(address, {"do": "invite", **wanted, "invite-days": 400})
    assert refused.status_code == 422
    person = reverse("labeling:person", args=[campaign.public_id, place.pk])
    for act, fields in (("quota", {"quota": 9}), ("stop", {}), ("go_on", {}), ("release", {})):
        assert client.post(person, {"do": act, **fields}, follow=True).status_code == 200
    place.refresh_from_db()
    assert (place.quota, place.state) == (9, State.ACTIVE)
    for wrong in ({"do": "quota", "quota": 0}, {"do": "fly"}, {"do": "retry"}):
        page = client.post(person, wrong, follow=True).content.decode()
        assert re.search(r"greater than or equal to 1|no such thing|has not failed", page)
