"""What comes after what: a unit fetched ahead, sides, controls, qualification, extra places."""

from functools import partial
from itertools import pairwise

import pytest
from django.db import connection

from evalhub.accounts.services import COMMAND_LINE
from evalhub.errors import Conflict, ContentError
from labeling.known import control_answers
from labeling.models import Annotation, Annotator, Campaign, Decision, Draft, Purpose, Slot
from labeling.services import desk
from labeling.services.controls import clear_control, set_control
from tests.factories import a_project, a_version
from tests.labeling.building import (
    BETTER,
    FAITHFUL,
    a_campaign,
    a_run,
    an_annotator,
    answered,
    known,
    on_desk,
    value_for,
    walk,
)

pytestmark = pytest.mark.django_db


def a_pairs_campaign(*, n=6, systems=3, **more):
    version = a_version(a_project(), n=n)
    runs = [
        a_run(version, [f"{name} says {at}" for at in range(n)])
        for name in ("heron", "stork", "crane", "egret")[:systems]
    ]
    return a_campaign(runs=runs, kind="pairs", questions=[BETTER], **more)


# Ahead


@pytest.mark.parametrize("make", [partial(a_campaign, n=7), a_pairs_campaign])
def test_what_was_fetched_ahead_comes_next_and_no_example_twice_in_a_row(make):
    campaign = make(overlap=1)
    annotator = an_annotator(campaign)
    desks = walk(annotator)
    for before, after in pairwise(desks):
        assert (after.now and after.now.draft) == (before.ahead and before.ahead.draft)
    units = [each.now.unit for each in desks if each.now]
    assert len({unit.pk for unit in units}) == len(units) == campaign.n_units
    assert all(a.bundle != b.bundle for a, b in pairwise(units))
    assert not Draft.objects.exists()
    assert set(campaign.slots.values_list("state", flat=True)) == {"done"}


def test_both_units_are_leased_and_dealt_again_as_they_were():
    annotator = an_annotator(a_pairs_campaign())
    first = desk.deal(annotator=annotator)
    again = desk.deal(annotator=Annotator.objects.get())
    for a, b in ((first.now, again.now), (first.ahead, again.ahead)):
        assert (a.unit, a.draft, a.draft.is_swapped) == (b.unit, b.draft, b.draft.is_swapped)
        assert Slot.objects.held_by(annotator).filter(bundle=a.unit.bundle).exists()


def test_an_answer_to_what_is_ahead_leaves_the_desk_as_it_is():
    annotator = an_annotator(a_campaign(n=6))
    before = desk.deal(annotator=annotator)
    after = desk.submit(annotator=annotator, unit=before.ahead.unit, answers={"faithful": 1}).desk
    assert after.now.unit == before.now.unit
    assert after.ahead.unit not in (before.now.unit, before.ahead.unit)


def test_what_was_not_dealt_is_not_answered():
    campaign = a_campaign(n=9)
    annotator = an_annotator(campaign)
    dealt = desk.deal(annotator=annotator)
    other = campaign.units.exclude(pk__in=[dealt.now.unit.pk, dealt.ahead.unit.pk]).first()
    with pytest.raises(Conflict, match="not given to you"):
        desk.submit(annotator=annotator, unit=other, answers={"faithful": 1})


@pytest.mark.sqlite
def test_what_is_in_hand_is_read_from_the_places_on_however_large_the_campaign(
    django_assert_max_num_queries,
):
    annotator = an_annotator(a_campaign(n=9))
    state = desk.deal(annotator=annotator)
    with django_assert_max_num_queries(14) as asked:  # BEGIN and COMMIT among them
        desk.submit(annotator=annotator, unit=state.now.unit, answers={"faithful": 3})
    [statement] = [each["sql"] for each in asked if "labeling_slot slot" in each["sql"]][:1]
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN QUERY PLAN " + statement)
        steps = [row[-1] for row in cursor.fetchall()]
    assert "slot USING INDEX slots_of_annotator" in steps[0]
    assert "unit USING INDEX units_of_bundle" in steps[1]


# Sides


def test_sides_are_even_for_each_person_and_pair_of_runs_and_stay_as_they_were_drawn():
    campaign = a_pairs_campaign(n=44, systems=2)
    annotator = an_annotator(campaign)
    drawn = {}

    def answer(unit):
        drawn[unit.pk] = Draft.objects.get(unit=unit).is_swapped
        return value_for(unit)

    walk(annotator, answer=answer)
    kept = dict(Annotation.objects.values_list("unit", "is_swapped"))
    assert kept == drawn
    in_order = list(drawn.values())
    for start in range(len(in_order) - 19):
        assert abs(sum(in_order[start : start + 20]) - 10) <= 1
    undone = desk.undo(annotator=annotator).now
    assert undone.draft.is_swapped == drawn[undone.unit.pk]
    assert undone.draft.before == {"better": "first"}


