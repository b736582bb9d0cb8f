"""The demo project is put in once, whole, and its ways in are shown once."""

import re
from io import StringIO

import pytest
from django.contrib.auth import authenticate
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db.models import F

from evalhub.accounts.models import ApiKey, Membership, Project, User
from evalhub.accounts.services import create_project, create_user
from evalhub.datasets.models import DatasetVersion
from evalhub.reports.models import Comparison
from evalhub.runs.models import Run
from evalhub.web.management import seeding
from labeling.agreement import agreement_by_question, answers_of
from labeling.agreement.people import people_of
from labeling.agreement.preferences import ranking_of
from labeling.deciding import queue_of
from labeling.models import Annotation, Annotator, Campaign
from tests.evalhub.runs.building import drain

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def scoring_seconds(monkeypatch):
    """Leave the scoring to nobody, but where a test is about it."""
    monkeypatch.setattr(seeding, "SCORING_SECONDS", 0.0)


def seed():
    output = StringIO()
    call_command("seed_demo", stdout=output)
    return output.getvalue()


def counts():
    models = (DatasetVersion, Run, Campaign, Annotation, Annotator, ApiKey, Membership)
    return {model.__name__: model.objects.count() for model in models}


def test_a_start_puts_it_in_once_shows_the_ways_in_once_and_leaves_the_rest_to_the_workers():
    first, second = StringIO(), StringIO()
    call_command("prepare", "--demo", stdout=first)
    before = counts()
    call_command("prepare", "--demo", stdout=second)

    assert "Putting in the demo project." in first.getvalue()
    assert "API key of the project demo: evh_" in first.getvalue()
    assert second.getvalue() == ""
    assert seed().strip() == "The demo project is there already."
    assert counts() == before

    shown = dict(re.findall(r"^  (\S+) +(\S+) +\w+$", first.getvalue(), re.MULTILINE))
    assert shown.keys() == {one.username for one in User.objects.all()}
    for name, password in shown.items():
        assert authenticate(username=name, password=password) is not None
    assert len(set(shown.values())) == len(shown)

    assert not Comparison.objects.exists()
    drain()
    assert {run.state for run in Run.objects.all()} == {Run.State.SCORED}


def test_a_start_without_the_demo_puts_nothing_in():
    call_command("prepare")
    assert not Project.objects.exists()


def test_a_start_says_how_the_first_account_is_made_until_there_is_one():
    first, second = StringIO(), StringIO()
    call_command("prepare", stdout=first)
    call_command("create_user", "ada", stdout=StringIO())
    call_command("prepare", stdout=second)
    assert "manage.py create_user NAME --owner-of PROJECT" in first.getvalue()
    assert second.getvalue() == ""


def test_everything_is_there_scored_and_compared_and_labeling_is_seen_at_work(monkeypatch, client):
    monkeypatch.setattr(seeding, "SCORING_SECONDS", 60.0)
    seed()
    project = Project.objects.get(slug="demo")
    runs = project.runs.all()
    assert [run.state for run in runs] == [Run.State.SCORED] * 6
    assert sum(version.n_examples for version in DatasetVersion.objects.all()) == 200
    assert Annotator.objects.filter(user__isnull=True).count() == 0
    assert Annotator.objects.values("user").distinct().count() == 4
    kinds = {(one.kind, one.state) for run in runs for one in run.measurements.all()}
    assert kinds == {("automatic", "scored"), ("human", "scored")}
    outcomes = {
        (one.candidate.version.dataset.slug, str(one.candidate.system_version.system)): one.outcome
        for one in Comparison.objects.all()
    }
    assert outcomes[("questions", "harbor-large")] == "improved"
    assert outcomes[("questions", "harbor-small-b")] == "insufficient_evidence"
    assert len(outcomes) == 4
    holds_labeling_at_work(client)


def holds_labeling_at_work(client):
    """One campaign is published, one has people who differ, one compares pairs."""
    client.force_login(User.objects.get(username="lead"))
    overview = client.get("/p/demo/").content.decode()
    published, differing, pairs = Campaign.objects.order_by("pk")
    assert [one.state for one in (published, differing, pairs)] == ["closed", "open", "open"]
    assert [bool(one.published_at) for one in (published, differing, pairs)] == [1, 1, 0]
    for campaign in (published, differing, pairs):
        assert f"/campaigns/{campaign.public_id}/" in overview
        assert client.get(f"/campaigns/{campaign.public_id}/").status_code == 200
    waiting = queue_of(differing).waiting
    assert 10 <= len(waiting) <= 40
    assert f"{len(waiting)} outputs wait for a decision in “Right and helpful”" in overview
    for result in agreement_by_question(differing, answers_of(differing)):
        assert result.agreement.low < result.agreement.alpha < result.agreement.high
    [better] = pairs.asked
    ranking = ranking_of(pairs, answers_of(pairs), better)
    assert [one.remarks for one in people_of(pairs, answers_of(pairs), better)] == [[]] * 4
    assert str(ranking.standings[0].system).startswith("harbor-large")
    for campaign in (published, differing, pairs):
        places = campaign.slots.filter(state="done")
        given = Annotation.objects.filter(unit__campaign=campaign, unit__twin__isnull=True)
        assert given.exists()
        assert not given.exclude(slot__in=places, annotator=F("slot__annotator")).exists()
        assert all(slot.n_answered == slot.annotations.count() for slot in places)
        assert all(slot.n_answered == slot.n_units for slot in places)


@pytest.mark.parametrize("slug", ["demo", "other"])
def test_what_is_somebody_elses_is_left_alone(slug):
    name = "demo-odd" if slug == "other" else "ada"
    someone = create_user(username=name, password="a long winter")
    create_project(slug=slug, name="Mine", owner=someone)
    with pytest.raises(CommandError, match=r"account demo-odd|not the demo"):
        seed()
    assert authenticate(username=someone.username, password="a long winter") == someone
    assert [project.slug for project in Project.objects.all()] == [slug]
    assert not User.objects.filter(username="lead").exists()


def test_an_interrupted_start_is_finished_by_the_next(monkeypatch):
    with monkeypatch.context() as broken:
        broken.setattr(seeding, "publish", lambda **_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            seeding.seed()
    access = seeding.seed()
    assert access is not None
    [(_, password, role)] = [person for person in access.people if person[0] == "lead"]
    assert role == "owner"
    assert authenticate(username="lead", password=password) is not None
    assert Campaign.objects.count() == 3
    assert Run.objects.count() == 6
    assert ApiKey.objects.usable().count() == 1
    assert Campaign.objects.filter(published_at__isnull=False).count() == 2
