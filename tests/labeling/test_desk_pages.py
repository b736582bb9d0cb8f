"""The desk as pages: whole without scripts, in JSON for the script, refusing with a sentence."""

import html
import re

import pytest
from django.urls import reverse
from django.utils import timezone

from evalhub.accounts.models import User
from evalhub.accounts.services import COMMAND_LINE
from labeling.models import (
    Annotation,
    Annotator,
    Campaign,
    Draft,
    Flag,
    GuidelineVersion,
    QuestionSet,
    Slot,
    Unit,
)
from labeling.selectors import DeskProgress
from labeling.services.controls import set_control
from labeling.services.desk import join
from tests.factories import a_member, a_project, a_version, example_row
from tests.labeling.building import FAITHFUL, a_campaign, a_pairs_campaign, a_run, after_a_break

pytestmark = pytest.mark.django_db

QUESTIONS = [
    FAITHFUL,
    {"name": "tone", "kind": "choice", "options": ["warm", "cold"]},
    {"name": "minutes", "kind": "number", "low": 0, "high": 60, "required": False},
    {"name": "safe", "kind": "yes_no", "required": False},
]
ANSWERED = {"q0": "3", "q1": "1", "q2": "7.5", "q3": "na"}
SAID = {"faithful": 4, "tone": "cold", "minutes": 7.5, "safe": None}


@pytest.fixture
def campaign():
    return a_campaign(n=3, overlap=2, questions=QUESTIONS, guidelines="Read it twice.")


@pytest.fixture
def desk(client, campaign):
    """Return the address of the desk, with an annotator logged in."""
    client.force_login(a_member(campaign.project, "annotator"))
    return reverse("labeling:desk", args=[campaign.public_id])


def desk_of(client, campaign, role="annotator"):
    user = a_member(campaign.project, role)
    client.force_login(user)
    return reverse("labeling:desk", args=[campaign.public_id])


def unit_on(page):
    """Return the unit of a page, or of a part of one."""
    body = page if isinstance(page, str) else page.content.decode()
    return re.search(r'data-unit="(unt_\w+)"', body)[1]


def act(client, desk, do="submit", *, unit=None, **fields):
    unit = unit or unit_on(client.get(desk))
    return client.post(desk, {"do": do, "unit": unit, **fields})


def ask(client, desk, do, **fields):
    """Ask as the script does."""
    return client.post(desk, {"do": do, **fields}, headers={"Accept": "application/json"})


def look(client, desk, **query):
    return client.get(desk, query, headers={"Accept": "application/json"})


def text_of(page):
    return html.unescape(page.content.decode())


# Without scripts


def test_a_unit_is_answered_and_the_next_one_comes(client, desk):
    first = unit_on(client.get(desk))
    done = act(client, desk, **ANSWERED)
    assert (done.status_code, done["Location"]) == (302, desk)
    assert Annotation.objects.get().answers == SAID
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
    [{"q0": "9"}, {"q0": "\0"}, {"q0": "1" * 5_000}, {"q2": "61"}, {"q2": "9" * 300},
     {"q2": "<script>"}],
)  # fmt: skip
def test_hostile_answers_are_refused_with_a_sentence(client, desk, fields):
    refused = act(client, desk, **{**ANSWERED, **fields})
    assert refused.status_code == 422
    assert 'class="err"' in text_of(refused)
    assert not Annotation.objects.exists()


def test_an_answer_that_replaces_one_from_another_tab_says_so(client, desk):
    unit = unit_on(client.get(desk))
    for fields, is_said in (({}, False), ({}, False), ({"q0": "1"}, True)):
        act(client, desk, unit=unit, **{**ANSWERED, **fields})
        assert ("answered this one before" in text_of(client.get(desk))) == is_said
    assert Annotation.objects.get().answers["faithful"] == 2


@pytest.mark.parametrize("unit", ["", "unt_nowhere", "\0", "x" * 10_000, "1"])
def test_a_unit_that_does_not_exist_is_not_found(client, desk, unit):
    client.get(desk)
    for do in ("submit", "skip", "reopen", "flag", "unflag"):
        assert client.post(desk, {"do": do, "unit": unit, **ANSWERED}).status_code == 404
    for query in ({"own": unit}, {"differing": unit}):
        assert client.get(desk, query).status_code in (400, 404)


