"""The labeling pages of leads, and who sees which. The desk has tests of its own."""

import html

import pytest
from django.urls import reverse

from evalhub.accounts.services import COMMAND_LINE
from evalhub.runs.models import Measurement, Run
from labeling.models import Campaign, Unit
from labeling.services.desk import join
from labeling.services.publication import publish
from tests.factories import a_member, a_project, a_version
from tests.labeling.building import FAITHFUL, a_campaign, a_run, answered, two_runs

pytestmark = pytest.mark.django_db

QUESTIONS = [
    FAITHFUL,
    {"name": "tone", "kind": "choice", "options": ["warm", "cold"]},
    {"name": "minutes", "kind": "number", "low": 0, "high": 60, "required": False},
    {"name": "safe", "kind": "yes_no", "required": False},
]


@pytest.fixture
def campaign():
    return a_campaign(n=3, overlap=2, questions=QUESTIONS, guidelines="Read it twice.")


@pytest.fixture
def desk(client, campaign):
    """Return the address of the desk, with an annotator logged in."""
    client.force_login(a_member(campaign.project, "annotator"))
    return reverse("labeling:desk", args=[campaign.public_id])


def text_of(page):
    return html.unescape(page.content.decode())


# Who sees what


@pytest.mark.parametrize("name", ["labeling:campaign", "labeling:agreement"])
@pytest.mark.parametrize("role", ["annotator", "expert", "viewer"])
def test_answers_and_agreement_are_for_leads(client, campaign, name, role):
    client.force_login(a_member(campaign.project, role))
    assert client.get(reverse(name, args=[campaign.public_id])).status_code == 403


def test_a_viewer_has_no_desk_and_a_stranger_has_nothing(client, campaign):
    desk = reverse("labeling:desk", args=[campaign.public_id])
    client.force_login(a_member(campaign.project, "viewer"))
    assert client.get(desk).status_code == 403
    client.force_login(a_member(a_project(), "owner"))
    for name in ("campaign", "agreement", "desk"):
        address = reverse(f"labeling:{name}", args=[campaign.public_id])
        assert client.get(address).status_code == 404
        assert client.post(address).status_code in (404, 405)


def test_a_campaign_that_is_being_set_up_does_not_exist_yet(client, campaign, desk):
    Campaign.objects.update(state="preparing")
    assert client.get(desk).status_code == 404


# Leads


@pytest.fixture
def lead(client, campaign):
    user = a_member(campaign.project, "lead")
    client.force_login(user)
    return user


def form_of(runs, **fields):
    return {
        "name": "Tone",
        "runs": [run.public_id for run in runs],
        "overlap": "2",
        "guidelines": "Be fair.",
        "question-TOTAL_FORMS": "6",
        "question-INITIAL_FORMS": "0",
        **{f"question-{at}-kind": "rating" for at in range(6)},
        "question-0-name": "faithful",
        **fields,
    }


