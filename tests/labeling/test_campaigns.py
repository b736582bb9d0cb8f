"""A campaign holds every output that can be shown, and places for as many people as wanted."""

import pytest

from evalhub.errors import Conflict, ContentError, NotFound, ShapeError
from evalhub.runs.models import Measurement, Run
from labeling.models import Campaign, Slot, Unit
from labeling.plans import read_plan
from tests.factories import a_dataset, a_project, a_version, example_row
from tests.labeling.building import FAITHFUL, a_campaign, a_run, two_runs

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