def test_something_else_to_do_is_not_found(client, desk):
    assert client.post(desk, {"do": "publish"}).status_code == 404
    assert ask(client, desk, "publish").json()["code"] == "not_found"


@pytest.mark.parametrize("do", ["submit", "skip", "undo", "draft", "stay"])
def test_nobody_joins_by_a_form_before_opening_the_desk(client, desk, do):
    assert client.post(desk, {"do": do}).status_code == 409
    assert not Annotator.objects.exists()


def test_skip_flag_and_undo_are_buttons(client, desk):
    first = unit_on(client.get(desk))
    assert 'data-note=""' in text_of(client.get(desk))
    act(client, desk, "flag", note="Which of the two is meant?")
    assert "Flagged for the lead." in text_of(client.get(desk))
    assert 'data-note="Which of the two is meant?"' in text_of(client.get(desk))
    assert Flag.objects.get().note == "Which of the two is meant?"
    act(client, desk, "skip", reason="expertise", note="Birds.")
    assert unit_on(client.get(desk)) != first
    skipped = Annotation.objects.get()
    assert (skipped.skip_reason, skipped.note) == ("expertise", "Birds.")
    act(client, desk, "undo")
    assert unit_on(client.get(desk)) == first
    act(client, desk, **ANSWERED)
    back = client.post(desk, {"do": "undo"}, follow=True)
    assert unit_on(back) == first
    assert re.search(r'name="q0"\s+value="3"\s+data-key="4"\s+checked', text_of(back))
    assert 'value="7.5"' in text_of(back)
    assert "Brought back" in text_of(back)


def test_an_answer_to_a_lost_place_is_said_and_the_next_unit_comes(client, campaign, desk):
    unit = unit_on(client.get(desk))
    Slot.objects.update(state="done", annotator=None)
    lost = client.post(desk, {"do": "submit", "unit": unit, **ANSWERED}, follow=True)
    assert "Your time for this output ran out" in text_of(lost)
    assert not Annotation.objects.exists()


# In JSON, for the script


def test_the_page_brings_two_units_and_each_answer_the_one_after(client, desk):
    page = client.get(desk).content.decode()
    first, second = re.findall(r'data-unit="(unt_\w+)"', page)
    reply = ask(client, desk, "submit", unit=first, shown=second, guide="1", **ANSWERED).json()
    assert (reply["now"], reply["unit"], reply["said"]) == (second, None, [])
    third = unit_on(reply["ahead"])
    assert third not in (first, second)
    assert reply["progress"]["answered"] == 1
    assert "guide" not in reply
    # What is on the screen is not what is due: it is sent.
    reply = ask(client, desk, "submit", unit=second, shown=first, guide="1", **ANSWERED).json()
    assert unit_on(reply["unit"]) == reply["now"] == third
    back = ask(client, desk, "undo", shown="").json()
    assert unit_on(back["unit"]) == second
    assert "checked" in back["unit"]
    assert "Brought back" in back["said"][0][0]


def test_a_refused_submit_comes_back_with_what_is_wrong(client, desk):
    unit = unit_on(client.get(desk))
    reply = ask(client, desk, "submit", unit=unit, q0="1")
    assert reply.status_code == 422
    assert (reply.json()["is_refused"], reply.json()["now"]) == (True, unit)
    assert "No answer yet" in reply.json()["unit"]


def test_drafts_are_numbered_and_another_tab_is_told_both(client, desk):
    unit = unit_on(client.get(desk))
    draft = {"unit": unit, "set": "1", "number": "0"}
    saved = ask(client, desk, "draft", **draft, q0="2", q2="7").json()
    assert saved["number"] == 1
    assert saved["saved_at"]
    assert re.search(r'name="q0"\s+value="2"\s+data-key="3"\s+checked', text_of(client.get(desk)))
    other = ask(client, desk, "draft", **draft, q0="0")
    assert other.status_code == 409
    found = other.json()
    assert (found["code"], found["fields"], found["number"]) == (
        "draft", {"q0": ["2"], "q2": ["7"]}, 1,
    )  # fmt: skip
    assert ask(client, desk, "draft", **{**draft, "number": "1"}, q0="0").json()["number"] == 2


def test_what_belongs_to_another_person_is_not_taken(client, desk):
    unit = unit_on(client.get(desk))
    refused = ask(client, desk, "submit", unit=unit, person="0", **ANSWERED)
    assert (refused.status_code, refused.json()["code"]) == (409, "person")
    assert not Annotation.objects.exists()


