"""Runs are closed to an expert who labels, and who can see them is named beside the agreement."""

import pytest
from django.urls import reverse
from django.utils import timezone

from evalhub.accounts.services import COMMAND_LINE
from labeling.models import Annotator
from labeling.services import placing
from labeling.services.campaigns import pause
from labeling.services.publication import close
from labeling.services.seats import seat
from tests.factories import a_member
from tests.labeling.building import a_campaign, an_annotator, answered

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign():
    return a_campaign(n=3, overlap=3)


@pytest.fixture
def expert(campaign):
    return a_member(campaign.project, "expert")


def opens_runs(client, campaign, user):
    client.force_login(user)
    page = client.get(reverse("runs:detail", args=[campaign.runs.first().public_id]))
    assert page.status_code == 200 or campaign.name in page.content.decode()
    return page.status_code == 200


def test_runs_open_again_when_the_campaign_is_closed(client, campaign, expert):
    assert opens_runs(client, campaign, expert)
    annotator = seat(campaign=campaign, user=expert)
    assert not opens_runs(client, campaign, expert)
    answered(annotator, campaign.units.first(), faithful=3)
    pause(campaign=campaign, actor=COMMAND_LINE)
    assert not opens_runs(client, campaign, expert)
    close(campaign=campaign, actor=COMMAND_LINE)
    assert opens_runs(client, campaign, expert)


def test_runs_open_again_when_a_lead_ends_the_place(client, campaign, expert):
    annotator = seat(campaign=campaign, user=expert)
    placing.stop(annotator=annotator, actor=COMMAND_LINE)
    assert opens_runs(client, campaign, expert)
    placing.let_go_on(annotator=annotator, actor=COMMAND_LINE)
    assert not opens_runs(client, campaign, expert)


def test_another_project_stays_open(client, campaign, expert):
    other = a_campaign()
    member = {"user": expert, "role": "expert", "created_at": timezone.now()}
    other.project.memberships.create(**member)
    seat(campaign=campaign, user=expert)
    assert opens_runs(client, other, expert)
    # The switcher leads an expert to the labeling pages where the overview is closed.
    overview = client.get(reverse("web:overview", args=[campaign.project.slug]))
    assert overview.url == reverse("labeling:list", args=[campaign.project.slug])


def test_who_is_not_blind_is_named_to_leads(client, campaign, expert):
    lead = a_member(campaign.project, "lead")
    people = [seat(campaign=campaign, user=user) for user in (expert, lead)]
    people.append(an_annotator(campaign))
    idle = seat(campaign=campaign, user=a_member(campaign.project, "lead"))
    Annotator.objects.filter(pk__in=[one.pk for one in people]).update(n_answered=1)
    client.force_login(lead)
    page = client.get(reverse("labeling:agreement", args=[campaign.public_id])).content.decode()
    said = page.split('id="seers"')[1].split("</p>")[0]
    assert f"<b>{lead.username}</b> (lead: can open the runs" in said
    assert f"<b>{expert.username}</b> (expert: runs are closed to them while they label" in said
    assert people[2].name not in said
    assert idle.name not in said
    for name in ("labeling:people", "labeling:campaign"):
        page = client.get(reverse(name, args=[campaign.public_id])).content.decode()
        assert page.count("can open the runs and see systems and scores") == 2, name
