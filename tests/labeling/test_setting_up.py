"""New campaigns: questions added and moved without a script, templates, the plan."""

import re

import pytest
from django.http import QueryDict
from django.urls import reverse

from labeling.forms.options import lines_of, options_of
from labeling.forms.questions import (
    asked_in,
    asked_now,
    from_template,
    rearranged,
    row_of,
    rows_of,
    sent_rows,
)
from labeling.models import Campaign
from labeling.planning import planned
from labeling.plans import read_plan
from labeling.questions import described, read_questions
from labeling.questions.templates import TEMPLATES
from labeling.services.sizing import sizes_of
from metrics.statistics.planning import Assumptions, mean_half_width
from tests.factories import a_member, a_project, a_version
from tests.labeling.building import a_campaign, a_run, said, two_runs


def posted(rows, **more):
    """Return rows as a browser sends them."""
    data = QueryDict(mutable=True)
    data.update({"question-TOTAL_FORMS": str(len(rows)), "question-INITIAL_FORMS": "0"})
    for at, row in enumerate(rows):
        for name, value in row.items():
            if value is not None and value is not False and value != "":
                data[f"question-{at}-{name}"] = "on" if value is True else str(value)
    data.update(more)
    return data


@pytest.mark.parametrize("template", TEMPLATES.values(), ids=lambda one: one.key)
def test_a_template_is_a_campaign_that_can_be_opened_and_typed(template):
    errors = []
    is_of_pairs = template.kind == Campaign.Kind.PAIRS
    questions = read_questions(
        [dict(each) for each in template.questions], errors, is_of_pairs=is_of_pairs
    )
    assert errors == []
    for question in questions:
        assert question.text
        assert question.target_alpha or question.is_words or question.kind == "yes_no"
    assert all(question.condition or not question.is_required for question in questions[1:2])
    assert template.guidelines.startswith("# ")
    # What is shown in the form says the same when it is sent back.
    rows = rows_of(posted([row_of(described(question)) for question in questions]))
    assert rows.is_valid()
    again = read_questions(asked_in(rows)[0], errors, is_of_pairs=is_of_pairs)
    assert errors == []
    assert [described(each) for each in again] == [described(each) for each in questions]


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("rating", [{"value": 1, "label": "low"}, {"value": 2, "label": "high"}]),
        ("rating", [{"value": 0, "label": "none"}, {"value": 2.5, "label": "a = b"}]),
        ("rating", [{"value": "poor", "label": "poor"}, {"value": "1", "label": "one"}]),
        ("choice", [{"value": "warm", "label": "warm"}, {"value": "a = b", "label": "a = b"}]),
        ("choice", [{"value": 1, "label": "1"}, {"value": 2, "label": "two"}]),
        ("choices", [{"value": '"x"', "label": '"x"'}, {"value": "y", "label": "Y"}]),
        ("preference", [{"value": 1, "label": "A"}, {"value": -1, "label": "B"}]),
    ],
)
def test_options_are_read_back_as_they_were(kind, options):
    read = options_of(kind, lines_of(kind, options).replace("\n", "\r\n"))
    whole = [each if isinstance(each, dict) else {"value": each, "label": each} for each in read]
    assert [(type(each["value"]), each) for each in whole] == [
        (type(each["value"]), each) for each in options
    ]


def test_rows_are_added_moved_and_taken_out():
    a, b, c = ({"name": name} for name in "abc")
    assert rearranged([a], "add") == ([a, {}], 1)
    assert rearranged([{}] * 20, "add") == ([{}] * 20, 19)
    assert rearranged([a, b, c], "up-2") == ([a, c, b], 1)
    assert rearranged([a, b, c], "down-0") == ([b, a, c], 1)
    assert rearranged([a, b, c], "remove-1") == ([a, c], 1)
    for nothing in ("up-0", "down-2", "remove-7", "up-x", "fold", "remove-99999"):
        assert rearranged([a, b, c], nothing)[0] == [a, b, c]


