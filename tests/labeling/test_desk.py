"""One person at the desk: units under a lease, answers, skips, undo."""

from datetime import timedelta
from itertools import pairwise

import pytest
from django.utils import timezone

from evalhub.errors import Conflict, ContentError
from labeling.models import Annotation, AnnotationRevision, Annotator, Campaign, Slot, Unit
from labeling.services import desk
from tests.factories import a_project, a_version
from tests.labeling.building import a_campaign, a_run, an_annotator, on_desk

pytestmark = pytest.mark.django_db


def answer(annotator, value=4):
    """Answer what is on the desk, and return it."""
    annotator.refresh_from_db()
    unit = on_desk(annotator)
    if unit is not None:
        desk.submit(annotator=annotator, unit=unit, answers={"faithful": value})
    return unit


def answer_all(annotator):
    seen = []
    while unit := answer(annotator):
        seen.append(unit)
    return seen


def expire_leases():
    Slot.objects.filter(state="leased").update(lease_until=timezone.now() - timedelta(seconds=1))


def test_a_person_gets_every_unit_once_and_never_one_example_twice_in_a_row():
    campaign = a_campaign(n=6, overlap=2)
    seen = answer_all(an_annotator(campaign))
    assert len({unit.pk for unit in seen}) == len(seen) == 12
    bundles = [unit.bundle for unit in seen]
    assert all(a != b for a, b in pairwise(bundles))


def shown_to(annotator):
    """Return (example, whether it is only read) as they come to a desk where all is answered."""
    seen = []
    while (now := desk.deal(annotator=annotator).now) is not None:
        seen.append((now.unit.bundle, now.draft.is_between))
        if now.draft.is_between:
            desk.pass_by(annotator=annotator, unit=now.unit)
        else:
            desk.submit(annotator=annotator, unit=now.unit, answers={"faithful": 4})
    return seen


@pytest.mark.parametrize("seed", range(5))
def test_where_one_example_alone_is_left_an_own_answer_is_read_between_its_outputs(seed):
    version = a_version(a_project(), n=2)
    runs = [a_run(version, [f"{name} says so", "the same"]) for name in ("one", "two", "three")]
    campaign = a_campaign(runs=runs, overlap=1)
    annotator = an_annotator(campaign)
    Annotator.objects.update(seed=seed)
    annotator.refresh_from_db()
    seen = shown_to(annotator)
    assert seen == [(0, False), (1, False), (0, False), (1, True), (0, False)]
    annotator.refresh_from_db()
    assert (annotator.n_answered, AnnotationRevision.objects.count()) == (4, 0)
    assert not annotator.drafts.exists()


def test_who_has_judged_nothing_else_reads_another_one_between_and_is_not_asked():
    campaign = a_campaign(n=2, overlap=1)
    annotator, other = an_annotator(campaign), an_annotator(campaign)
    first = desk.deal(annotator=annotator)
    lost = first.ahead.unit
    taken = Slot.objects.filter(bundle=lost.bundle)
    taken.update(annotator=other, lease_until=timezone.now() + timedelta(minutes=9))
    state = desk.submit(annotator=annotator, unit=first.now.unit, answers={"faithful": 4}).desk
    assert (state.now.unit.bundle, state.now.draft.is_between) == (lost.bundle, True)
    kept = state.ahead.unit
    assert kept.bundle == first.now.unit.bundle
    with pytest.raises(Conflict, match="only there to be read"):
        desk.submit(annotator=annotator, unit=state.now.unit, answers={"faithful": 4})
    # What is read twice, or skipped, is left behind all the same.
    assert desk.deal(annotator=annotator).now.unit == state.now.unit
    after = desk.skip(annotator=annotator, unit=state.now.unit, reason="other")
    assert after.now.unit == kept
    assert desk.pass_by(annotator=annotator, unit=state.now.unit).now.unit == kept
    assert Annotation.objects.filter(annotator=annotator).count() == 1
    # It may be theirs later, and is asked then.
    taken.update(annotator=None, state="open", lease_until=None)
    assert shown_to(annotator)[0] == (kept.bundle, False)
    assert Annotation.objects.filter(annotator=annotator).count() == 4