def test_a_sign_of_life_says_what_is_on_the_desk(client, desk):
    unit = unit_on(client.get(desk))
    assert ask(client, desk, "stay", unit=unit).json() == {"now": unit, "said": []}
    Slot.objects.update(state="done", annotator=None)  # while the computer slept
    gone = ask(client, desk, "stay", unit=unit).json()
    assert gone["now"] == ""
    assert "gone to other people" in gone["said"][0][0]


def test_a_flag_is_set_and_taken_back_without_leaving_the_unit(client, desk):
    unit = unit_on(client.get(desk))
    assert ask(client, desk, "flag", unit=unit, note="Odd.").json() == {}
    page = text_of(client.get(desk))
    assert re.search(r'aria-pressed="true"\s+data-note="Odd."', page)
    ask(client, desk, "unflag", unit=unit)
    assert not Flag.objects.exists()


def test_an_answer_while_the_campaign_is_paused_is_kept_as_the_draft(client, desk):
    unit = unit_on(client.get(desk))
    Campaign.objects.update(state="paused")
    reply = ask(client, desk, "submit", unit=unit, shown="", **ANSWERED).json()
    assert "paused" in reply["said"][0][0]
    assert "This campaign is paused" in reply["unit"]
    assert Draft.objects.get(unit__public_id=unit).fields["q2"] == ["7.5"]


# Guidelines and questions that change


def test_a_change_of_the_guidelines_is_shown_until_it_is_acknowledged(client, campaign, desk):
    assert "Read this first" in text_of(client.get(desk))
    reply = ask(client, desk, "acknowledge", guidelines="1").json()
    assert "is-new" not in reply["guide"]
    assert "is-new" not in text_of(client.get(desk))
    GuidelineVersion.objects.create(
        campaign=campaign, number=2, text="Read it thrice.", note="Thrice.",
        created_at=timezone.now(),
    )  # fmt: skip
    Campaign.objects.update(guidelines="Read it thrice.", guidelines_number=2)
    unit = unit_on(client.get(desk))
    reply = ask(client, desk, "submit", unit=unit, guide="1", **ANSWERED).json()
    assert "<del>twice</del>" in reply["guide"]
    assert "<ins>thrice</ins>" in reply["guide"]
    assert "Thrice." in reply["guide"]
    assert Annotation.objects.get().guidelines_number == 1
    client.post(desk, {"do": "acknowledge", "guidelines": "2"})
    assert Annotator.objects.get().guidelines_seen == 2
    assert "The guidelines have changed" not in text_of(client.get(desk))


def test_questions_that_change_meanwhile_are_asked_with_what_still_holds(client, campaign, desk):
    unit = unit_on(client.get(desk))
    old = campaign.question_set
    new = QuestionSet.objects.create(campaign=campaign, number=2, created_at=timezone.now())
    for question in reversed(old.in_order):
        question.pk, question.question_set, question.order = None, new, 3 - question.order
        question.save()
    Campaign.objects.update(question_set=new)
    refused = act(client, desk, unit=unit, set="1", **ANSWERED)
    body = text_of(refused)
    assert refused.status_code == 422
    assert "The questions have changed" in body
    assert re.search(r'name="q3"\s+value="3"\s+data-key="4"\s+checked', body)
    assert not Annotation.objects.exists()
    assert ask(client, desk, "draft", unit=unit, set="1", number="0").json()["code"] == "questions"


# Own answers


def test_own_answers_are_gone_through_and_changed(client, desk):
    units = []
    for at in range(3):
        units.append(unit_on(client.get(desk)))
        act(client, desk, unit=units[-1], **{**ANSWERED, "q0": str(at)})
    seen, at = [], ""
    while html_of := look(client, desk, own=at, way="older").json()["unit"]:
        at = unit_on(html_of)
        seen.append(
            (at, re.search(r'name="q0"\s+value="(\d)"\s+data-key="\d"\s+checked', html_of)[1])
        )
    assert seen == list(zip(reversed(units), "210", strict=True))
    newer = look(client, desk, own=units[0], way="newer").json()["unit"]
    assert unit_on(newer) == units[1]
    assert look(client, desk, own="", way="newer").json() == {"unit": None}
    page = text_of(client.get(desk, {"own": units[0]}))
    assert "Change the answer" in page
    assert re.findall(r'data-unit="(unt_\w+)"', page)[0] == units[0]

    reply = ask(client, desk, "reopen", unit=units[0]).json()
    ask(client, desk, "draft", unit=units[0], set="1", number=reply["number"], **ANSWERED)
    assert Annotation.objects.get(unit__public_id=units[0]).answers["faithful"] == 1
    reply = ask(client, desk, "submit", unit=units[0], own="1", **ANSWERED).json()
    assert reply["said"] == []
    assert Annotation.objects.get(unit__public_id=units[0]).answers["faithful"] == 4