def test_pairs_that_are_skipped_weigh_nothing_in_the_balance():
    campaign = a_pairs_campaign(n=40, systems=2, overlap=1)
    annotator = an_annotator(campaign)
    state, sides = desk.deal(annotator=annotator), []
    while state.now is not None:
        unit, swapped = state.now.unit, state.now.draft.is_swapped
        if swapped and len(sides) % 3 == 0 and unit.pk % 2:
            state = desk.skip(annotator=annotator, unit=unit, reason="unclear", note=" dark ")
        else:
            sides.append(swapped)
            state = desk.submit(annotator=annotator, unit=unit, answers=value_for(unit)).desk
    assert abs(2 * sum(sides) - len(sides)) <= 2
    skipped = Annotation.objects.filter(state="skipped")
    assert set(skipped.values_list("skip_reason", "note")) <= {("unclear", "dark")}


# Controls and the qualification


def test_controls_are_mixed_in_at_their_share_once_for_each_person():
    campaign = a_campaign(n=26, overlap=2, control_share=0.2)
    known(campaign, range(6))
    campaign.refresh_from_db()
    assert (campaign.n_controls, campaign.n_places) == (12, 2 * 2 * 20)
    for _ in range(2):
        annotator = an_annotator(campaign)
        units = [each.now.unit for each in walk(annotator) if each.now]
        seen = list(dict.fromkeys(unit.bundle for unit in units))
        controls = [bundle for bundle in seen if bundle < 6]
        # 20 ordinary examples are four in five of those given: five controls, give or take one.
        assert 4 <= len(controls) <= 6
        assert len({unit.pk for unit in units}) == len(units)
        assert all(a.bundle != b.bundle for a, b in pairwise(units))
        annotator.refresh_from_db()
        assert annotator.n_answered == len(units)
        assert annotator.n_controls == 2 * len(controls)
    right = [answer.is_right for answer in control_answers(campaign)]
    assert right == [False] * len(right)
    ordinary = campaign.slots.filter(purpose=Purpose.LABEL)
    assert set(ordinary.values_list("state", flat=True)) == {"done"}
    assert not campaign.slots.filter(bundle__lt=6, number__lt=1_000).exists()


def test_an_example_that_becomes_a_control_keeps_its_answers_and_comes_back_with_them():
    campaign = a_campaign(n=3, overlap=2)
    ann, ben = an_annotator(campaign), an_annotator(campaign)
    for unit in campaign.units.filter(bundle=0):
        answered(ann, unit, faithful=4)
    known(campaign, [0])
    ann.refresh_from_db()
    assert (ann.n_answered, ann.n_controls) == (2, 2)
    assert list(campaign.slots.filter(bundle=0).values_list("state", "purpose")) == [
        ("done", "control")
    ]
    assert {each.now.unit.bundle for each in walk(ben) if each.now} == {1, 2}
    for unit in campaign.units.filter(bundle=0):
        clear_control(unit=unit, actor=COMMAND_LINE)
    assert {each.now.unit.bundle for each in walk(ben) if each.now} == {0}
    ann.refresh_from_db()
    assert (ann.n_answered, ann.n_controls) == (2, 0)
    assert campaign.slots.filter(bundle=0, state="done", purpose="label").count() == 2
    assert set(campaign.units.values_list("purpose", flat=True)) == {"label"}


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"answers": {}}, "answers"),
        ({"answers": {"faithful": 9}}, "answers.faithful"),
        ({"answers": {"why": "so"}}, "answers.why"),
        ({"answers": {"other": 1}}, "answers.other"),
        ({"tolerance": -1}, "tolerance"),
        ({"purpose": "label"}, "purpose"),
        ({"explanation": "x" * 5_001}, "explanation"),
    ],
)
def test_known_answers_that_do_not_work_are_named(given, field):
    campaign = a_campaign(n=1, questions=[FAITHFUL, {"name": "why", "kind": "text"}])
    members = {"answers": {"faithful": 1}, **given}
    with pytest.raises(ContentError) as caught:
        set_control(unit=campaign.units.first(), actor=COMMAND_LINE, **members)
    assert [error.field for error in caught.value.errors] == [field]