def test_a_template_leaves_what_somebody_wrote_and_replaces_another_template():
    own = {"name": "tone", "kind": "rating"}
    once = from_template([own, {"kind": "rating"}], "helpfulness")
    assert [row["name"] for row in once] == ["tone", "helpfulness", "helpfulness_why"]
    sent = sent_rows(posted(once))
    twice = from_template(sent, "faithfulness")
    assert [row["name"] for row in twice] == ["tone", "faithfulness", "unsupported", "answered"]
    assert from_template([own], "nothing") == [own]


# The page


@pytest.fixture
def lead(client, db):
    project = a_project()
    client.force_login(a_member(project, "lead"))
    return project


def new_form(runs, rows, **fields):
    data = posted(rows, name="Tone", overlap="2", kind="outputs", **fields)
    data.setlist("runs", [run.public_id for run in runs])
    return data


def send(client, address, data, **how):
    return client.post(address, data.urlencode(), "application/x-www-form-urlencoded", **how)


def test_moving_a_row_keeps_all_that_was_typed_and_checks_nothing(client, lead):
    runs = two_runs(lead)
    address = reverse("labeling:new", args=[lead.slug])
    rows = [{"name": "one", "options": "x\ny"}, {"name": "two", "low": "no number"}]
    whole = send(client, address, new_form(runs, rows, do="up-1", guidelines="Be fair."))
    page = whole.content.decode()
    assert whole.status_code == 200
    assert page.index('value="two"') < page.index('value="one"')
    assert "Be fair." in page
    assert page.count("checked") >= 3  # both runs, and the kind
    assert 'value="no number"' in page
    assert "Enter a number" not in page
    part = send(
        client, address, new_form(runs, rows, do="add"), headers={"HX-Request": "true"}
    ).content.decode()
    assert part.count("<html") == 0
    assert 'name="question-2-name"' in part
    assert "Question 3 is added." in " ".join(part.split())


def test_a_template_fills_the_form(client, lead):
    runs = two_runs(lead)
    address = reverse("labeling:new", args=[lead.slug])
    data = new_form(runs, [{}], do="use", template="preference")
    page = send(client, address, data).content.decode()
    assert 'value="preference_why"' in page
    assert "Both bad" in page
    assert re.search(r'value="pairs"[^>]* checked', page)


def test_a_campaign_of_pairs_against_a_baseline_is_set_up_by_form(client, lead):
    runs = two_runs(lead)
    address = reverse("labeling:new", args=[lead.slug])
    rows = [
        {"name": "better", "kind": "preference", "target_alpha": "0.4"},
        {"name": "sure", "kind": "yes_no", "optional": True},
        {"name": "why", "kind": "text", "if_question": "sure", "if_test": "is", "if_value": "no"},
    ]
    data = new_form(
        runs,
        rows,
        do="open",
        against=runs[1].public_id,
        extra_overlap="1",
        differ="no_majority",
        order="disagreement",
        quota="30",
        control_share="5",
        pass_mark="80",
        invited_only="on",
        submits_by_itself="on",
    )
    data["kind"] = "pairs"
    done = send(client, address, data)
    assert done.status_code == 302, done.content.decode()
    made = Campaign.objects.latest("pk")
    assert made.is_of_pairs
    assert {unit.run_id for unit in made.units.all()} == {runs[1].pk}
    assert [question.kind for question in made.asked] == ["preference", "yes_no", "text"]
    assert made.asked[2].condition == {"question": "sure", "is": [False]}
    assert not made.asked[1].is_required
    assert (made.extra_overlap, made.differ_rule) == (1, {"rule": "no_majority"})
    assert (made.order_by, made.quota) == ("disagreement", 30)
    assert (made.control_share, made.pass_mark) == (0.05, 0.8)
    assert made.is_invited_only
    assert made.submits_by_itself
    data["against"] = "run_elsewhere"
    data["question-2-if_question"] = "nothing"
    refused = send(client, address, data).content.decode()
    assert "is not one of the available choices" in refused
    assert "A condition names a question that stands before it." in refused


# The plan


