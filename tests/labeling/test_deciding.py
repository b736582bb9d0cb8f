"""Experts decide where people differ: what waits for them, what they say, and who is told."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from evalhub.accounts.models import AuditEvent
from evalhub.accounts.services import Actor
from evalhub.errors import Conflict, ContentError
from labeling.deciding import queue_of
from labeling.exports.decisions import decision_rows
from labeling.models import Campaign, Decision, DecisionRevision, Flag, Question, QuestionSet, Unit
from labeling.questions import read_questions
from labeling.services.decisions import DecidedMeanwhile, decide, resolve_flags, withdraw
from tests.factories import a_key, a_member, jsonl
from tests.labeling.building import AT, FAITHFUL, a_campaign, an_annotator, said

pytestmark = pytest.mark.django_db

TAGS = {"name": "tags", "kind": "choices", "options": ["a", "b"], "required": False}
WHY = {
    "name": "why",
    "kind": "text",
    "required": False,
    "condition": {"question": "faithful", "at_most": 2},
}


@pytest.fixture
def campaign():
    return a_campaign(n=3, overlap=2, questions=[FAITHFUL, TAGS, WHY])


@pytest.fixture
def expert(campaign):
    return Actor(user=a_member(campaign.project, "expert"))


def units(campaign):
    return list(Unit.objects.filter(campaign=campaign).order_by("pk"))


def flagged(unit, **more):
    return Flag.objects.create(
        unit=unit, annotator=an_annotator(unit.campaign), note="odd", at=AT, **more
    )


def ask(campaign, *questions):
    """Make a new version of the questions."""
    number = campaign.question_sets.count() + 1
    asked = QuestionSet.objects.create(campaign=campaign, number=number, created_at=AT)
    for question in read_questions(list(questions), []):
        question.question_set = asked
        question.save()
    Campaign.objects.filter(pk=campaign.pk).update(question_set=asked)
    return Campaign.objects.get(pk=campaign.pk)


# The queue


def test_complete_units_come_first_and_those_with_most_disagreement(campaign):
    near, far, half, alike, flag, bare = units(campaign)
    for unit, all_answers in {
        near: (2, 3), far: (1, 5), alike: (4, 4), flag: (5, 5),
    }.items():  # fmt: skip
        for name, answer in zip(("ann", "bea"), all_answers, strict=True):
            said(campaign, unit, name, at_desk=True, faithful=answer)
    said(campaign, half, "ann", at_desk=True, faithful=2)
    flagged(flag)
    flagged(bare)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        queue = queue_of(campaign)
    assert [row.unit for row in queue.rows[:3]] == [far.pk, near.pk, flag.pk]
    assert [row.unit for row in queue.rows[3:]] == [bare.pk]
    assert [row.distance for row in queue.rows] == [1.0, 0.25, 0, 0]
    assert [row.is_complete for row in queue.rows] == [True, True, True, False]
    assert (queue.n_flagged, queue.n_decided) == (2, 0)
    assert queue.n_by_question() == {"faithful": 2}
    assert len(queries) <= 9


def test_what_is_decided_waits_no_more_unless_it_is_flagged_anew(campaign, expert):
    unit, *_ = units(campaign)
    said(campaign, unit, "ann", faithful=1)
    said(campaign, unit, "bea", faithful=5)
    decide(unit=unit, answers={"faithful": 3}, reason="taste", actor=expert)
    queue = queue_of(campaign)
    assert (len(queue.rows), len(queue.waiting), queue.n_decided) == (1, 0, 1)
    flagged(unit)
    assert len(queue_of(campaign).waiting) == 1


def test_answers_are_told_apart_under_the_rule_and_under_the_questions_of_now(campaign):
    unit, other, *_ = units(campaign)
    for name, answer in (("ann", 3), ("bea", 4)):
        said(campaign, unit, name, faithful=answer, tags=["a"])
        said(campaign, other, name, faithful=answer, tags=["b" if answer == 3 else "a"])
    campaign.differ_rule = {"rule": "spread", "spread": 2}
    assert [(row.unit, row.differing) for row in queue_of(campaign).rows] == [
        (other.pk, ("tags",))
    ]
    campaign.differ_rule = {}
    assert len(queue_of(campaign).rows) == 2
    reworded = ask(campaign, {**FAITHFUL, "text": "Well?"}, {**TAGS, "options": ["a", "b", "c"]})
    assert {row.differing for row in queue_of(reworded).rows} == {("faithful",)}
    assert not queue_of(ask(campaign, {**FAITHFUL, "high": 7})).rows


def test_who_may_still_be_asked_about_a_unit_does_not_see_what_others_said(campaign, expert):
    open_, full, answered = units(campaign)[:3]
    own = an_annotator(campaign, expert.user)
    for unit, names in ((open_, ["ann"]), (full, ["ann", "bea"]), (answered, [own.name])):
        for at, name in enumerate([*names, "imported"]):
            said(campaign, unit, name, at_desk=at < len(names), faithful=1 + at)
    queue = queue_of(campaign, expert.user)
    assert {row.unit for row in queue.rows} == {full.pk, answered.pk}
    assert queue.n_left_out == 1
    assert len(queue_of(campaign, a_member(campaign.project, "lead")).rows) == 3
    campaign.state = Campaign.State.CLOSED
    assert len(queue_of(campaign, expert.user).rows) == 3


def test_a_flagged_control_is_shown_to_those_who_may_know_of_it(campaign):
    unit, *_ = units(campaign)
    Unit.objects.filter(bundle=unit.bundle).update(purpose="control")
    for name, answer in (("ann", 1), ("bea", 5)):
        said(campaign, unit, name, faithful=answer)
    flagged(unit)
    [row] = queue_of(campaign).rows
    assert (row.differing, row.n_flags, row.purpose) == ((), 1, "control")
    assert not queue_of(campaign, with_controls=False).rows


# Decisions


def test_a_decision_is_kept_with_all_it_was_before(campaign, expert):
    unit, *_ = units(campaign)
    flag = flagged(unit)
    first = decide(
        unit=unit, answers={"faithful": 4}, reason="slip", note=" A slip. ", actor=expert
    )
    assert (first.answers, first.note, first.revision) == ({"faithful": 4}, "A slip.", 1)
    flag.refresh_from_db()
    assert flag.resolved_by == expert.user
    same = {"answers": {"faithful": 4}, "reason": "slip", "note": "A slip."}
    assert decide(unit=unit, **same, actor=expert).revision == 1
    again = decide(unit=unit, answers={"faithful": None}, reason="taste", seen=1, actor=expert)
    assert (again.answers, again.revision) == ({"faithful": None}, 2)
    withdraw(unit=unit, seen=2, actor=expert)
    assert not Decision.objects.exists()
    assert decide(unit=unit, **same, actor=expert).revision == 3
    revisions = DecisionRevision.objects.filter(unit=unit).order_by("number")
    assert [(each.number, each.answers) for each in revisions] == [
        (1, {"faithful": 4}),
        (2, {"faithful": None}),
    ]
    verbs = AuditEvent.objects.filter(subject=unit.public_id).order_by("pk")
    assert list(verbs.values_list("verb", flat=True)) == [
        *("decide", "decide", "withdraw decision", "decide")
    ]


def test_the_second_expert_is_told_and_nothing_is_overwritten_unseen(campaign, expert):
    unit, *_ = units(campaign)
    other = Actor(user=a_member(campaign.project, "expert"))
    theirs = decide(unit=unit, answers={"faithful": 4}, reason="slip", actor=other)
    with pytest.raises(DecidedMeanwhile, match="decided this one while you looked") as told:
        decide(unit=unit, answers={"faithful": 2}, reason="slip", actor=expert)
    assert (told.value.decision, told.value.code) == (theirs, "decided")
    assert Decision.objects.get().answers == {"faithful": 4}
    withdraw(unit=unit, seen=1, actor=other)
    with pytest.raises(DecidedMeanwhile, match="withdrawn"):
        decide(unit=unit, answers={"faithful": 2}, reason="slip", seen=1, actor=expert)
    with pytest.raises(Conflict, match="Nothing is decided"):
        withdraw(unit=unit, seen=0, actor=expert)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"answers": {"faithful": 9}}, "faithful"),
        ({"answers": {"tags": ["c"]}}, "tags"),
        ({"answers": {"tone": "warm"}}, "tone"),
        ({"answers": {"faithful": 5, "why": "Short."}}, "why"),
        ({"answers": {}}, "answers"),
        ({"reason": "mood"}, "reason"),
        ({"note": "x" * 2_001}, "note"),
        ({"note": "a\0b"}, "note"),
    ],
)
def test_a_decision_is_held_to_the_questions(campaign, expert, given, field):
    unit, *_ = units(campaign)
    good = {"answers": {"faithful": 1, "why": "Bare."}, "reason": "slip", "note": ""}
    with pytest.raises(ContentError) as refused:
        decide(unit=unit, **{**good, **given}, actor=expert)
    assert [error.field for error in refused.value.errors] == [field]
    assert not Decision.objects.exists()
    # Words may be decided alone: what people said of the rest stands.
    assert decide(unit=unit, answers={"why": "Bare."}, reason="slip", actor=expert)


def test_flags_are_settled_alone(campaign, expert):
    unit, *_ = units(campaign)
    flag = flagged(unit)
    resolve_flags(unit=unit, actor=expert)
    flag.refresh_from_db()
    assert (flag.resolved_by, flag.resolved_at is None) == (expert.user, False)
    assert not queue_of(campaign).rows
    with pytest.raises(Conflict, match="no open flag"):
        resolve_flags(unit=unit, actor=expert)


def test_a_control_is_not_decided(campaign, expert):
    unit, *_ = units(campaign)
    unit.purpose = "control"
    with pytest.raises(Conflict, match="known already"):
        decide(unit=unit, answers={"faithful": 4}, reason="slip", actor=expert)


def test_a_decision_under_other_questions_is_made_anew(campaign, expert):
    unit, *_ = units(campaign)
    decide(unit=unit, answers={"faithful": 4}, reason="slip", actor=expert)
    campaign = ask(campaign, {**FAITHFUL, "high": 7})
    unit = Unit.objects.get(pk=unit.pk)
    again = decide(unit=unit, answers={"faithful": 4}, reason="slip", seen=1, actor=expert)
    assert (again.revision, again.question_set) == (2, campaign.question_set)
    assert Question.objects.filter(question_set=again.question_set).count() == 1


# By file


@pytest.fixture
def send(client, campaign):
    """Return a function that posts decisions as lines."""
    address = f"/api/v1/campaigns/{campaign.public_id}/decisions"
    headers = a_key(campaign.project, "lead")

    def send(*lines):
        return client.post(
            address, jsonl(*lines), content_type="application/x-ndjson", headers=headers
        )

    return send


def lines_of(campaign):
    return list(decision_rows(campaign))


def test_decisions_come_in_and_go_out_the_same(campaign, send):
    first, second, *_ = units(campaign)
    flag = flagged(first)
    lines = [
        {"unit": first.public_id, "answers": {"faithful": 4}, "reason": "slip", "note": " n "},
        {
            **{"run": second.run.public_id, "key": "q2", "answers": {"tags": ["a", "b"]}},
            "reason": "taste",
        },
    ]
    assert send(*lines).json() == {"accepted": 2, "replaced": 0, "unchanged": 0}
    flag.refresh_from_db()
    assert flag.resolved_at is not None
    out = lines_of(campaign)
    assert [(line["key"], line["answers"], line["revision"]) for line in out] == [
        ("q1", {"faithful": 4}, 1),
        ("q2", {"tags": ["a", "b"]}, 1),
    ]
    assert send(*out).json() == {"accepted": 0, "replaced": 0, "unchanged": 2}
    changed = {**out[0], "answers": {"faithful": None}}
    assert send(changed).json() == {"accepted": 0, "replaced": 1, "unchanged": 0}
    assert DecisionRevision.objects.get().answers == {"faithful": 4}
    refused = send(out[1], {**out[0], "answers": {"faithful": 1}})
    assert refused.status_code == 422
    [fault] = refused.json()["errors"]
    assert (fault["line"], fault["field"], fault["code"]) == (2, "revision", "decided")
    assert Decision.objects.get(unit=first).answers == {"faithful": None}


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"unit": "unt_nowhere"}, "unit", "unit"),
        ({"unit": None, "key": "q9", "run": "RUN"}, "key", "key"),
        ({"unit": None, "key": "q1", "run": "RUN", "second_run": "RUN"}, "key", "key"),
        ({"answers": {"faithful": 9}}, "answers.faithful", "answer"),
        ({"reason": "mood"}, "reason", "reason"),
        ({"note": "x" * 2_001}, "note", "note"),
        ({"revision": 3}, "revision", "decided"),
        ({"unit": "SECOND"}, "key", "repeated"),
        ({"unit": "CONTROL"}, "key", "control"),
    ],
)
def test_one_bad_line_refuses_all_decisions_and_is_named(campaign, send, change, field, code):
    first, second, third, *_ = units(campaign)
    Unit.objects.filter(pk=third.pk).update(purpose="control")
    instead = {
        "RUN": first.run.public_id, "SECOND": second.public_id, "CONTROL": third.public_id
    }  # fmt: skip
    good = {"unit": second.public_id, "answers": {"faithful": 4}, "reason": "slip"}
    changed = {name: instead.get(str(value), value) for name, value in change.items()}
    refused = send(good, {**good, "unit": first.public_id, **changed})
    assert refused.status_code == 422, refused.json()
    [fault] = refused.json()["errors"]
    assert (fault["line"], fault["field"], fault["code"]) == (2, field, code)
    assert not Decision.objects.exists()
