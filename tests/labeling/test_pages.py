"""The labeling pages: blind at the desk, whole without scripts, refusing with a sentence."""

import html
import re

import pytest
from django.urls import reverse

from evalhub.accounts.services import COMMAND_LINE
from evalhub.runs.models import Measurement, Output, Run
from labeling.models import Annotation, Annotator, Campaign, Slot, Unit
from labeling.selectors import DeskProgress
from labeling.services.desk import join
from labeling.services.publication import publish
from tests.factories import a_member, a_project, a_version, example_row
from tests.labeling.building import FAITHFUL, a_campaign, a_run, an_annotator, answered, two_runs

pytestmark = pytest.mark.django_db

QUESTIONS = [
    FAITHFUL,
    {"name": "tone", "kind": "choice", "options": ["warm", "cold"]},
    {"name": "minutes", "kind": "number", "low": 0, "high": 60, "required": False},
    {"name": "safe", "kind": "yes_no", "required": False},
]
ANSWERED = {"q0": "3", "q1": "1", "q2": "7.5", "q3": "na"}


@pytest.fixture
def campaign():
    return a_campaign(n=3, overlap=2, questions=QUESTIONS, guidelines="Read it twice.")


@pytest.fixture
def desk(client, campaign):
    """Return the address of the desk, with an annotator logged in."""
    client.force_login(a_member(campaign.project, "annotator"))
    return reverse("labeling:desk", args=[campaign.public_id])


def unit_on(page):
    return re.search(r'name="unit" value="(unt_\w+)"', page.content.decode())[1]


def act(client, desk, do="submit", *, unit=None, **fields):
    unit = unit or unit_on(client.get(desk))
    return client.post(desk, {"do": do, "unit": unit, **fields})


def text_of(page):
    return html.unescape(page.content.decode())


# Blindness


def test_the_desk_says_nothing_of_system_run_score_or_other_people(client):
    project = a_project()
    version = a_version(
        project,
        [
            example_row(
                "secret-key-1",
                input="Why?",
                metadata={"topic": "veiled-topic"},
                expected_output="gold",
            )
        ],
    )
    runs = [
        a_run(version, [text], system=system)
        for system, text in (("veiled-heron", "One answer."), ("veiled-stork", "Another."))
    ]
    Output.objects.update(metadata='{"model":"veiled-model"}', trace_id="veiled-trace", cost=0.123)
    Measurement.objects.create(
        run=runs[0], name="veiled-metric", metric="bleu", family="mean", value=0.87654,
        created_at=runs[0].created_at,
    )  # fmt: skip
    campaign = a_campaign(runs=runs, questions=QUESTIONS, overlap=2)
    other = an_annotator(campaign)
    for unit in campaign.units.all():
        answered(other, unit, faithful=2, tone="cold", minutes=43.25, safe=False)
    client.force_login(a_member(project, "annotator"))
    desk = reverse("labeling:desk", args=[campaign.public_id])
    secrets = [
        *("veiled", "secret-key", "gold", "0.876", "43.25", other.name, "run_", "mea_", "heron"),
        *(run.public_id for run in runs),
    ]
    for headers in ({}, {"HX-Request": "true"}):
        for page in (
            client.get(desk, headers=headers),
            client.post(
                desk, {"do": "submit", "unit": unit_on(client.get(desk))}, headers=headers
            ),
            client.get(reverse("labeling:list", args=[project.slug])),
        ):
            body = page.content.decode()
            assert [secret for secret in secrets if secret in body] == []
    assert Slot.objects.filter(state="leased").exists()


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