def test_in_a_campaign_of_one_example_there_is_a_break_between_its_outputs():
    campaign = a_campaign(n=1, overlap=1)
    annotator = an_annotator(campaign)
    first = desk.deal(annotator=annotator)
    assert first.ahead is None  # it would be painted at once
    after = desk.submit(annotator=annotator, unit=first.now.unit, answers={"faithful": 4}).desk
    assert after == desk.Desk()
    waiting = desk.why_nothing(annotator)
    assert (waiting.reason, waiting.until) == ("break", annotator.saved_at + timedelta(minutes=1))
    assert Slot.objects.held_by(annotator).count() == 1
    assert on_desk(an_annotator(campaign)) is None  # it stays with whoever has begun it
    Annotator.objects.update(saved_at=timezone.now() - timedelta(seconds=59))
    assert desk.deal(annotator=annotator).now is None
    Annotator.objects.update(saved_at=timezone.now() - timedelta(seconds=61))
    assert desk.deal(annotator=annotator).now.unit.bundle == first.now.unit.bundle


def test_a_break_does_not_last_when_the_clock_was_set_back():
    annotator = an_annotator(a_campaign(n=1, overlap=1))
    unit = on_desk(annotator)
    desk.submit(annotator=annotator, unit=unit, answers={"faithful": 4})
    Annotator.objects.update(saved_at=timezone.now() + timedelta(days=1))
    assert desk.deal(annotator=annotator).now is not None


def test_who_takes_an_answer_back_has_no_break():
    annotator = an_annotator(a_campaign(n=1, overlap=1))
    unit = on_desk(annotator)
    desk.submit(annotator=annotator, unit=unit, answers={"faithful": 4})
    assert desk.undo(annotator=annotator).now.unit == unit


def test_the_overlap_is_reached_and_not_exceeded():
    campaign = a_campaign(n=5, overlap=2)
    counts = [len(answer_all(an_annotator(campaign))) for _ in range(3)]
    assert counts == [10, 10, 0]
    assert set(campaign.slots.values_list("state", flat=True)) == {"done"}


def test_all_outputs_of_an_example_go_to_the_same_people():
    campaign = a_campaign(n=6, overlap=1)
    people = [an_annotator(campaign) for _ in range(3)]
    while sum(answer(person) is not None for person in people):
        pass
    for bundle in range(6):
        who = Annotation.objects.filter(bundle=bundle).values_list("annotator", flat=True)
        assert len(who) == 2
        assert len(set(who)) == 1


def test_people_see_different_orders():
    campaign = a_campaign(n=12, overlap=2)
    orders = [[u.pk for u in answer_all(an_annotator(campaign))] for _ in range(2)]
    assert orders[0] != orders[1]
    assert sorted(orders[0]) == sorted(orders[1])


def test_the_desk_keeps_the_same_unit_until_it_is_done():
    annotator = an_annotator(a_campaign(n=6))
    first = on_desk(annotator)
    annotator.refresh_from_db()
    assert on_desk(annotator) == first


def test_a_double_submit_changes_nothing():
    annotator = an_annotator(a_campaign())
    unit = on_desk(annotator)
    for _ in range(3):
        desk.submit(annotator=annotator, unit=unit, answers={"faithful": 4})
    annotation = Annotation.objects.get()
    assert (annotation.revision, annotation.answers) == (1, {"faithful": 4})
    annotator.refresh_from_db()
    assert annotator.n_answered == 1


def test_another_answer_to_the_same_unit_is_a_revision():
    annotator = an_annotator(a_campaign())
    unit = on_desk(annotator)
    desk.submit(annotator=annotator, unit=unit, answers={"faithful": 4})
    desk.submit(annotator=annotator, unit=unit, answers={"faithful": 2})
    assert Annotation.objects.get().answers == {"faithful": 2}
    assert AnnotationRevision.objects.get().answers == {"faithful": 4}
    assert Slot.objects.get(annotations__isnull=False).n_answered == 1


