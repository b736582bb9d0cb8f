"""The pages on which experts decide and leads set controls: blind, whole without scripts."""

import html
import json
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from labeling.deciding import case_of
from labeling.models import Campaign, Control, Decision, Flag, GuidelineVersion, Unit
from labeling.services.decisions import decide
from tests.factories import a_key, a_member, a_project, a_version, jsonl
from tests.labeling.building import (
    AT,
    FAITHFUL,
    a_campaign,
    a_pairs_campaign,
    a_run,
    an_annotator,
    said,
)

pytestmark = pytest.mark.django_db

WHY = {"name": "why", "kind": "text", "required": False}
TAGS = {"name": "tags", "kind": "choices", "options": ["facts", "style"], "required": False}


@pytest.fixture
def campaign():
    version = a_version(a_project(), n=3)
    runs = [
        a_run(version, [f"Answer {name}{at}." for at in range(3)], system=f"veiled-{name}")
        for name in "ab"
    ]
    return a_campaign(
        runs=runs, overlap=2, questions=[FAITHFUL, TAGS, WHY], guidelines="Read twice."
    )


@pytest.fixture
def differing(campaign):
    """Return the two units on which people differ, the one with more disagreement first."""
    units = list(Unit.objects.filter(campaign=campaign).order_by("pk"))
    for unit, answers in ((units[0], (1, 5)), (units[3], (3, 4))):
        for name, answer in zip(("Ann Heron", "Bea Stork"), answers, strict=True):
            said(campaign, unit, name, at_desk=True, faithful=answer, why=f"Because {answer}.")
    return units[0], units[3]


@pytest.fixture
def expert(client, campaign):
    user = a_member(campaign.project, "expert")
    client.force_login(user)
    return user


def page_of(unit, name="decide"):
    return reverse(f"labeling:{name}", args=[unit.campaign.public_id, unit.public_id])


def text_of(page):
    return html.unescape(page.content.decode())


CHOSEN = {"do": "decide", "seen": "0", "q0": "3", "reason": "guideline_gap", "note": "So."}


def test_an_expert_sees_all_that_was_said_and_nothing_of_who_said_it(client, expert, differing):
    unit, _ = differing
    person = unit.annotations.order_by("pk")[0].annotator
    Flag.objects.create(unit=unit, annotator=person, note="It is cut off.", at=AT)
    listed = text_of(client.get(reverse("labeling:deciding", args=[unit.campaign.public_id])))
    assert "2 outputs wait for a decision" in listed
    assert listed.index(f"{unit.public_id}/") < listed.index(f"{differing[1].public_id}/")
    shown = text_of(client.get(page_of(unit)))
    for words in (
        "Rater 1",
        "Rater 2",
        "Because 1.",
        "Because 5.",
        "It is cut off.",
        "Answer a0.",
    ):
        assert words in shown
    assert "They differ on <b>faithful</b>" in shown
    secrets = ("veiled", "Heron", "Stork", "run_", unit.run.public_id)
    assert [secret for secret in secrets for body in (listed, shown) if secret in body] == []


def test_a_decision_leads_to_the_next_unit_and_then_back_to_the_queue(client, expert, differing):
    first, second = differing
    shown = text_of(client.get(page_of(first)))
    assert f'name="next" value="{second.public_id}"' in re.sub(r"\s+", " ", shown)
    done = client.post(page_of(first), {**CHOSEN, "next": second.public_id})
    assert (done.status_code, done["Location"]) == (302, page_of(second))
    decision = Decision.objects.get()
    assert (decision.unit, decision.answers) == (first, {"faithful": 4})
    assert (decision.reason, decision.note) == ("guideline_gap", "So.")
    last = client.post(page_of(second), {**CHOSEN, "next": ""}, follow=True)
    assert "Nothing waits for a decision" in text_of(last)
    again = text_of(client.get(page_of(first)))
    assert re.search(r'name="q0"\s+value="3"\s+data-key="4"\s+checked', again)
    assert re.search(r'name="seen"\s+value="1"', again)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"reason": ""}, "Say why people differ"),
        ({"q0": ""}, "Decide at least one question"),
        ({"note": "x" * 2_001}, "at most 2,000 characters"),
    ],
)
def test_a_refused_decision_stays_on_the_page(client, expert, differing, change, words):
    refused = client.post(page_of(differing[0]), {**CHOSEN, "guideline": "A rule.", **change})
    assert refused.status_code == 422
    assert words in text_of(refused)
    assert "A rule." in text_of(refused)
    assert not Decision.objects.exists()
    assert GuidelineVersion.objects.count() == 1