def test_what_is_published_is_seen_and_not_changed(client, desk):
    unit = unit_on(client.get(desk))
    act(client, desk, unit=unit, **ANSWERED)
    Campaign.objects.update(published_at=timezone.now())
    assert "This answer is published" in look(client, desk, own="", way="older").json()["unit"]
    assert ask(client, desk, "reopen", unit=unit).status_code == 409


def test_nobody_sees_units_or_answers_that_are_not_their_own(client, campaign, desk):
    unit = unit_on(client.get(desk))
    act(client, desk, unit=unit, **ANSWERED)
    client.force_login(a_member(campaign.project, "annotator"))
    client.get(desk)
    assert client.get(desk, {"own": unit}).status_code == 404
    assert look(client, desk, own=unit).status_code == 404
    assert look(client, desk, own="", way="older").json() == {"unit": None}
    history = client.get(reverse("labeling:history", args=[campaign.public_id]))
    assert "You have not answered anything here yet" in text_of(history)


def test_the_history_is_searched_by_the_words_of_input_and_answer(client):
    inputs = {"a": "Which warbler sings?", "b": "Why do gulls cry?"}
    rows = [example_row(key, input=words) for key, words in inputs.items()]
    version = a_version(a_project(), rows)
    why = {"name": "why", "kind": "text", "required": False}
    campaign = a_campaign(runs=[a_run(version, ["x", "y"])], questions=[FAITHFUL, why])
    desk = desk_of(client, campaign)
    for _ in range(2):
        page = client.get(desk)
        is_gull = "gulls" in text_of(page).split("<template")[0]
        fields = {"q1": "Two notes <b>"} if is_gull else {}
        act(client, desk, unit=unit_on(page), q0="1", **fields)
    history = reverse("labeling:history", args=[campaign.public_id])
    for words, found in (
        ("", {"warbler", "gulls"}), ("WARBLER sings", {"warbler"}), ("two notes", {"gulls"}),
        ("notes warbler", set()),
    ):  # fmt: skip
        body = text_of(client.get(history, {"words": words})).split("<tbody>")[-1]
        assert {word for word in ("warbler", "gulls") if f"{word} " in body} == found
    assert "Two notes &lt;b&gt;" in client.get(history).content.decode()
    assert client.get(history, {"before": "x" * 300}).status_code == 200


# Pairs


def test_a_pair_is_shown_on_its_sides_and_answered_as_what_it_is(client):
    campaign = a_pairs_campaign(n=1)
    unit = Unit.objects.get(campaign=campaign)
    desk = desk_of(client, campaign)
    client.get(desk)
    for is_swapped in (False, True):
        Draft.objects.update(is_swapped=is_swapped)
        body = text_of(client.get(desk))
        names = re.findall(r"(heron|stork) answers 0", body.split("<template")[0])
        assert list(dict.fromkeys(names)) == (
            ["stork", "heron"] if is_swapped else ["heron", "stork"]
        )
        assert "What was asked" in body
        differing = look(client, desk, differing=unit.public_id).json()["sides"]
        assert f"<del>{names[0]}</del>" in differing[0]
    left = {"q0": "0"}  # A
    act(client, desk, unit=unit.public_id, **left)
    answer = Annotation.objects.get()
    assert (answer.answers, answer.is_swapped) == ({"better": "second"}, True)
    own = look(client, desk, own="", way="older").json()["unit"]
    assert re.search(r'name="q0"\s+value="0"\s+data-key="A"\s+checked', own)
    history = text_of(client.get(reverse("labeling:history", args=[campaign.public_id])))
    assert re.search(r"better</span>\s+<[^>]+>A<", history)


# The qualification


