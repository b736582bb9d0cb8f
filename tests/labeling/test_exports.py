"""What leaves a campaign: answers with their revisions, safe tables, preference data."""

import csv
import io
import json

import pytest

from evalhub.spreadsheets import csv_lines, safe_cell
from labeling.exports.annotations import annotation_rows, annotations_csv
from labeling.exports.preferences import preferences
from labeling.models import Annotation, AnnotationRevision, Campaign, Decision, Unit
from labeling.questions import read_questions
from tests.factories import a_member, a_project, a_version
from tests.labeling.building import AT, a_campaign, a_run, said

pytestmark = pytest.mark.django_db
RATING = {"name": "faithful", "kind": "rating"}
WHY = {"name": "why", "kind": "text", "required": False}


@pytest.fixture
def changed():
    """Return a campaign with one answer that was another before, and one that was skipped."""
    campaign = a_campaign(n=2, questions=[RATING, WHY])
    first, second = Unit.objects.order_by("pk")[:2]
    given = said(campaign, first, "=cmd|' /C calc'!A0", faithful=2, why="-1+1")
    AnnotationRevision.of(given).save()
    given.answers, given.revision = {"faithful": 4, "why": None}, 2
    given.save()
    Annotation.objects.filter(pk=said(campaign, second, "bea").pk).update(
        state="skipped", skip_reason="broken", note="cut off"
    )
    return campaign


def test_an_export_says_all_that_an_answer_was_and_is(changed):
    (plain,) = annotation_rows(changed)
    assert plain["answers"] == {"faithful": 4, "why": None}
    assert set(plain) == {"run", "key", "attempt", "annotator", "answers", "at", "seconds"}

    given, skipped = annotation_rows(changed, with_revisions=True)
    assert [each["answers"]["faithful"] for each in given["revisions"]] == [2]
    assert (given["revision"], given["question_set"]) == (2, 1)
    assert (skipped["state"], skipped["skip_reason"], skipped["note"]) == (
        *("skipped", "broken", "cut off"),
    )


def test_a_table_has_every_revision_and_no_cell_that_runs(changed):
    rows = list(csv.DictReader(io.StringIO("".join(annotations_csv(changed)))))
    assert [row["answer:faithful"] for row in rows] == ["2", "4", ""]
    assert [row["answer:why"] for row in rows] == ["'-1+1", "n/a", ""]
    assert rows[0]["annotator"] == "'=cmd|' /C calc'!A0"
    assert [row["revision"] for row in rows] == ["1", "2", "1"]


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        *((mark + "x", "'" + mark + "x") for mark in "=+-@\t\r\n＝＋－＠"),
        (-1.5, -1.5),
        (True, "true"),
        (None, ""),
        ("a=b", "a=b"),
        ("a\0b", "a␀b"),
    ],
)
def test_cells_are_data(value, cell):
    assert safe_cell(value) == cell


def test_lines_are_quoted_as_the_standard_says():
    assert list(csv_lines(["a"], [['x"y'], ["u\nv"]])) == ["a\r\n", '"x""y"\r\n', '"u\nv"\r\n']


def a_campaign_of_a_pair():
    version = a_version(a_project(), n=1)
    red, blue = (a_run(version, [text]) for text in ("red", "blue"))
    campaign = a_campaign(runs=[red, blue], n=1)
    Unit.objects.all().delete()
    campaign.question_set.questions.all().delete()
    asked = [{"name": "better", "kind": "preference"}]
    for question in read_questions(asked, [], is_of_pairs=True):
        question.question_set = campaign.question_set
        question.save()
    Campaign.objects.update(kind=Campaign.Kind.PAIRS)
    return Campaign.objects.get(), Unit.objects.create(
        campaign=campaign,
        run=red,
        second_run=blue,
        bundle=0,
        **dict.fromkeys(("position", "second_position"), 0),
        **dict.fromkeys(("attempt", "second_attempt"), 1),
    )


def test_pairs_become_preference_data():
    campaign, unit = a_campaign_of_a_pair()
    assert list(preferences(campaign)) == []
    said(campaign, unit, "ann", better="second")
    said(campaign, unit, "bea", better="first")
    assert list(preferences(campaign)) == []
    (tie,) = preferences(campaign, with_ties=True)
    assert [side["output"] for side in tie["outputs"]] == ["red", "blue"]

    said(campaign, unit, "cyd", better="second")
    said(campaign, unit, "dan", better="both_bad")
    (row,) = preferences(campaign)
    assert (row["prompt"], row["chosen"], row["rejected"]) == ("What is q1?", "blue", "red")
    assert row["chosen_run"] == unit.second_run.public_id
    assert row["votes"] == {"chosen": 2, "rejected": 1, "tie": 0, "both_bad": 1}

    Decision.objects.create(
        unit=unit,
        question_set=campaign.question_set,
        answers={"better": "first"},
        reason="taste",
        at=AT,
    )
    (row,) = preferences(campaign)
    assert (row["chosen"], row["decided"]) == ("red", True)
    assert row["votes"] == {"chosen": 1, "rejected": 2, "tie": 0, "both_bad": 1}


def test_a_lead_downloads_what_there_is(client, changed):
    client.force_login(a_member(changed.project, "lead"))
    page = f"/campaigns/{changed.public_id}/files/"
    listed = client.get(page).content.decode()
    assert "annotations.csv" in listed
    assert "preferences.jsonl" not in listed
    got = client.get(f"{page}annotations.jsonl")
    (line,) = b"".join(got).splitlines()
    assert json.loads(line)["answers"]["faithful"] == 4
    assert "attachment" in got["Content-Disposition"]
    assert client.get(f"{page}preferences.jsonl").status_code == 404