@pytest.mark.parametrize(("values", "state"), [([5, 5, 4], "active"), ([5, 1, 1], "unqualified")])
def test_the_qualification_comes_first_says_what_is_right_and_ends_with_a_verdict(values, state):
    version = a_version(a_project(), n=8)
    campaign = a_campaign(
        runs=[a_run(version, [f"text {at}" for at in range(8)])], overlap=1, pass_mark=0.6
    )
    known(campaign, [1, 4, 6], purpose=Purpose.QUALIFICATION, explanation="It is all there.")
    annotator = an_annotator(campaign)
    assert annotator.state == "qualifying"
    now = desk.deal(annotator=annotator).now
    for value in values:
        assert now.unit.bundle in (1, 4, 6)
        done = desk.submit(annotator=annotator, unit=now.unit, answers={"faithful": value})
        assert done.feedback.is_right == (value == 5)
        assert done.feedback.explanation == "It is all there."
        with pytest.raises(Conflict, match="stay as they are"):
            desk.undo(annotator=annotator)
        with pytest.raises(Conflict, match="stay as they are"):
            desk.reopen(annotator=annotator, unit=now.unit)
        last, now = now, done.desk.now
    annotator.refresh_from_db()
    assert (annotator.state, annotator.n_qualification, annotator.n_answered) == (state, 3, 0)
    assert (now is None) == (state == "unqualified")
    if now is not None:
        done = desk.submit(annotator=annotator, unit=now.unit, answers={"faithful": 2})
        assert done.feedback is None
    with pytest.raises(Conflict):
        desk.submit(annotator=annotator, unit=last.unit, answers={"faithful": 2})


def test_who_began_without_a_qualification_answers_it_before_their_next_unit():
    campaign = a_campaign(n=5, overlap=2, pass_mark=0.6)
    ann, ben = an_annotator(campaign), an_annotator(campaign)
    first = desk.deal(annotator=ann).now.unit
    shown = desk.submit(annotator=ann, unit=first, answers={"faithful": 4}).desk.now.unit
    known(campaign, [each for each in range(5) if each not in (first.bundle, shown.bundle)][:1],
          purpose=Purpose.QUALIFICATION)  # fmt: skip
    held = campaign.slots.filter(state="leased")
    assert not held.exists()
    # What they were at is taken; then comes the qualification, and after it the work.
    done = desk.submit(annotator=ann, unit=shown, answers={"faithful": 2})
    for _ in range(2):
        asked = on_desk(ann)
        assert asked.purpose == Purpose.QUALIFICATION
        done = desk.submit(annotator=ann, unit=asked, answers={"faithful": 5})
    ann.refresh_from_db()
    assert (ann.state, ann.n_answered, ann.n_qualification) == ("active", 2, 2)
    assert done.desk.now.unit.purpose == Purpose.LABEL
    # Who has passed is not sent again, and who failed or was stopped stays where they are.
    Annotator.objects.filter(pk=ben.pk).update(state="stopped")
    rest = campaign.units.filter(purpose=Purpose.LABEL).exclude(annotations__annotator=ann)
    known(campaign, [rest.latest("bundle").bundle], purpose=Purpose.QUALIFICATION)
    states = dict(campaign.annotators.values_list("pk", "state"))
    assert states == {ann.pk: "active", ben.pk: "stopped"}


def test_without_a_pass_mark_nobody_is_sent_to_a_qualification():
    campaign = a_campaign(n=3)
    annotator = an_annotator(campaign)
    known(campaign, [1], purpose=Purpose.QUALIFICATION)
    annotator.refresh_from_db()
    assert annotator.state == "active"


# Extra places


@pytest.mark.parametrize(
    ("differ", "values", "places"),
    [
        ("any", [3, 3], 2),
        ("any", [3, 4, 3, 3], 4),
        ({"rule": "spread", "spread": 2}, [3, 4], 2),
        ({"rule": "spread", "spread": 2}, [1, 3, 3, 3], 4),
        ("no_majority", [1, 3, 3], 3),
        ("no_majority", [1, 2, 3, 4], 4),
    ],
)
def test_more_people_are_asked_one_by_one_while_answers_differ(differ, values, places):
    version = a_version(a_project(), n=1)
    campaign = a_campaign(
        runs=[a_run(version, ["one"])], overlap=2, extra_overlap=2, differ=differ
    )
    for asked, value in enumerate(values, start=1):
        annotator = an_annotator(campaign)
        unit = on_desk(annotator)
        assert unit is not None
        assert on_desk(an_annotator(campaign)) is None or asked == 1
        desk.submit(annotator=annotator, unit=unit, answers={"faithful": value})
        if asked < len(values):
            Slot.objects.filter(state="leased").update(
                state="open", annotator=None, lease_until=None
            )
    assert campaign.slots.count() == places
    assert on_desk(an_annotator(campaign)) is None


