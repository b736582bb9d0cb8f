"""What an annotator reads: all that is needed, nothing that tells who made it."""

import json

import pytest

from evalhub.runs.models import Output
from labeling.evidence import asked_of, evidence_of
from labeling.models import Unit
from tests.factories import a_project, a_version, example_row
from tests.labeling.building import a_campaign, a_pairs_campaign, a_run, an_annotator

pytestmark = pytest.mark.django_db


def evidence(*, text="An answer.", output=None, later=None, show_reference=False, **fields):
    version = a_version(a_project(), [example_row("k", **fields)])
    run = a_run(version, [text])
    if output:
        Output.objects.filter(run=run).update(**output)
    campaign = a_campaign(runs=[run], show_reference=show_reference)
    if later:
        Output.objects.filter(run=run).update(**later)
    unit = Unit.objects.select_related("run__version").get(campaign=campaign)
    return evidence_of(unit, an_annotator(campaign))


def texts(words):
    return [each.text for each in words]


def test_documents_that_the_system_found_come_without_rank_score_and_name():
    found = [{"id": f"doc-{at}", "score": at / 10, "text": f"Text {at}."} for at in range(9)]
    shown = evidence(output={"retrieved": json.dumps([*found, {"id": "no-text"}])})
    assert sorted(texts(shown.found)) == [f"Text {at}." for at in range(9)]
    assert texts(shown.found) != [f"Text {at}." for at in range(9)]
    assert "doc-" not in repr(shown)
    assert (shown.is_shuffled, shown.sides[0].cites) == (True, 0)


def test_an_answer_that_cites_documents_is_read_with_them_in_its_own_order():
    found = [{"id": "a", "text": "First."}, {"id": "b"}, {"id": "c", "text": "Third."}]
    output = {"retrieved": json.dumps(found), "text": "So it is [3]."}
    shown = evidence(output=output, context=["Given."])
    (side,) = shown.sides
    assert texts(side.retrieved) == ["First.", "", "Third."]
    assert (side.cites, side.cited, side.is_shuffled) == (3, "document", False)
    assert texts(evidence(output=output | {"text": "[4]"}).found) in (
        ["First.", "Third."],
        ["Third.", "First."],
    )


def test_without_documents_an_answer_cites_the_context():
    (side,) = evidence(text="As [2] says.", context=["One.", "Two."]).sides
    assert (side.cites, side.cited, side.is_shuffled) == (2, "passage", False)


def test_an_output_in_json_is_written_out():
    (side,) = evidence(output={"text": None, "data": '{"b":[1,2],"a":"é"}'}).sides
    assert side.answer.is_data
    assert side.answer.text == json.dumps({"b": [1, 2], "a": "é"}, ensure_ascii=False, indent=2)


def test_of_a_conversation_the_last_message_is_what_was_asked():
    said = [{"role": "user", "content": "Hello."}, {"role": "user", "content": "And now?"}]
    assert asked_of({"input": said}) == "And now?"
    assert asked_of({"input": {"a": 1}}) == '{\n  "a": 1\n}'


def test_the_expected_answer_is_shown_only_where_the_campaign_says_so():
    fields = {"expected_output": "gold", "references": ["silver"]}
    assert evidence(**fields).reference == []
    assert texts(evidence(show_reference=True, **fields).reference) == ["gold", "silver"]


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("Why?", [("", "Why?")]),
        ([{"role": "user", "content": "Hi"}], [("user", "Hi")]),
        ([{"role": "user"}], [("", '[\n  {\n    "role": "user"\n  }\n]')]),
        ([], [("", "[]")]),
        (7, [("", "7")]),
        ({"q": "Why?"}, [("", '{\n  "q": "Why?"\n}')]),
    ],
)
def test_an_input_is_text_a_conversation_or_json(given, shown):
    assert [(words.who, words.text) for words in evidence(input=given).input] == shown


def test_an_output_that_is_gone_is_said_and_not_invented():
    assert evidence(later={"text": None, "error": "taken back"}).sides[0].answer is None


@pytest.mark.parametrize("is_alike", [True, False])
def test_of_a_pair_each_side_cites_what_was_found_for_it(is_alike):
    campaign = a_pairs_campaign(n=1)
    for at, output in enumerate(Output.objects.filter(position=0).order_by("run")):
        found = [{"text": "One."}, {"text": "Two." if is_alike else f"Two, {at}."}]
        Output.objects.filter(pk=output.pk).update(
            text=f"Answer {at}, see [2].", retrieved=json.dumps(found)
        )
    unit = Unit.objects.get(campaign=campaign)
    shown = evidence_of(unit, an_annotator(campaign), is_swapped=True)
    assert [side.letter for side in shown.sides] == ["A", "B"]
    assert [side.answer.text[:8] for side in shown.sides] == ["Answer 1", "Answer 0"]
    cited = ["document", "document"] if is_alike else ["documentA", "documentB"]
    assert [(side.cites, side.cited) for side in shown.sides] == [(2, name) for name in cited]
    assert len(shown.found) == (2 if is_alike else 0)