def test_a_lead_sets_a_campaign_up_by_form(client, lead, campaign):
    runs = two_runs(campaign.project)
    address = reverse("labeling:new", args=[campaign.project.slug])
    assert client.get(address).status_code == 200
    form = form_of(
        runs,
        **{
            "question-0-options": "poor\nfair\ngood",
            "question-1-name": "tone",
            "question-1-kind": "choice",
            "question-1-options": "warm\ncold",
            "question-1-low": "1",  # left from another kind; the page hides it
            "question-2-name": "errors",
            "question-2-kind": "number",
            "question-2-low": "0",
            "question-2-lower_is_better": "on",
        },
    )
    done = client.post(address, form)
    assert done.status_code == 302, text_of(done)
    made = Campaign.objects.latest("pk")
    questions = made.asked
    assert [(q.name, q.kind, q.scale) for q in questions] == [
        ("faithful", "rating", "ordinal"),
        ("tone", "choice", "nominal"),
        ("errors", "number", "interval"),
    ]
    assert questions[0].options[2] == {"value": 3, "label": "good"}
    assert (questions[2].low, questions[2].higher_is_better) == (0.0, False)
    assert client.get(done["Location"]).status_code == 200


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": ""}, "This field is required."),
        ({"name": "a\0b"}, "Null characters are not allowed."),
        ({"name": "x" * 201}, "at most 200 characters"),
        ({"runs": []}, "Choose at least one run."),
        ({"runs": ["run_nowhere"]}, "is not one of the available choices"),
        ({"overlap": "0"}, "greater than or equal to 1"),
        ({"overlap": "1e999"}, "Enter a whole number."),
        ({"overlap": "9" * 5_000}, "Enter a whole number."),
        ({"question-0-name": ""}, "Ask at least one question"),
        ({"question-0-name": "a\0b"}, "Null characters are not allowed."),
        ({"question-0-low": "nan"}, "Enter a number."),
        ({"question-0-kind": "number", "question-0-high": "1e999"}, "Enter a number."),
        (
            {"question-0-kind": "choice"},
            "Give 2 to 50 options to choose from; this question has 0.",
        ),
        ({"question-0-kind": "vote"}, "Select a valid choice"),
        ({"question-1-options": "a\nb"}, "This field is required."),
        ({"question-TOTAL_FORMS": "1000000"}, "at most 20"),
        ({"question-TOTAL_FORMS": ""}, "ManagementForm"),
    ],
)
def test_a_form_that_does_not_work_says_so(client, lead, campaign, fields, said):
    runs = two_runs(campaign.project)
    address = reverse("labeling:new", args=[campaign.project.slug])
    refused = client.post(address, {**form_of(runs), **fields})
    assert refused.status_code == 422
    assert said in text_of(refused)
    assert Campaign.objects.count() == 1


def test_a_form_says_all_at_once_what_does_not_work(client, lead, campaign):
    runs = [*two_runs(campaign.project), a_run(a_version(campaign.project, n=2), ["a", "b"])]
    address = reverse("labeling:new", args=[campaign.project.slug])
    wrong = {"name": "", "question-0-name": "", "overlap": "none"}
    said = text_of(client.post(address, form_of(runs, **wrong)))
    assert "These runs are on different datasets" in said
    assert "Ask at least one question" in said
    assert "This field is required." in said
    assert "Enter a whole number." in said
    wrong = {"question-0-kind": "choice", "question-1-kind": "choice", "question-1-options": "a"}
    said = text_of(client.post(address, form_of(runs, **wrong)))
    assert "this question has 0" in said
    assert "These runs are on different datasets" in said
    assert "Ask at least one question" not in said
    assert Campaign.objects.count() == 1


def label(campaign, *people):
    for user, values in people:
        annotator = join(campaign=campaign, user=user)
        for at, unit in enumerate(campaign.units.filter(twin__isnull=True)):
            answered(annotator, unit, faithful=values[at % len(values)], tone="warm")


def test_a_lead_sees_progress_and_publishes(client, lead, campaign):
    people = [a_member(campaign.project, "annotator") for _ in range(2)]
    label(campaign, (people[0], [2]), (people[1], [3]))
    address = reverse("labeling:campaign", args=[campaign.public_id])
    body = text_of(client.get(address))
    assert "12 of 12" in body.replace("\u202f", " ")
    assert all(person.username in body for person in people)
    assert client.post(address, {"do": "publish"}).status_code == 302
    assert Measurement.objects.filter(kind="human", name="faithful").count() == 2
    assert Campaign.objects.get().state == "open"


def test_publishing_the_same_labels_again_says_so_and_makes_nothing(client, lead, campaign):
    person = a_member(campaign.project, "annotator")
    label(campaign, (person, [2]))
    address = reverse("labeling:campaign", args=[campaign.public_id])
    for expected in ("Published to 2 runs.", "Nothing has changed since the last publication"):
        assert expected in text_of(client.post(address, {"do": "publish"}, follow=True))
        assert set(Measurement.objects.values_list("generation", flat=True)) == {1}
    label(campaign, (a_member(campaign.project, "annotator"), [4]))
    client.post(address, {"do": "publish"})
    assert Measurement.objects.filter(name="faithful", generation=2).count() == 2
    Measurement.objects.update(state="failed")
    client.post(address, {"do": "publish"})
    assert Measurement.objects.filter(name="faithful", generation=3).count() == 2


