"""The judges page says who judges, or how to set one; the ledger is read as untrusted text."""

import pytest
from django.utils import timezone

from evalhub.judging.models import JudgeCall
from metrics.reasons import Reason
from tests.factories import a_member, a_project

pytestmark = pytest.mark.django_db


def page(client, project, query=""):
    client.force_login(a_member(project, "viewer"))
    answer = client.get(f"/p/{project.slug}/judges/{query}")
    assert answer.status_code == 200
    return answer.content.decode()


def call(project, number, **fields):
    return JudgeCall.objects.create(
        project=project,
        digest=f"{number:064}",
        rubric="faithfulness",
        rubric_version=1,
        model="owl-1",
        position=number,
        attempt=1,
        created_at=timezone.now(),
        **fields,
    )


def test_without_an_endpoint_it_says_how_to_set_one(client, settings):
    settings.JUDGE_URL = settings.JUDGE_MODEL = ""
    text = page(client, a_project())
    assert "No judge is set" in text
    assert "EVALHUB_JUDGE_URL=" in text
    assert "judge_faithfulness" in text


def test_the_key_is_never_shown_nor_what_stands_before_the_host(client, settings):
    settings.JUDGE_URL = "https://someone:secret-1@models.example.org/v1"
    settings.JUDGE_MODEL, settings.JUDGE_KEY = "owl-1", "secret-2"
    text = page(client, a_project())
    assert "owl-1 judges" in text
    assert "models.example.org" in text
    assert "secret" not in text


def test_the_ledger_shows_verdicts_and_reasons_and_no_markup_of_others(client):
    project = a_project()
    call(project, 1, state="answered", verdict=4.0, explanation="<script>alert(1)</script>")
    call(project, 2, state="answered", reason=Reason.NO_VERDICT, reply="<img src=x>")
    call(project, 3, state="failed", reason=Reason.JUDGE_UNREACHABLE, error="No answer in 60 s.")
    call(a_project(), 4, state="answered", verdict=5.0, explanation="of another project")
    text = page(client, project)
    assert "&lt;script&gt;" in text
    assert "<script>alert" not in text
    assert "<img src=x" not in text
    assert Reason.NO_VERDICT.sentence.replace("'", "&#x27;") in text
    assert "No answer in 60 s." in text
    assert "of another project" not in text
    assert "3 calls, 1 verdict, 1 failed" in " ".join(text.split()).replace("\u202f", " ")


def test_the_ledger_has_pages(client):
    project = a_project()
    for number in range(51):
        call(project, number, state="answered", verdict=3.0, explanation=f"number {number}.")
    first = page(client, project)
    assert "number 50." in first
    assert "number 0." not in first
    oldest = JudgeCall.objects.order_by("pk")[1].pk
    assert "number 0." in page(client, project, f"?before={oldest}")
    assert "number 50." in page(client, project, "?before=x")