def test_cannot_judge_is_an_answer_without_a_value():
    annotator = an_annotator(a_campaign())
    unit = on_desk(annotator)
    desk.submit(annotator=annotator, unit=unit, answers={"faithful": None})
    assert Annotation.objects.get().answers == {"faithful": None}


@pytest.mark.parametrize("answers", [{}, {"faithful": 6}, {"faithful": "4"}, {"other": 1}])
def test_answers_that_do_not_fit_are_refused(answers):
    annotator = an_annotator(a_campaign())
    unit = on_desk(annotator)
    with pytest.raises(ContentError):
        desk.submit(annotator=annotator, unit=unit, answers=answers)
    assert not Annotation.objects.exists()


def test_a_lease_that_ran_out_gives_the_example_to_others():
    campaign = a_campaign(n=1, overlap=1)
    slow, quick = an_annotator(campaign), an_annotator(campaign)
    unit = on_desk(slow)
    assert on_desk(quick) is None
    expire_leases()
    assert len(answer_all(quick)) == 2
    with pytest.raises(Conflict, match="ran out"):
        desk.submit(annotator=slow, unit=unit, answers={"faithful": 1})
    assert set(Annotation.objects.values_list("annotator", flat=True)) == {quick.pk}


def test_a_late_answer_counts_while_nobody_else_has_taken_the_place():
    annotator = an_annotator(a_campaign(n=1, overlap=1))
    unit = on_desk(annotator)
    expire_leases()
    desk.submit(annotator=annotator, unit=unit, answers={"faithful": 1})
    assert Annotation.objects.given().count() == 1


def test_a_late_answer_takes_another_free_place_of_the_example():
    campaign = a_campaign(n=1, overlap=2)
    slow, quick = an_annotator(campaign), an_annotator(campaign)
    unit = on_desk(slow)
    expire_leases()
    Slot.objects.filter(annotator=slow).update(annotator=quick, lease_until=timezone.now())
    assert len(answer_all(quick)) == 2
    desk.submit(annotator=slow, unit=unit, answers={"faithful": 1})
    assert Annotation.objects.filter(unit=unit).count() == 2


def test_staying_at_the_desk_renews_the_lease():
    annotator = an_annotator(a_campaign())
    on_desk(annotator)
    Slot.objects.held_by(annotator).update(lease_until=timezone.now() + timedelta(minutes=1))
    desk.stay(annotator=annotator)
    left = min(Slot.objects.held_by(annotator).values_list("lease_until", flat=True))
    assert left > timezone.now() + timedelta(minutes=14)


def test_what_one_person_left_half_done_is_finished_by_another():
    campaign = a_campaign(n=1, overlap=1)
    first, second = an_annotator(campaign), an_annotator(campaign)
    answer(first)
    expire_leases()
    assert len(answer_all(second)) == 1
    assert Slot.objects.get().state == Slot.State.DONE
    assert len(answer_all(first)) == 0


def test_a_skipped_unit_goes_to_somebody_else_and_does_not_come_back():
    campaign = a_campaign(n=2, overlap=1)
    picky, other = an_annotator(campaign), an_annotator(campaign)
    unit = on_desk(picky)
    desk.skip(annotator=picky, unit=unit, reason="unclear")
    seen = answer_all(picky)
    assert len(seen) == 3
    assert unit not in seen
    assert answer_all(other) == [unit]
    assert set(campaign.slots.values_list("state", flat=True)) == {"done"}
    picky.refresh_from_db()
    assert (picky.n_answered, picky.n_skipped) == (3, 1)