# The desk as plain forms


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ({"kind": "rating"}, [("1 is", "low"), ("5 is", "high")]),
        ({"kind": "rating", "options": [2, 1, 0]}, [("2 is", "high"), ("0 is", "low")]),
        ({"kind": "rating", "options": ["bad", "fair", "good"]}, []),
        ({"kind": "choice", "options": [1, 2]}, []),
        ({"kind": "choice", "scale": "ordinal", "options": ["b", "a"]}, []),
    ],
)
def test_bare_points_in_order_say_which_end_is_which(client, question, said):
    campaign = a_campaign(n=1, questions=[{"name": "q", **question}])
    client.force_login(a_member(campaign.project, "annotator"))
    body = client.get(reverse("labeling:desk", args=[campaign.public_id])).content.decode()
    found = re.findall(r'<span class="vh">(\d is) </span>(\w+)<', body)
    assert found == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (None, ""),
        (0.0, ""),
        (0.13, "under a minute left"),
        (40, "about 1\u00a0min left"),
        (32 * 60 + 39, "about 33\u00a0min left"),
        (3_600 * 2 + 44, "about 2\u00a0h 1\u00a0min left"),
    ],
)
def test_the_time_that_is_left_is_said_in_minutes(seconds, said):
    left = DeskProgress(answered=5, total=9, seconds_left=seconds).time_left
    assert left.replace("\u00a0", " ") == said.replace("\u00a0", " ")


def test_a_unit_is_answered_and_the_next_one_comes(client, desk):
    first = unit_on(client.get(desk))
    done = act(client, desk, **ANSWERED)
    assert (done.status_code, done["Location"]) == (302, desk)
    assert Annotation.objects.get().answers == {
        "faithful": 4,
        "tone": "cold",
        "minutes": 7.5,
        "safe": None,
    }
    page = client.get(desk)
    assert unit_on(page) != first
    assert "1 of 6" in text_of(page).replace("\u202f", " ")


def test_optional_questions_may_stay_open(client, desk):
    assert act(client, desk, q0="0", q1="0").status_code == 302
    assert Annotation.objects.get().answers == {"faithful": 1, "tone": "warm"}


def test_a_refused_answer_stays_on_the_page_with_the_reason(client, desk):
    refused = act(client, desk, q0="4", q2="much")
    assert refused.status_code == 422
    body = text_of(refused)
    assert "No answer yet" in body
    assert "This is no number" in body
    assert re.search(r'name="q0"\s+value="4"\s+data-key="5"\s+checked', body)
    assert 'value="much"' in body
    assert not Annotation.objects.exists()


@pytest.mark.parametrize(
    "fields",
    [
        {"q0": "9"},
        {"q0": "-1"},
        {"q0": "\0"},
        {"q0": "1" * 5_000},
        {"q2": "nan"},
        {"q2": "1e999"},
        {"q2": "-inf"},
        {"q2": "61"},
        {"q2": "1_0"},
        {"q2": "9" * 300},
        {"q2": "\0"},
        {"q2": "<script>"},
    ],
)
def test_hostile_answers_are_refused_with_a_sentence(client, desk, fields):
    refused = act(client, desk, **{**ANSWERED, **fields})
    assert refused.status_code == 422
    assert 'class="err"' in text_of(refused)
    assert not Annotation.objects.exists()


def test_an_answer_that_replaces_one_from_another_tab_says_so(client, desk):
    unit = unit_on(client.get(desk))
    act(client, desk, unit=unit, **ANSWERED)
    assert "answered this one before" not in text_of(client.get(desk))
    act(client, desk, unit=unit, **ANSWERED)  # sent twice
    assert "answered this one before" not in text_of(client.get(desk))
    act(client, desk, unit=unit, **{**ANSWERED, "q0": "1"})
    assert "answered this one before" in text_of(client.get(desk))
    assert Annotation.objects.get().answers["faithful"] == 2


@pytest.mark.parametrize("unit", ["", "unt_nowhere", "\0", "x" * 10_000, "1"])
def test_a_unit_that_does_not_exist_is_not_found(client, desk, unit):
    client.get(desk)
    assert client.post(desk, {"do": "submit", "unit": unit, **ANSWERED}).status_code == 404
    assert client.post(desk, {"do": "skip", "unit": unit}).status_code == 404


def test_something_else_to_do_is_not_found(client, desk):
    assert client.post(desk, {"do": "publish"}).status_code == 404


@pytest.mark.parametrize("do", ["submit", "skip", "undo", "stay"])
def test_nobody_joins_by_a_form_before_opening_the_desk(client, desk, do):
    assert client.post(desk, {"do": do}).status_code == 409
    assert not Annotator.objects.exists()


