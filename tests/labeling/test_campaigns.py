"""A campaign holds every output that can be shown, and places for as many people as wanted."""

import pytest

from evalhub.errors import Conflict, ContentError, NotFound, ShapeError
from evalhub.runs.models import Measurement, Run
from labeling.models import Campaign, Slot, Unit
from labeling.plans import read_plan
from tests.factories import a_dataset, a_project, a_version, example_row
from tests.labeling.building import BETTER, FAITHFUL, a_campaign, a_run, two_runs

pytestmark = pytest.mark.django_db


def refusal(**body):
    with pytest.raises((Conflict, ContentError, NotFound, ShapeError)) as caught:
        a_campaign(**body)
    return caught.value


def test_every_output_is_a_unit_and_errors_are_none():
    version = a_version(a_project(), n=3)
    runs = [a_run(version, ["a", None, "c"]), a_run(version, ["x", "y", "z"])]
    campaign = a_campaign(runs=runs)
    assert campaign.state == Campaign.State.OPEN
    assert (campaign.n_outputs, campaign.n_units) == (5, 5)
    assert not Unit.objects.filter(run=runs[0], position=1).exists()


def test_equal_outputs_of_one_example_are_shown_once():
    version = a_version(a_project(), n=2)
    runs = [a_run(version, ["same", "same"]), a_run(version, ["same", "other"])]
    campaign = a_campaign(runs=runs)
    assert (campaign.n_outputs, campaign.n_units) == (4, 3)
    twin = Unit.objects.get(twin__isnull=False)
    assert (twin.run, twin.position) == (runs[1], 0)
    assert (twin.twin.run, twin.twin.position) == (runs[0], 0)
    assert sorted(campaign.slots.values_list("bundle", "n_units").distinct()) == [(0, 1), (1, 2)]


def test_an_example_has_as_many_slots_as_people_wanted():
    campaign = a_campaign(n=5, overlap=3)
    assert campaign.slots.count() == 15
    assert set(campaign.slots.values_list("n_units", flat=True)) == {2}


def test_examples_of_two_versions_meet_by_key():
    project = a_project()
    dataset = a_dataset(project)
    first = a_version(project, [example_row("a"), example_row("b")], dataset=dataset)
    second = a_version(
        project, [example_row("b"), example_row("a", expected_output="?")], dataset=dataset
    )
    runs = [a_run(first, ["to a", "to b"]), a_run(second, ["to b", "to a"])]
    campaign = a_campaign(runs=runs)
    bundle = {(u.run_id, u.position): u.bundle for u in campaign.units.all()}
    assert bundle[runs[0].pk, 0] == bundle[runs[1].pk, 1]
    assert bundle[runs[0].pk, 1] == bundle[runs[1].pk, 0]
    # b is the same example with the same answer; a was changed, so its answers differ.
    assert campaign.n_units == 3


def test_a_number_of_examples_is_drawn_with_all_their_outputs():
    campaign = a_campaign(n=6, examples=2)
    assert campaign.n_outputs == 4
    assert Slot.objects.filter(campaign=campaign).values("bundle").distinct().count() == 2


def test_attempts_are_outputs_of_the_same_example():
    version = a_version(a_project(), n=1)
    campaign = a_campaign(runs=[a_run(version, ["once", "twice"], attempts=2)])
    assert list(campaign.units.values_list("attempt", "bundle")) == [(1, 0), (2, 0)]


def test_an_unfinished_run_is_refused():
    project = a_project()
    run = a_run(a_version(project), ["a", "b", "c"], state=Run.State.OPEN)
    error = refusal(runs=[run])
    assert isinstance(error, Conflict)
    assert error.errors[0].field == "runs[0]"


def test_runs_of_different_datasets_are_refused():
    project = a_project()
    runs = [a_run(a_version(project), ["a"]), a_run(a_version(project), ["a"])]
    assert refusal(runs=runs).errors[0].code == "dataset"


def test_runs_of_other_projects_do_not_exist():
    stranger = a_run(a_version(a_project()), ["a"])
    assert isinstance(refusal(project=a_project(), runs=[stranger]), NotFound)


def test_runs_without_anything_to_show_are_refused():
    run = a_run(a_version(a_project(), n=1), [None])
    assert "no output to show" in refusal(runs=[run]).detail
    assert not Campaign.objects.exists()