def test_an_extra_place_goes_when_the_difference_goes_before_anybody_took_it():
    version = a_version(a_project(), n=1)
    campaign = a_campaign(runs=[a_run(version, ["one"])], overlap=2, extra_overlap=1)
    ann, ben = an_annotator(campaign), an_annotator(campaign)
    unit = on_desk(ann)
    desk.submit(annotator=ann, unit=unit, answers={"faithful": 1})
    on_desk(ben)
    for value, places in ((2, 3), (1, 2), (4, 3)):
        desk.submit(annotator=ben, unit=unit, answers={"faithful": value})
        assert campaign.slots.count() == places
    desk.undo(annotator=ben)
    assert campaign.slots.count() == 2
    desk.submit(annotator=ben, unit=unit, answers={"faithful": 4})
    third = an_annotator(campaign)
    assert on_desk(third) == unit
    desk.submit(annotator=ben, unit=unit, answers={"faithful": 1})  # too late: somebody is at it
    desk.submit(annotator=third, unit=unit, answers={"faithful": 1})
    assert set(campaign.slots.values_list("number", "state")) == {
        (number, "done") for number in (1, 2, 3)
    }


def test_examples_on_which_people_differ_are_finished_first():
    campaign = a_campaign(n=14, overlap=3, order="disagreement")
    ann, ben, third = (an_annotator(campaign) for _ in range(3))
    walk(ann, answer=lambda unit: {"faithful": 3})
    walk(ben, answer=lambda unit: {"faithful": 3 + (unit.bundle in (3, 7, 11))})
    bundles = dict.fromkeys(each.now.unit.bundle for each in walk(third, most=9) if each.now)
    assert set(list(bundles)[:3]) == {3, 7, 11}


# Bounds


def test_a_quota_bounds_what_one_person_answers_in_whole_examples():
    campaign = a_campaign(n=6, overlap=1, quota=5)
    annotator = an_annotator(campaign)
    assert sum(each.now is not None for each in walk(annotator)) == 4
    Annotator.objects.update(quota=6)
    annotator.refresh_from_db()
    assert sum(each.now is not None for each in walk(annotator)) == 2
    assert not Slot.objects.held_by(annotator).exists()


def test_a_paused_campaign_keeps_what_is_begun_and_a_stopped_person_gives_it_back():
    campaign = a_campaign(n=4)
    annotator = an_annotator(campaign)
    unit = on_desk(annotator)
    desk.save_draft(annotator=annotator, unit=unit, fields={"q0": "3"}, number=0)
    Campaign.objects.update(state="paused")
    assert desk.deal(annotator=annotator) == desk.Desk()
    with pytest.raises(Conflict) as caught:
        desk.submit(annotator=annotator, unit=unit, answers={"faithful": 2})
    assert caught.value.code == "paused"
    Campaign.objects.update(state="open")
    now = desk.deal(annotator=annotator).now
    assert (now.unit, now.draft.fields) == (unit, {"q0": "3"})
    Annotator.objects.update(state="stopped")
    assert desk.deal(annotator=annotator) == desk.Desk()
    assert not Slot.objects.held_by(annotator).exists()
    with pytest.raises(Conflict, match="ended your work"):
        desk.submit(annotator=annotator, unit=unit, answers={"faithful": 2})


def test_by_invitation_only_nobody_joins_by_opening_the_desk():
    campaign = a_campaign(invited_only=True)
    with pytest.raises(Conflict, match="by invitation"):
        an_annotator(campaign)
    assert not Annotator.objects.exists()


# Drafts, flags, changes


def test_a_draft_that_another_tab_saved_since_is_not_overwritten():
    annotator = an_annotator(a_campaign())
    unit = on_desk(annotator)
    save = {"annotator": annotator, "unit": unit}
    assert desk.save_draft(**save, fields={"q0": "1"}, number=0) == 1
    assert desk.save_draft(**save, fields={"q0": "2"}, number=1) == 2
    with pytest.raises(desk.DraftConflict) as caught:
        desk.save_draft(**save, fields={"q0": "5"}, number=1)
    assert (caught.value.fields, caught.value.number) == ({"q0": "2"}, 2)
    desk.submit(annotator=annotator, unit=unit, answers={"faithful": 2})
    with pytest.raises(Conflict, match="answered already"):
        desk.save_draft(**save, fields={"q0": "5"}, number=2)


