"""Answers that come by file: to pairs either way round, and under the version they were given."""

import json

import pytest

from evalhub.accounts.services import COMMAND_LINE
from evalhub.errors import ContentError
from labeling.exports.annotations import annotation_rows
from labeling.models import Annotation, Campaign
from labeling.services.imports import import_annotations
from tests.factories import a_project, a_version
from tests.labeling.building import BETTER, a_campaign, a_run

pytestmark = pytest.mark.django_db

ASKED = [
    BETTER,
    {"name": "by", "kind": "preference", "options": [-2, -1, 0, 1, 2]},
    {"name": "hard", "kind": "rating"},
    {"name": "why", "kind": "choices", "options": ["first", "second", "short"], "required": False},
    {"name": "words", "kind": "text", "required": False},
    {"name": "fixed", "kind": "correction", "required": False},
]
SAID = {"better": "first", "by": 2, "hard": 4, "why": ["first"], "words": "so", "fixed": " a\n"}
TURNED = {**SAID, "better": "second", "by": -2}


def taken(campaign, *lines):
    body = [json.dumps({"key": "q1", "annotator": "ada", **line}).encode() for line in lines]
    return import_annotations(campaign=campaign, lines=body, actor=COMMAND_LINE)


@pytest.fixture
def campaign():
    version = a_version(a_project(), n=2)
    runs = [a_run(version, [f"{name} {at}" for at in (1, 2)], system=name) for name in "ab"]
    return a_campaign(runs=runs, kind="pairs", questions=ASKED)


def test_a_pair_is_named_either_way_round_and_its_preferences_turn_with_it(campaign):
    a, b = (run.public_id for run in campaign.runs.order_by("pk"))
    ways = [
        ({"run": a, "second_run": b}, SAID),
        ({"run": b, "second_run": a}, TURNED),
        ({"system": "a", "second_system": "b"}, SAID),
        ({"system": "b", "second_run": a}, TURNED),
    ]
    for names, answers in ways:
        taken(campaign, {**names, "answers": answers})
        assert Annotation.objects.get().answers == SAID
    assert Annotation.objects.get().revision == 1
    out = list(annotation_rows(campaign))
    assert taken(campaign, *out).unchanged == 1


@pytest.mark.parametrize(
    ("names", "field", "code"),
    [
        ({"system": "a"}, "key", "key"),
        ({"system": "a", "second_system": "c"}, "second_system", "system"),
        ({"system": "a", "second_system": "a"}, "key", "key"),
        ({"system": "a", "second_run": "x", "second_system": "b"}, "second_run", "one_of"),
        ({"system": "a", "second_system": "b", "second_attempt": 2}, "key", "key"),
        ({"system": "a", "second_system": 1}, "second_system", "type"),
    ],
)
def test_what_names_no_pair_is_named(campaign, names, field, code):
    with pytest.raises(ContentError) as caught:
        taken(campaign, {**names, "answers": SAID})
    error = caught.value.errors[0]
    assert (error.field, error.code) == (field, code)
    assert not Annotation.objects.exists()


def test_one_pair_named_both_ways_by_one_person_is_one_too_many(campaign):
    lines = [
        {"system": "a", "second_system": "b", "answers": SAID},
        {"system": "b", "second_system": "a", "answers": SAID},
    ]
    with pytest.raises(ContentError) as caught:
        taken(campaign, *lines)
    assert caught.value.errors[0].code == "repeated"


def test_answers_stay_under_the_version_of_the_questions_that_they_name():
    campaign = a_campaign(n=2)
    run = campaign.runs.first().public_id
    newer = campaign.question_sets.create(number=2, created_at=campaign.created_at)
    question = campaign.asked[0]
    question.pk, question.question_set = None, newer
    question.options = question.options[:3]
    question.save()
    Campaign.objects.update(question_set=newer)
    campaign = Campaign.objects.get()
    old = {"run": run, "answers": {"faithful": 5}, "question_set": 1}
    assert taken(
        campaign, old, {**old, "key": "q2", "question_set": 2, "answers": {"faithful": 3}}
    )
    numbers = Annotation.objects.order_by("pk").values_list("question_set__number", flat=True)
    assert list(numbers) == [1, 2]
    out = list(annotation_rows(campaign))
    assert [line.get("question_set") for line in out] == [1, None]
    assert taken(campaign, *out).unchanged == 2
    for wrong, field in (({"question_set": 3}, "question_set"), ({}, "answers.faithful")):
        with pytest.raises(ContentError) as caught:
            taken(campaign, {"run": run, "answers": {"faithful": 5}, **wrong})
        assert caught.value.errors[0].field == field