def test_in_the_qualification_each_answer_is_followed_by_what_is_right(client):
    campaign = a_campaign(n=3, questions=[FAITHFUL])
    units = list(Unit.objects.filter(bundle=0))
    for unit in units:
        set_control(unit=unit, answers={"faithful": 5}, explanation="It **is** borne out.",
                    purpose="qualification", actor=COMMAND_LINE)  # fmt: skip
    Campaign.objects.update(pass_mark=0.5)
    desk = desk_of(client, campaign)
    page = client.get(desk)
    assert "data-gives-feedback" in text_of(page)
    unit = unit_on(page)
    reply = ask(client, desk, "submit", unit=unit, q0="1").json()
    assert "you said 2, right is 5" in " ".join(html.unescape(reply["feedback"]).split())
    assert "<strong>is</strong>" in reply["feedback"]
    told = text_of(act(client, desk, q0="4"))
    assert "All right." in told
    assert "Next" in told


# Nothing to do


@pytest.mark.parametrize(
    ("end", "said"),
    [
        (lambda: Campaign.objects.update(state="paused"), "This campaign is paused"),
        (lambda: Annotator.objects.update(state="stopped"), "Your work here is ended"),
        (lambda: Annotator.objects.update(state="unqualified"), "qualification was not passed"),
        (lambda: Annotator.objects.update(quota=0), "all that you are asked for"),
        (lambda: Campaign.objects.update(state="closed"), "This campaign is closed"),
        (lambda: Slot.objects.update(state="done"), "Everything here is labeled"),
    ],
)
def test_an_empty_desk_says_why(client, campaign, desk, end, said):
    join(campaign=campaign, user=User.objects.get(pk=client.session["_auth_user_id"]))
    end()
    page = client.get(desk)
    assert page.status_code == 200
    assert said in text_of(page)


def test_units_with_other_people_are_said_with_the_time_of_their_return(client):
    campaign = a_campaign(n=1, overlap=1)
    desk = desk_of(client, campaign)
    client.get(desk)
    body = text_of(client.get(desk_of(client, campaign)))
    assert "2 more are with other people" in body
    assert "UTC" in body


def test_what_stands_between_two_of_one_example_asks_nothing_and_goes_on(client):
    version = a_version(a_project(), n=2)
    runs = [a_run(version, [f"{name} says so", "the same"]) for name in ("one", "two", "three")]
    desk = desk_of(client, a_campaign(runs=runs, overlap=1))
    for _ in range(3):
        act(client, desk, q0="0")
    page = client.get(desk)
    assert "Nothing is asked of it" in text_of(page)
    assert "the same" in text_of(page)
    form = page.content.decode().partition('id="judgement"')[2].partition("</form>")[0]
    assert 'value="pass"' in form
    assert 'value="skip"' not in form
    assert "q0" not in form
    act(client, desk, do="pass")
    act(client, desk, q0="0")
    assert "Everything here is labeled" in text_of(client.get(desk))
    assert Annotation.objects.count() == 4


def test_units_that_need_other_people_are_said(client):
    campaign = a_campaign(n=1, overlap=2, questions=[FAITHFUL])
    desk = desk_of(client, campaign)
    act(client, desk, q0="0")
    waiting = client.get(desk)
    assert "A short break" in text_of(waiting)
    assert "of the same example as your last answer" in text_of(waiting)
    after_a_break(Annotator.objects.get())
    act(client, desk, q0="0")
    assert "You have done all you can here" in text_of(client.get(desk))


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


# Texts


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
        questions=[
            {"name": "q", "kind": "choice", "options": [evil[:40], "b"], "text": evil},
            {"name": "fixed", "kind": "correction", "required": False},
        ],
        guidelines=evil,
        show_reference=True,
        name="<script>alert(2)</script>",
    )
    body = client.get(desk_of(client, campaign)).content.decode()
    assert "<script>alert" not in body
    assert "<img" not in body
    assert "&lt;script&gt;alert(1)" in body


def test_a_conversation_is_shown_message_by_message(client):
    chat = [{"role": "user", "content": "Hello?"}, {"role": "assistant", "content": "Yes?"}]
    version = a_version(a_project(), [example_row("k", input=chat)])
    body = text_of(client.get(desk_of(client, a_campaign(runs=[a_run(version, ["Good day."])]))))
    assert body.count('class="said-by"') == 2
    assert all(text in body for text in ("Hello?", "Yes?", "Good day."))