def test_a_question_is_never_named_like_a_metric_of_its_runs():
    runs = two_runs(a_project())
    Measurement.objects.create(
        run=runs[1], name="bleu", metric="bleu", family="corpus", created_at=runs[1].created_at
    )
    error = refusal(runs=runs, questions=[FAITHFUL, {"name": "bleu", "kind": "number"}])
    assert error.errors[0].field == "questions[1].name"


@pytest.mark.parametrize(
    ("member", "value", "field"),
    [
        ("name", "", "name"),
        ("name", 7, "name"),
        ("name", "x" * 201, "name"),
        ("overlap", 0, "overlap"),
        ("overlap", True, "overlap"),
        ("overlap", "2", "overlap"),
        ("overlap", 51, "overlap"),
        ("runs", [], "runs"),
        ("runs", "run_x", "runs"),
        ("runs", [1], "runs"),
        ("runs", ["a", "a"], "runs"),
        ("questions", [], "questions"),
        ("questions", {}, "questions"),
        ("questions", [{"name": "q", "kind": "rating"}] * 21, "questions"),
        ("guidelines", 3, "guidelines"),
        ("show_reference", "yes", "show_reference"),
        ("examples", 0, "examples"),
        ("kind", "triples", "kind"),
        ("against", "first", "against"),
        ("order", "newest", "order"),
        ("order", "stratified", "slice"),
        ("order", "disagreement", "order"),
        ("slice", "topic", "slice"),
        ("quota", 0, "quota"),
        ("quota", 2.5, "quota"),
        ("extra_overlap", -1, "extra_overlap"),
        ("extra_overlap", 51, "extra_overlap"),
        ("differ", "often", "differ"),
        ("differ", {"rule": "spread"}, "differ"),
        ("differ", ["any"], "differ"),
        ("control_share", 0.6, "control_share"),
        ("control_share", True, "control_share"),
        ("pass_mark", 0, "pass_mark"),
        ("pass_mark", 80, "pass_mark"),
        ("submits_by_itself", "yes", "submits_by_itself"),
        ("invited_only", 1, "invited_only"),
        ("nonsense", 1, "nonsense"),
    ],
)
def test_what_does_not_work_is_named_by_field(member, value, field):
    project = a_project()
    body = {"name": "c", "runs": ["run_1"], "questions": [FAITHFUL], "overlap": 2, member: value}
    with pytest.raises((ContentError, ShapeError)) as caught:
        read_plan(project=project, body=body)
    error = caught.value
    assert [e.field for e in error.errors] == [field]
    assert not Campaign.objects.exists()


def test_how_a_campaign_is_dealt_is_read_checked_and_kept():
    campaign = a_campaign(
        **{"overlap": 2, "extra_overlap": 1, "differ": {"rule": "spread", "spread": 2}},
        **{"order": "disagreement", "quota": 40, "control_share": 0.05, "pass_mark": 0.8},
        **{"submits_by_itself": True, "invited_only": True},
    )
    assert campaign.differ_rule == {"rule": "spread", "spread": 2.0}
    assert (campaign.extra_overlap, campaign.order_by, campaign.quota) == (1, "disagreement", 40)
    assert (campaign.control_share, campaign.pass_mark) == (0.05, 0.8)
    assert campaign.submits_by_itself
    assert campaign.is_invited_only
    one = refusal(extra_overlap=1, overlap=1)
    assert [error.field for error in one.errors] == ["extra_overlap"]
    # All outputs of an example go to one person: a quota under that could never be used.
    assert [error.field for error in refusal(quota=1).errors] == ["quota"]


# Pairs


def pairs_of(campaign):
    """Return (first run, its attempt, second run, its attempt, reversed twin) of every pair."""
    runs = {run.pk: at for at, run in enumerate(campaign.runs.order_by("pk"))}
    rows = campaign.units.order_by("bundle", "run_id", "second_run_id", "attempt").values_list(
        *("bundle", "run_id", "attempt", "second_run_id", "second_attempt", "is_reversed", "twin")
    )
    return [
        (bundle, runs[run], attempt, runs[second], second_attempt, turned, twin is not None)
        for bundle, run, attempt, second, second_attempt, turned, twin in rows
    ]


