"""The overview: what needs a person, to whom it is shown, and where one starts."""

import pytest

from evalhub.accounts.models import Membership
from evalhub.accounts.services import COMMAND_LINE
from evalhub.reports import wording
from evalhub.reports.services import compare_runs
from evalhub.runs.models import Run
from tests.evalhub.runs.building import a_run, finished, right, scored, submit
from tests.factories import a_key, a_member, a_project, a_version
from tests.labeling.building import a_campaign, two_runs

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    return a_project("town")


@pytest.fixture
def lead(client, project):
    user = a_member(project, "lead")
    client.force_login(user)
    return user


def words_of(client):
    page = client.get("/p/town/")
    assert page.status_code == 200
    return [need.word for need in page.context["needs"]], page.content.decode()


def test_an_empty_project_shows_three_steps(client, lead, project):
    needs, body = words_of(client)
    assert needs == []
    assert "Three steps to a first number" in body
    assert not client.get("/p/town/").context["has_key"]
    a_key(project)
    assert client.get("/p/town/").context["has_key"]


def test_runs_that_wait_and_runs_at_work_are_named(client, lead, project):
    version = a_version(project)
    submit(a_run(version, system="whole"), *right(1, 2, 3))
    submit(a_run(version, system="part"), *right(1))
    run = scored(a_run(version, system="broken"), *right(1, 2, 3))
    finished(a_run(version, system="busy"), *right(1, 2, 3))
    Run.objects.filter(pk=run.pk).update(state="failed")
    needs, body = words_of(client)
    assert needs == ["failed", "open", "scoring"]
    assert "whole on" in body
    assert "part on" not in body


def test_a_regression_needs_a_person(client, lead, project):
    version = a_version(project, n=60)
    good = scored(a_run(version, system="good"), *right(*range(1, 61)))
    bad = scored(a_run(version, system="bad"), *right(*range(1, 11)))
    comparison = compare_runs(baseline=good, candidate=bad, actor=COMMAND_LINE)
    (need,) = client.get("/p/town/").context["needs"]
    assert (need.word, need.text) == ("regressed", wording.title(comparison))
    assert need.url == f"/comparisons/{comparison.public_id}/"


def test_the_head_names_the_project_and_what_is_being_labeled(client, lead, project):
    scored(a_run(a_version(project)), *right(1))
    _, body = words_of(client)
    assert "Nothing waits for a person" in body
    assert f'<b dir="auto">{project.name}</b>' in body
    a_campaign(project, runs=two_runs(project))
    _, body = words_of(client)
    assert "1 campaign is being labeled" in body


def test_the_overview_takes_few_queries(client, lead, project, django_assert_max_num_queries):
    version = a_version(project)
    for number in range(12):
        finished(a_run(version, system=f"s{number}"), *right(1))
    with django_assert_max_num_queries(20):
        client.get("/p/town/")


def test_one_starts_where_one_may_work(client, project):
    client.force_login(a_member(project, "viewer"))
    assert client.get("/")["Location"] == "/p/town/"
    annotator = a_member(project, "annotator")
    client.force_login(annotator)
    assert client.get("/")["Location"] == "/p/town/labeling/"
    assert client.get("/p/town/")["Location"] == "/p/town/labeling/"
    other = a_project()
    Membership.objects.create(
        project=other, user=annotator, role="viewer", created_at=other.created_at
    )
    assert client.get("/").status_code == 200