def test_an_answer_is_reopened_with_what_it_said_and_counts_until_another_is_given():
    campaign = a_campaign(n=6)
    annotator = an_annotator(campaign)
    first = on_desk(annotator)
    desk.submit(annotator=annotator, unit=first, answers={"faithful": 2})
    before = desk.deal(annotator=annotator)
    again = desk.reopen(annotator=annotator, unit=first)
    assert (again.now.unit, again.now.draft.before) == (first, {"faithful": 2})
    assert again.ahead.unit == before.now.unit
    assert Annotation.objects.given().count() == 1
    # Leaving it is no skip.
    left = desk.skip(annotator=annotator, unit=first, reason="other")
    assert left.now.unit == before.now.unit
    assert Annotation.objects.get().state == "given"
    desk.reopen(annotator=annotator, unit=first)
    done = desk.submit(annotator=annotator, unit=first, answers={"faithful": 5})
    assert done.replaced
    assert done.desk.now.unit == before.now.unit
    with pytest.raises(Conflict, match="not answered"):
        desk.reopen(annotator=annotator, unit=before.now.unit)


def test_what_is_decided_or_published_is_not_changed():
    campaign = a_campaign(n=6)
    annotator = an_annotator(campaign)
    unit = on_desk(annotator)
    desk.submit(annotator=annotator, unit=unit, answers={"faithful": 2})
    acts = (
        lambda: desk.undo(annotator=annotator),
        lambda: desk.reopen(annotator=annotator, unit=unit),
        lambda: desk.submit(annotator=annotator, unit=unit, answers={"faithful": 3}),
    )
    Campaign.objects.update(published_at=Annotation.objects.get().at)
    for act in acts:
        with pytest.raises(Conflict) as caught:
            act()
        assert caught.value.code == "published"
    Campaign.objects.update(published_at=None)
    decide(unit)
    for act in acts:
        with pytest.raises(Conflict) as caught:
            act()
        assert caught.value.code == "decided"
    assert not desk.submit(annotator=annotator, unit=unit, answers={"faithful": 2}).replaced


def decide(unit):
    Decision.objects.create(
        unit=unit,
        question_set=unit.campaign.question_set,
        answers={"faithful": 1},
        reason="slip",
        at=unit.campaign.created_at,
    )


def test_no_more_than_ten_answers_are_taken_back_at_once():
    annotator = an_annotator(a_campaign(n=8, overlap=1))
    walk(annotator, most=13)
    for _ in range(10):
        desk.undo(annotator=annotator)
    with pytest.raises(Conflict, match="taken back 10"):
        desk.undo(annotator=annotator)


def test_questions_that_change_meanwhile_are_asked_again():
    campaign = a_campaign(n=6)
    annotator = an_annotator(campaign)
    unit = on_desk(annotator)
    desk.save_draft(annotator=annotator, unit=unit, fields={"q0": "3"}, number=0)
    asked = campaign.question_set
    newer = campaign.question_sets.create(number=2, created_at=campaign.created_at)
    question = asked.in_order[0]
    question.pk, question.question_set, question.options = None, newer, question.options[:3]
    question.save()
    Campaign.objects.update(question_set=newer)
    annotator = Annotator.objects.get()
    with pytest.raises(Conflict) as caught:
        desk.submit(annotator=annotator, unit=unit, answers={"faithful": 3})
    assert caught.value.code == "questions"
    now = desk.deal(annotator=annotator).now
    assert (now.draft.question_set_id, now.draft.fields, now.draft.number) == (newer.pk, {}, 2)
    desk.submit(annotator=annotator, unit=unit, answers={"faithful": 3})
    assert Annotation.objects.get().question_set_id == newer.pk


def test_a_flag_is_for_what_one_was_given_and_is_taken_back():
    campaign = a_campaign(n=9, guidelines="Read twice.")
    annotator = an_annotator(campaign)
    unit = on_desk(annotator)
    desk.flag(annotator=annotator, unit=unit, note=" odd ")
    assert unit.flags.get().note == "odd"
    desk.unflag(annotator=annotator, unit=unit)
    assert not unit.flags.exists()
    desk.acknowledge(annotator=annotator, number=7)
    desk.submit(annotator=annotator, unit=unit, answers={"faithful": 3})
    assert Annotation.objects.get().guidelines_number == 1


def test_what_a_lead_gave_somebody_comes_before_all_and_to_nobody_else():
    campaign = a_campaign(n=40, overlap=1)
    ann, ben = an_annotator(campaign), an_annotator(campaign)
    slot = campaign.slots.order_by("order").first()
    slot.reserved_for = ann
    slot.save()
    assert slot.bundle not in {each.now.unit.bundle for each in walk(ben, most=20) if each.now}
    first = desk.deal(annotator=ann)
    assert Slot.objects.held_by(ann).filter(bundle=slot.bundle).exists()
    assert first.now is not None