def test_the_second_of_two_experts_is_shown_what_was_decided(client, expert, differing):
    unit, _ = differing
    other = a_member(unit.campaign.project, "expert")
    actor = type("Actor", (), {"user": other, "api_key": None})()
    decide(unit=unit, answers={"faithful": 1}, reason="slip", actor=actor)
    refused = client.post(page_of(unit), CHOSEN)
    assert refused.status_code == 409
    body = text_of(refused)
    assert f"{other.username} decided this one while you looked at it" in body
    assert re.search(r'name="q0"\s+value="3"\s+data-key="4"\s+checked', body)
    assert Decision.objects.get().answers == {"faithful": 1}
    assert client.post(page_of(unit), {**CHOSEN, "seen": "1"}).status_code == 302
    assert Decision.objects.get().answers == {"faithful": 4}


def test_a_decision_adds_to_the_guidelines_and_is_withdrawn(client, expert, differing):
    unit, _ = differing
    client.post(page_of(unit), {**CHOSEN, "guideline": "A table counts."})
    campaign = Campaign.objects.get()
    assert campaign.guidelines == "Read twice.\n\nA table counts."
    assert GuidelineVersion.objects.get(number=2).note == "Added: A table counts."
    client.post(page_of(unit), {"do": "withdraw", "seen": "1"})
    assert not Decision.objects.exists()
    Flag.objects.create(unit=unit, annotator=an_annotator(campaign), at=AT)
    assert client.post(page_of(unit), {"do": "resolve", "next": ""}).status_code == 302
    assert Flag.objects.get().resolved_by == expert


def test_who_may_still_be_asked_and_who_leads_not_are_told(client, expert, campaign, differing):
    unit, _ = differing
    post = reverse("labeling:deciding", args=[campaign.public_id])
    assert client.post(post, {"do": "rule", "rule": "any"}).status_code == 403
    client.post(page_of(unit), CHOSEN)
    assert client.post(page_of(unit), {"do": "control"}).status_code == 403
    open_ = Unit.objects.filter(campaign=campaign).exclude(pk__in=[one.pk for one in differing])[0]
    an_annotator(campaign, expert)
    assert client.get(page_of(open_)).status_code == 409
    assert client.get(page_of(unit)).status_code == 200
    Unit.objects.filter(pk=unit.pk).update(purpose="control")
    assert client.get(page_of(unit)).status_code == 404


def test_a_pair_is_decided_by_the_sides_that_are_shown(client):
    campaign = a_pairs_campaign(n=12)
    cases = [case_of(campaign, unit) for unit in Unit.objects.filter(campaign=campaign)]
    assert {case.is_swapped for case in cases} == {True, False}
    client.force_login(a_member(campaign.project, "expert"))
    for is_swapped in (True, False):
        unit = next(case.unit for case in cases if case.is_swapped == is_swapped)
        said(campaign, unit, "ann", better="first")
        case = case_of(campaign, unit)
        assert case.evidence.sides[0].answer.text.startswith("stork" if is_swapped else "heron")
        [spoken] = case.raters[0].spoken
        assert spoken.words == ("B" if is_swapped else "A")
        client.post(page_of(unit), {**CHOSEN, "q0": "0"})  # A is better
        assert unit.decision.answers == {"better": "second" if is_swapped else "first"}


# Controls


@pytest.fixture
def lead(client, campaign):
    user = a_member(campaign.project, "lead")
    client.force_login(user)
    return user