def test_undo_brings_back_the_last_units_with_their_answers_ten_times():
    annotator = an_annotator(a_campaign(n=8))
    seen = [answer(annotator, value=1 + at % 5) for at in range(12)]
    for unit in seen[:1:-1]:
        assert desk.undo(annotator=annotator).now.unit == unit
    annotator.refresh_from_db()
    assert annotator.n_answered == 2
    back = Annotation.objects.filter(state="withdrawn")
    assert back.count() == 10
    assert {a.unit_id: a.answers["faithful"] for a in back} == {
        unit.pk: 1 + at % 5 for at, unit in enumerate(seen) if at > 1
    }
    # They come again in the order in which they came first.
    assert [answer(annotator) for _ in range(10)] == seen[2:]
    assert annotator.annotations.filter(state="given").count() == 12


def test_what_was_undone_does_not_count_and_every_state_is_kept():
    annotator = an_annotator(a_campaign())
    unit = answer(annotator, 5)
    desk.undo(annotator=annotator)
    assert not Annotation.objects.given().exists()
    desk.submit(annotator=annotator, unit=unit, answers={"faithful": 3})
    assert Annotation.objects.get().revision == 3
    kept = AnnotationRevision.objects.order_by("number").values_list("state", "answers")
    assert list(kept) == [("given", {"faithful": 5}), ("withdrawn", {"faithful": 5})]


def test_a_skip_can_be_undone():
    annotator = an_annotator(a_campaign(n=1, overlap=1))
    unit = on_desk(annotator)
    desk.skip(annotator=annotator, unit=unit, reason="unclear")
    assert desk.undo(annotator=annotator).now.unit == unit
    annotator.refresh_from_db()
    assert on_desk(annotator) == unit
    assert annotator.n_skipped == 0


def test_nothing_to_undo_is_said():
    annotator = an_annotator(a_campaign())
    with pytest.raises(Conflict, match="nothing to undo"):
        desk.undo(annotator=annotator)


def test_an_undone_place_can_be_filled_by_another_when_the_lease_runs_out():
    campaign = a_campaign(n=1, overlap=1)
    first, second = an_annotator(campaign), an_annotator(campaign)
    answer_all(first)
    desk.undo(annotator=first)
    assert answer_all(second) == []
    expire_leases()
    assert len(answer_all(second)) == 1
    assert Annotation.objects.given().count() == 2


def test_undo_stops_where_another_person_works_on_the_example():
    campaign = a_campaign(n=1, overlap=1)
    first, second = an_annotator(campaign), an_annotator(campaign)
    answer(first)
    expire_leases()
    on_desk(second)
    with pytest.raises(Conflict, match="Somebody else"):
        desk.undo(annotator=first)
    assert Annotation.objects.given().count() == 1


def test_a_closed_campaign_gives_and_takes_nothing():
    annotator = an_annotator(a_campaign())
    unit = answer(annotator)
    Campaign.objects.update(state="closed")
    annotator = Annotator.objects.get()
    assert on_desk(annotator) is None
    for act in (
        lambda: desk.submit(annotator=annotator, unit=unit, answers={"faithful": 1}),
        lambda: desk.skip(annotator=annotator, unit=unit, reason="unclear"),
        lambda: desk.undo(annotator=annotator),
    ):
        with pytest.raises(Conflict, match="closed"):
            act()


def test_twins_are_shown_once():
    version = a_version(a_project(), n=2)
    campaign = a_campaign(runs=[a_run(version, ["same", "a"]), a_run(version, ["same", "b"])])
    assert len(answer_all(an_annotator(campaign))) == 3
    assert not Annotation.objects.filter(unit__in=Unit.objects.exclude(twin=None)).exists()


def test_a_name_that_an_import_has_used_does_not_become_the_account():
    campaign = a_campaign()
    annotator = an_annotator(campaign)
    Annotator.objects.filter(pk=annotator.pk).delete()
    Annotator.objects.create(campaign=campaign, name=annotator.user.username, seed=1)
    again = desk.join(campaign=campaign, user=annotator.user)
    assert again.name != annotator.user.username
    assert desk.join(campaign=campaign, user=annotator.user) == again