def test_labels_that_are_being_scored_are_asked_after(client, lead, campaign):
    label(campaign, (a_member(campaign.project, "annotator"), [2]))
    address = reverse("labeling:campaign", args=[campaign.public_id])
    Measurement.objects.all().delete()
    client.post(address, {"do": "publish"})
    Measurement.objects.update(state="scoring", value=None)
    body = text_of(client.get(address))
    assert "being scored" in body
    assert 'hx-trigger="every 2s"' in body
    Measurement.objects.update(state="scored", value=3)
    assert "every 2s" not in text_of(client.get(address))


def test_closing_publishes_and_closing_twice_does_not(client, lead, campaign):
    label(campaign, (a_member(campaign.project, "annotator"), [2]))
    address = reverse("labeling:campaign", args=[campaign.public_id])
    for _ in range(2):
        said = text_of(client.post(address, {"do": "close"}, follow=True))
    assert "closed already" in said
    assert Campaign.objects.get().state == "closed"
    assert Measurement.objects.filter(name="faithful").count() == 2


def test_closing_a_campaign_whose_run_is_open_again_says_what_it_did(client, lead, campaign):
    label(campaign, (a_member(campaign.project, "annotator"), [2]))
    Run.objects.update(state="open")
    address = reverse("labeling:campaign", args=[campaign.public_id])
    said = text_of(client.post(address, {"do": "close"}, follow=True))
    assert "Closed, and nothing was published." in said
    assert Campaign.objects.get().state == "closed"


def test_publishing_nothing_is_refused_in_words(client, lead, campaign):
    address = reverse("labeling:campaign", args=[campaign.public_id])
    assert "nothing to publish" in text_of(client.post(address, {"do": "publish"}, follow=True))
    assert client.post(address, {"do": "delete"}).status_code == 404


def test_a_twin_shares_what_was_said_at_the_desk():
    version = a_version(a_project(), n=2)
    runs = [a_run(version, ["same", "a"]), a_run(version, ["same", "b"])]
    campaign = a_campaign(runs=runs, questions=QUESTIONS)
    label(campaign, (a_member(campaign.project, "annotator"), [4]))
    publish(campaign=campaign, actor=COMMAND_LINE)
    for measurement in Measurement.objects.filter(name="faithful"):
        assert sorted(measurement.ratings.values_list("position", "value")) == [(0, 4), (1, 4)]
    assert Unit.objects.filter(twin__isnull=False).count() == 1


def test_agreement_is_read_in_words_with_a_table_behind_the_chart(client, lead, campaign):
    address = reverse("labeling:agreement", args=[campaign.public_id])
    nothing = text_of(client.get(address))
    assert "There is no agreement to speak of yet" in nothing
    assert "No answers yet" in nothing
    assert reverse("labeling:campaign", args=[campaign.public_id]) in nothing
    assert "Where they differ most" not in nothing
    people = [a_member(campaign.project, "annotator") for _ in range(2)]
    label(campaign, (people[0], [2, 1, 2]), (people[1], [5, 5, 4]))
    body = text_of(client.get(address))
    assert "People do not agree enough on faithful" in body
    assert "All answers are the same" in body
    assert "alpha" in body
    assert "drawn from \N{MINUS SIGN}1" in body
    assert 'role="img"' in body
    assert "2, 5" in body


@pytest.mark.parametrize("role", ["owner", "lead", "expert", "annotator", "viewer"])
def test_every_member_sees_the_list(client, campaign, role):
    client.force_login(a_member(campaign.project, role))
    page = client.get(reverse("labeling:list", args=[campaign.project.slug]))
    assert page.status_code == 200
    assert (reverse("labeling:desk", args=[campaign.public_id]) in text_of(page)) == (
        role != "viewer"
    )
    new = client.get(reverse("labeling:new", args=[campaign.project.slug]))
    assert new.status_code == (200 if role in ("owner", "lead") else 403)