def test_a_lead_sets_the_rule_and_makes_a_control_of_a_decision(client, lead, differing):
    unit, other = differing
    queue = reverse("labeling:deciding", args=[unit.campaign.public_id])
    wrong = client.post(queue, {"do": "rule", "rule": "spread", "spread": "0"})
    assert (wrong.status_code, "number above 0" in text_of(wrong)) == (422, True)
    client.post(queue, {"do": "rule", "rule": "spread", "spread": "2"})
    assert Campaign.objects.get().differ_rule == {"rule": "spread", "spread": 2.0}
    listed = text_of(client.get(queue))
    assert (unit.public_id in listed, other.public_id in listed) == (True, False)
    assert client.post(page_of(unit), {"do": "control"}).status_code == 409
    client.post(page_of(unit), CHOSEN)
    assert client.post(page_of(unit), {"do": "control", "next": ""}).status_code == 302
    control = Control.objects.get()
    assert (control.unit, control.answers, control.explanation) == (unit, {"faithful": 4}, "So.")


def test_controls_are_set_by_form_and_shown_with_how_people_did(client, lead, campaign):
    page = reverse("labeling:controls", args=[campaign.public_id])
    run = campaign.runs.earliest("pk")
    good = {
        **{"do": "add", "key": "q2", "run": run.public_id, "attempt": "1", "tolerance": "1"},
        **{"purpose": "control", "explanation": "It is.", "q0": "3", "q1": ["0", "1"]},
    }
    for change, words in (
        ({"key": "q9"}, "has no key 'q9'"),
        ({"q0": "", "q1": ""}, "one question at least"),
        ({"tolerance": "-1"}, "greater than or equal to 0"),
    ):
        refused = client.post(page, {**good, **change})
        assert (refused.status_code, words in text_of(refused)) == (422, True)
    assert not Control.objects.exists()
    assert client.post(page, good).status_code == 302
    unit = Control.objects.get().unit
    assert Control.objects.get().answers == {"faithful": 4, "tags": ["facts", "style"]}
    for name, faithful in (("ann", 5), ("bea", 2)):
        said(campaign, unit, name, faithful=faithful, tags=["facts", "style"])
    shown = text_of(client.get(page))
    assert "1 control" in shown
    assert re.search(r"1\s+of\s+2", shown.replace("\u202f", " "))
    client.post(page, {"do": "remove", "unit": unit.public_id})
    assert not Control.objects.exists()
    assert Unit.objects.get(pk=unit.pk).purpose == "label"


def test_controls_come_in_by_file_and_go_out_the_same(client, lead, campaign):
    page = reverse("labeling:controls", args=[campaign.public_id])
    run = campaign.runs.earliest("pk")
    lines = [
        {"run": run.public_id, "key": "q1", "answers": {"faithful": 4}, "tolerance": 1},
        {
            **{"run": run.public_id, "key": "q2", "answers": {"tags": ["facts"]}},
            "purpose": "qualification",
        },
    ]

    def upload(*rows):
        file = SimpleUploadedFile("known.jsonl", jsonl(*rows).encode())
        return client.post(page, {"do": "upload", "file": file}, follow=True)

    for bad, words in (
        ({"answers": {"why": "x"}}, "Line 3: 'why' is no question"),
        ({"key": "q1"}, "Line 3: The right answers to this unit stand in line 1"),
        ({"purpose": "label"}, "Line 3: Known answers are for"),
    ):
        refused = upload(*lines, {**lines[0], "key": "q3", **bad})
        assert (refused.status_code, words in text_of(refused)) == (422, True)
    assert not Control.objects.exists()
    assert "Set 2 controls." in text_of(upload(*lines))
    headers = a_key(campaign.project, "lead")
    rest = f"/api/v1/campaigns/{campaign.public_id}/controls"
    out = b"".join(client.get(rest, headers=headers).streaming_content)
    rows = [json.loads(line) for line in out.splitlines()]
    assert [(row["key"], row["answers"], row["purpose"]) for row in rows] == [
        ("q1", {"faithful": 4}, "control"),
        ("q2", {"tags": ["facts"]}, "qualification"),
    ]
    kind = "application/x-ndjson"
    again = client.post(rest, out, content_type=kind, headers=headers)
    assert again.json() == {"accepted": 0, "replaced": 0, "unchanged": 2}
    assert text_of(client.post(page, {"do": "upload"})).count("Choose a file first.") == 1