def test_skip_and_undo_are_buttons(client, desk):
    first = unit_on(client.get(desk))
    act(client, desk, "skip")
    assert unit_on(client.get(desk)) != first
    act(client, desk, "undo")
    assert unit_on(client.get(desk)) == first
    act(client, desk, **ANSWERED)
    back = client.post(desk, {"do": "undo"}, follow=True)
    assert unit_on(back) == first
    assert re.search(r'name="q0"\s+value="3"\s+data-key="4"\s+checked', text_of(back))
    assert 'value="7.5"' in text_of(back)
    assert "Brought back" in text_of(back)


def test_htmx_gets_the_next_unit_in_the_answer(client, desk):
    unit = unit_on(client.get(desk))
    answer = client.post(
        desk, {"do": "submit", "unit": unit, **ANSWERED}, headers={"HX-Request": "true"}
    )
    assert answer.status_code == 200
    body = text_of(answer)
    assert "<html" not in body
    assert body.lstrip().startswith('<div id="unit"')
    assert unit_on(answer) != unit


def test_a_sign_of_life_renews_the_lease_and_says_nothing(client, desk):
    client.get(desk)
    assert client.post(desk, {"do": "stay"}).status_code == 204


def test_an_answer_to_a_lost_place_is_said_and_the_next_unit_comes(client, campaign, desk):
    unit = unit_on(client.get(desk))
    Slot.objects.update(state="done", annotator=None)
    lost = client.post(desk, {"do": "submit", "unit": unit, **ANSWERED}, follow=True)
    assert "Your time for this output ran out" in text_of(lost)
    assert not Annotation.objects.exists()


@pytest.mark.parametrize(
    ("end", "said"),
    [
        (lambda: Campaign.objects.update(state="closed"), "This campaign is closed"),
        (lambda: Slot.objects.update(state="done"), "Everything here is labeled"),
    ],
)
def test_an_empty_desk_says_why(client, desk, end, said):
    end()
    page = client.get(desk)
    assert page.status_code == 200
    assert said in text_of(page)


def test_units_with_other_people_are_said_with_the_time_of_their_return(client):
    campaign = a_campaign(n=1, overlap=1)
    busy, idle = (a_member(campaign.project, "annotator") for _ in range(2))
    desk = reverse("labeling:desk", args=[campaign.public_id])
    client.force_login(busy)
    client.get(desk)
    client.force_login(idle)
    body = text_of(client.get(desk))
    assert "2 outputs are with other people" in body
    assert "UTC" in body


def test_units_that_need_other_people_are_said(client):
    campaign = a_campaign(n=1, overlap=2, questions=[FAITHFUL])
    client.force_login(a_member(campaign.project, "annotator"))
    desk = reverse("labeling:desk", args=[campaign.public_id])
    for _ in range(2):
        act(client, desk, q0="0")
    assert "You have done all you can here" in text_of(client.get(desk))


def test_what_a_model_wrote_is_text_and_nothing_else(client):
    evil = "</pre><script>alert(1)</script><img src=x onerror=alert(1)> [x](javascript:alert(1))"
    project = a_project()
    version = a_version(
        project,
        [
            example_row(
                "k", input=[{"role": evil[:30], "content": evil}], context=[evil],
                expected_output={"deep": evil},
            )
        ],
    )  # fmt: skip
    campaign = a_campaign(
        runs=[a_run(version, [evil])],
        questions=[{"name": "q", "kind": "choice", "options": [evil[:40], "b"], "text": evil}],
        guidelines=evil,
        show_reference=True,
        name="<script>alert(2)</script>",
    )
    client.force_login(a_member(project, "annotator"))
    body = client.get(reverse("labeling:desk", args=[campaign.public_id])).content.decode()
    assert "<script>alert" not in body
    assert "<img" not in body
    assert "&lt;script&gt;alert(1)" in body


def test_a_conversation_is_shown_message_by_message(client):
    project = a_project()
    chat = [{"role": "user", "content": "Hello?"}, {"role": "assistant", "content": "Yes?"}]
    version = a_version(project, [example_row("k", input=chat)])
    campaign = a_campaign(runs=[a_run(version, ["Good day."])])
    client.force_login(a_member(project, "annotator"))
    body = text_of(client.get(reverse("labeling:desk", args=[campaign.public_id])))
    assert body.count('class="said-by"') == 2
    assert all(text in body for text in ("Hello?", "Yes?", "Good day."))


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
