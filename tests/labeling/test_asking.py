"""Questions and guidelines change under way: versions are kept, answers are not touched."""

import pytest
from django.urls import reverse

from evalhub.accounts.services import COMMAND_LINE
from evalhub.errors import Conflict, ContentError
from labeling.asking import Change, consequences
from labeling.counting import comparable_sets
from labeling.models import Campaign, Control, GuidelineVersion, Purpose
from labeling.services.asking import change_questions, read_asked
from labeling.services.guidelines import change_guidelines
from tests.factories import a_key, a_member
from tests.labeling.building import AT, a_campaign, said

pytestmark = pytest.mark.django_db

FAITHFUL = {"name": "faithful", "kind": "rating"}
TONE = {"name": "tone", "kind": "choice", "options": ["warm", "cold"]}
WHY = {"name": "why", "kind": "text", "required": False}


@pytest.fixture
def campaign():
    campaign = a_campaign(questions=[FAITHFUL, TONE], guidelines="Read twice.")
    first, second, *_ = campaign.units.order_by("pk")
    said(campaign, first, "ada", faithful=4, tone="warm")
    said(campaign, first, "ben", faithful=2, tone="cold")
    said(campaign, second, "ada", faithful=5)
    return campaign


def a_control(campaign):
    unit = campaign.units.order_by("pk")[2]
    campaign.units.filter(bundle=unit.bundle).update(purpose=Purpose.CONTROL)
    more = {
        name: getattr(unit, name)
        for name in ("campaign", "bundle")
        if name in {field.name for field in Control._meta.fields}
    }
    return Control.objects.create(
        unit=unit, answers={"faithful": 5, "tone": "warm"}, created_at=AT, **more
    )


def test_answers_go_on_counting_where_a_question_means_the_same(campaign):
    control = a_control(campaign)
    asked = [
        {**FAITHFUL, "text": "Is it true to the passage?"},
        {**TONE, "options": ["warm", "cold", "neutral"]},
        WHY,
    ]
    found = consequences(campaign, read_asked(campaign, asked))
    assert [(each.name, each.change, each.n_counting, each.n_resting) for each in found] == [
        ("faithful", Change.REWORDED, 3, 0),
        ("tone", Change.ANEW, 0, 2),
        ("why", Change.NEW, 0, 0),
    ]
    assert "2 answers so far stay in the files" in found[1].sentence
    assert "1 control unit are about the old scale" in found[1].sentence
    before = list(campaign.units.values_list("annotations__answers", flat=True))
    first, version = (
        campaign.question_set,
        change_questions(
            campaign=campaign, asked=asked, note=" a third tone ", seen=1, actor=COMMAND_LINE
        ),
    )
    assert (version.number, version.note) == (2, "a third tone")
    assert [question.name for question in campaign.asked] == ["faithful", "tone", "why"]
    assert list(campaign.units.values_list("annotations__answers", flat=True)) == before
    assert comparable_sets(Campaign.objects.get(pk=campaign.pk)) == {
        "faithful": {first.pk, version.pk},
        "tone": {version.pk},
        "why": {version.pk},
    }
    control.refresh_from_db()
    assert control.answers == {"faithful": 5}


def test_a_question_that_comes_back_has_its_answers_again(campaign):
    change_questions(campaign=campaign, asked=[FAITHFUL], actor=COMMAND_LINE)
    [_, back] = consequences(campaign, read_asked(campaign, [FAITHFUL, TONE]))
    assert (back.change, back.n_counting) == (Change.AGAIN, 2)
    assert [each.change for each in consequences(campaign, read_asked(campaign, [TONE]))] == [
        Change.AGAIN,
        Change.GONE,
    ]


def test_what_is_not_different_is_no_new_version(campaign):
    asked = [FAITHFUL, TONE]
    assert change_questions(campaign=campaign, asked=asked, actor=COMMAND_LINE) is None
    same = change_guidelines(campaign=campaign, text=" Read twice.\n", actor=COMMAND_LINE)
    assert same is None
    assert campaign.question_sets.count() == campaign.guideline_versions.count() == 1


def test_guidelines_keep_every_version_and_what_was_said_of_it(campaign):
    version = change_guidelines(
        campaign=campaign, text="Read three times.", note="thrice", seen=1, actor=COMMAND_LINE
    )
    assert (version.number, version.note) == (2, "thrice")
    now = Campaign.objects.get(pk=campaign.pk)
    assert (now.guidelines, now.guidelines_number) == ("Read three times.", 2)
    texts = GuidelineVersion.objects.filter(campaign=campaign).order_by("number")
    assert list(texts.values_list("text", flat=True)) == ["Read twice.", "Read three times."]