@pytest.mark.django_db
def test_sizes_are_those_of_the_campaign_that_would_be_opened():
    project = a_project()
    version = a_version(project, n=3)
    texts = (["a", "b", "c"], ["a", "x", "y"], ["a", "b", "z"])
    runs = [a_run(version, each) for each in texts]
    for kind, asked in (("outputs", {"kind": "yes_no"}), ("pairs", {"kind": "preference"})):
        body = {
            "name": "Sizes",
            "kind": kind,
            "runs": [run.public_id for run in runs],
            "questions": [{"name": "q", **asked}],
        }
        sizes = sizes_of(read_plan(project=project, body=body))
        made = a_campaign(runs=runs, questions=body["questions"], kind=kind)
        assert (sizes.units, sizes.identical) == (made.n_units, made.n_identical)
        assert sizes.outputs == made.n_outputs + made.n_identical
    assert (sizes.outputs, sizes.identical, sizes.examples) == (9, 4, 2)


@pytest.mark.django_db
def test_the_plan_takes_measured_numbers_where_there_are_enough_and_says_which():
    project = a_project()
    runs = two_runs(project, n=40)
    faithful = {"name": "faithful", "kind": "rating"}
    body = {
        "name": "Next",
        "runs": [run.public_id for run in runs],
        "questions": [faithful, *({"name": kind, "kind": kind} for kind in ("number", "text"))],
        "overlap": 3,
    }

    def plan():
        wanted = read_plan(project=project, body=body)
        return planned(wanted, sizes_of(wanted))

    before = plan()
    assert (before.effort.answers, before.sizes.units) == (240, 80)
    assert before.seconds_from.startswith("assumed")
    assumed = Assumptions(low=1, high=5, spread=1, agreement=0.5)
    width, number, words = before.widths
    assert width.mean == mean_half_width(assumed, examples=40, overlap=3)
    assert "on the scale from 1 to 5" in width.assumed
    assert "Without a lowest and a highest number" in number.unknown
    assert words.unknown == "Words have no scores."
    past = a_campaign(runs=runs, questions=[faithful])
    for at, unit in enumerate(past.units.order_by("pk")):
        for name, value in (("ada", 1 + at % 5), ("ben", 1 + (at + at % 2) % 5)):
            answer = said(past, unit, name, faithful=value)
            answer.seconds = 12.0
            answer.save()
    after = plan()
    assert after.seconds == 12.0
    assert after.hours == "48\N{NO-BREAK SPACE}min"
    assert "Measured on 160 answers" in after.widths[0].assumed
    assert after.widths[0].mean != width.mean


def test_the_plan_is_shown_before_anything_is_written(client, lead):
    runs = two_runs(lead)
    address = reverse("labeling:new", args=[lead.slug])
    data = new_form(runs, [{"name": "clear", "kind": "yes_no"}], do="plan")
    for headers in ({}, {"HX-Request": "true"}):
        page = " ".join(send(client, address, data, headers=headers).content.decode().split())
        assert "16 answers" in page
        assert "Assumed, the widest a share can be" in page
    data["question-0-name"], data["question-0-kind"] = "", "rating"
    refused = send(client, address, data, headers={"HX-Request": "true"})
    assert refused.status_code == 422
    assert "Ask at least one question" in refused.content.decode()
    assert not Campaign.objects.exists()


@pytest.mark.django_db
def test_the_questions_of_a_campaign_are_typed_back_as_they_are():
    questions = [
        {"name": "tone", "kind": "choice", "options": [1, 2, 3], "scale": "ordinal"},
        {"name": "range", "kind": "number", "low": 0, "high": 10, "higher_is_better": False},
        {"name": "which", "kind": "choices", "options": ["a", "b, c"], "required": False},
        {"name": "more", "kind": "text", "condition": {"question": "which", "is": ["b, c"]}},
    ]
    campaign = a_campaign(questions=questions)
    rows = rows_of(posted(asked_now(campaign.asked)))
    assert rows.is_valid()
    errors = []
    again = read_questions(asked_in(rows)[0], errors)
    assert errors == []
    assert [described(each) for each in again] == [described(each) for each in campaign.asked]