def a_pairs_campaign(texts, *, attempts=1, **more):
    version = a_version(a_project(), n=len(texts[0]) // attempts)
    runs = [a_run(version, each, attempts=attempts) for each in texts]
    return a_campaign(runs=runs, kind="pairs", questions=[BETTER], **more)


def test_pairs_are_of_all_runs_or_of_the_first_with_each_other_one():
    texts = [["a", "b"], ["c", "d"], ["e", None]]
    every = pairs_of(a_pairs_campaign(texts))
    assert every == [
        (0, 0, 1, 1, 1, False, False),
        (0, 0, 1, 2, 1, False, False),
        (0, 1, 1, 2, 1, False, False),
        (1, 0, 1, 1, 1, False, False),
    ]
    assert pairs_of(a_pairs_campaign(texts, against="first")) == [every[0], every[1], every[3]]


def test_equal_pairs_are_shown_once_whichever_way_round_and_equal_outputs_not_at_all():
    campaign = a_pairs_campaign([["a", "x"], ["b", "x"], ["a", "y"], ["b", "y"]])
    # Of the first example a-b stands for a-b, b-a and a-b; a-a and b-b are no pairs.
    assert [row for row in pairs_of(campaign) if row[0] == 0] == [
        (0, 0, 1, 1, 1, False, False),
        (0, 0, 1, 3, 1, False, True),
        (0, 1, 1, 2, 1, True, True),
        (0, 2, 1, 3, 1, False, True),
    ]
    assert (campaign.n_outputs, campaign.n_units, campaign.n_identical) == (8, 2, 4)
    assert set(campaign.slots.values_list("bundle", "n_units")) == {(0, 1), (1, 1)}
    version = a_version(a_project(), n=1)
    same = [a_run(version, ["same"]), a_run(version, ["same"])]
    alone = refusal(runs=same, kind="pairs", questions=[BETTER])
    assert alone.errors[0].code == "identical"
    assert refusal(runs=same[:1], kind="pairs", questions=[BETTER]).errors[0].field == "runs"
    assert refusal(runs=same, kind="pairs").errors[0].code == "preference"
    assert refusal(runs=same, questions=[BETTER]).errors[0].field == "questions[0].kind"


def test_attempts_meet_their_like_and_examples_meet_by_key_across_versions():
    attempts = a_pairs_campaign([["a1", "a2"], ["b1", "b2"]], attempts=2)
    assert [row[1:5] for row in pairs_of(attempts)] == [(0, 1, 1, 1), (0, 2, 1, 2)]
    project = a_project()
    dataset = a_dataset(project)
    first = a_version(project, [example_row("a"), example_row("b")], dataset=dataset)
    second = a_version(project, [example_row("b"), example_row("c")], dataset=dataset)
    runs = [a_run(first, ["to a", "to b"]), a_run(second, ["for b", "for c"])]
    unit = a_campaign(runs=runs, kind="pairs", questions=[BETTER]).units.get()
    assert (unit.position, unit.second_position) == (1, 0)


def test_a_number_of_examples_of_pairs_is_drawn_with_those_that_have_nothing_to_show():
    campaign = a_pairs_campaign([["a", "b", "c", "d"], ["a", "b", "x", "y"]], examples=3)
    assert campaign.n_units + campaign.n_identical == 3
    assert 1 <= campaign.n_units <= 2


# Orders


def test_every_beginning_of_a_stratified_order_holds_the_slices_in_their_shares():
    topics = ["law"] * 30 + ["tax"] * 20 + ["art"] * 10
    rows = [example_row(f"q{at}", metadata={"topic": each}) for at, each in enumerate(topics)]
    version = a_version(a_project(), rows)
    run = a_run(version, [f"text {at}" for at in range(60)])
    campaign = a_campaign(runs=[run], overlap=1, order="stratified", slice="topic")
    order = [
        topics[bundle]
        for bundle in campaign.slots.order_by("order").values_list("bundle", flat=True)
    ]
    for m in range(1, 61):
        for topic, share in (("law", 1 / 2), ("tax", 1 / 3), ("art", 1 / 6)):
            assert abs(order[:m].count(topic) - share * m) <= 1
    error = refusal(runs=[run], order="stratified", slice="mood")
    assert error.errors[0].code == "no_slice"
    assert "topic" in error.detail