def test_a_change_of_something_older_or_closed_or_faulty_is_refused(campaign):
    change_guidelines(campaign=campaign, text="Read three times.", actor=COMMAND_LINE)
    change_questions(campaign=campaign, asked=[FAITHFUL], actor=COMMAND_LINE)
    with pytest.raises(Conflict, match="version 2 is the newest"):
        change_guidelines(campaign=campaign, text="Read once.", seen=1, actor=COMMAND_LINE)
    with pytest.raises(Conflict, match="version 2 is the newest"):
        change_questions(campaign=campaign, asked=[TONE], seen=1, actor=COMMAND_LINE)
    with pytest.raises(ContentError, match="at most 100,000 characters"):
        change_guidelines(campaign=campaign, text="a" * 100_001, actor=COMMAND_LINE)
    with pytest.raises(ContentError, match="at most 500 characters"):
        change_questions(campaign=campaign, asked=[TONE], note="a" * 501, actor=COMMAND_LINE)
    with pytest.raises(ContentError, match="at least one"):
        change_questions(campaign=campaign, asked=[], actor=COMMAND_LINE)
    Campaign.objects.filter(pk=campaign.pk).update(state=Campaign.State.CLOSED)
    for change in (
        lambda: change_guidelines(campaign=campaign, text="x", actor=COMMAND_LINE),
        lambda: change_questions(campaign=campaign, asked=[TONE], actor=COMMAND_LINE),
    ):
        with pytest.raises(Conflict, match="is closed"):
            change()


def test_leads_change_guidelines_questions_and_state_by_rest(client, campaign):
    address = f"/api/v1/campaigns/{campaign.public_id}"
    key = a_key(campaign.project)

    def post(what, **body):
        answer = client.post(f"{address}/{what}", body, "application/json", headers=key)
        return answer.status_code, answer.json()

    status, made = post("guidelines", text="Read three times.", note="thrice", seen=1)
    assert (status, made["version"], made["text"]) == (201, 2, "Read three times.")
    assert [one["note"] for one in made["versions"]] == ["thrice", ""]
    assert post("guidelines", text="Read three times.")[0] == 200
    assert post("guidelines", text="Read once.", seen=1)[0] == 409
    for wrong in ({}, {"text": 5}, {"text": "x", "seen": "1"}, {"text": "x", "note": "n" * 501}):
        assert post("guidelines", **wrong)[0] == 422
    assert post("guidelines", text="x", who="me")[0] == 400

    status, made = post("questions", questions=[FAITHFUL], seen=1)
    assert (status, made["version"]) == (201, 2)
    assert [one["change"] for one in made["changes"]] == ["same", "gone"]
    assert post("questions", questions=[FAITHFUL])[0] == 200
    assert client.get(f"{address}/questions", headers=key).json()["version"] == 2

    assert post("state", state="paused")[1]["state"] == "paused"
    assert post("state", state="paused")[0] == 409
    assert post("state", state="open")[1]["state"] == "open"
    assert post("state", state="preparing")[0] == 422
    status, closed = post("state", state="closed")
    assert (status, closed["state"]) == (200, "closed")
    assert closed["published_at"]
    assert post("guidelines", text="Too late.")[0] == 409
    reader = a_key(campaign.project, "viewer")
    body = {"state": "open"}
    refused = client.post(f"{address}/state", body, "application/json", headers=reader)
    assert refused.status_code == 403


def test_the_pages_show_what_is_said_and_asked_now_and_what_was_before(client, campaign):
    client.force_login(a_member(campaign.project, "lead"))
    guidelines, questions = (
        reverse(f"labeling:{name}", args=[campaign.public_id])
        for name in ("guidelines", "questions")
    )
    said = {"text": "Read thrice.", "note": "Three times.", "seen": "1"}
    assert client.post(guidelines, said).status_code == 302
    page = client.get(guidelines).content.decode()
    assert "<del>twice</del>" in page
    assert "<ins>thrice</ins>" in page
    assert "Three times." in page
    row = {"question-TOTAL_FORMS": "1", "question-INITIAL_FORMS": "0", "seen": "1"}
    asked = {**row, "question-0-name": "faithful", "question-0-kind": "yes_no"}
    looked = client.post(questions, {**asked, "do": "look"}).content.decode()
    assert "Another scale, so it begins anew" in looked
    assert "Asked no more" in looked
    assert campaign.question_sets.count() == 1
    assert client.post(questions, {**asked, "do": "change"}).status_code == 302
    page = client.get(questions).content.decode()
    assert "warm; cold" in " ".join(page.split())  # of the version before
    assert "Version 2" in page
    stale = client.post(questions, {**asked, "question-0-kind": "rating", "do": "change"})
    assert stale.status_code == 422
    assert "version 2 is the newest" in stale.content.decode()
