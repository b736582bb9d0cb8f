"""What an upload that failed has stored is swept, and never what a version has."""

from datetime import timedelta

import pytest
from django.utils import timezone

from evalhub.accounts.services import COMMAND_LINE
from evalhub.datasets import selectors, services, sweeping
from evalhub.datasets.models import Dataset, Example, Filling
from evalhub.datasets.services import add_version
from evalhub.datasets.sweeping import ABANDONED, sweep_examples
from evalhub.errors import Conflict
from tests.factories import a_dataset, a_project, a_version, example_row, source_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def dataset(monkeypatch):
    """Return a dataset with a version, and with examples of an upload that died."""
    dataset = a_version(a_project(), n=3).dataset

    class PowerCutError(Exception):
        pass

    def die(*_args):
        raise PowerCutError

    with monkeypatch.context() as patch:
        patch.setattr(services, "_commit", die)
        with pytest.raises(PowerCutError):
            add(dataset, "q1", "left-1", "left-2")
    return dataset


def add(dataset, *keys):
    rows = [example_row(key, expected_output=f"a{key[1:]}") for key in keys]
    return add_version(dataset=dataset, source=source_of(rows), actor=COMMAND_LINE).version


def make_old(dataset):
    before = timezone.now() - ABANDONED - timedelta(minutes=1)
    dataset.fillings.update(started_at=before)


def test_a_finished_upload_leaves_no_mark():
    dataset = a_dataset(a_project())
    add(dataset, "q1")
    add(dataset, "q1")
    assert not Filling.objects.exists()


def test_a_day_later_the_next_upload_sweeps_what_is_in_no_version(dataset):
    assert sorted(dataset.examples.values_list("key", flat=True)) == [
        *("left-1", "left-2", "q1", "q2", "q3")
    ]
    make_old(dataset)
    assert dataset.key_blocks.count() == 2
    version = add(dataset, "q4")
    in_use = set(dataset.versions.values_list("keys_digest", flat=True))
    assert set(dataset.key_blocks.values_list("digest", flat=True)) == in_use
    assert sorted(dataset.examples.values_list("key", flat=True)) == ["q1", "q2", "q3", "q4"]
    assert not dataset.fillings.exists()
    assert selectors.keys_of(version) == ["q4"]


def test_before_that_the_same_upload_finds_its_examples_again(dataset):
    before = set(dataset.examples.values_list("pk", flat=True))
    assert sweep_examples(dataset) == 0
    version = add(dataset, "q1", "left-1", "left-2")
    assert set(selectors.example_ids(version, 0, 3).tolist()) <= before
    make_old(dataset)
    assert sweep_examples(dataset) == 0
    assert Example.objects.count() == 5


def test_nothing_is_swept_while_an_upload_may_be_about_to_use_it(dataset):
    make_old(dataset)
    Filling.objects.create(dataset=dataset, started_at=timezone.now())
    assert sweep_examples(dataset) == 0
    assert dataset.examples.count() == 5


def test_a_version_that_came_in_during_the_sweep_stops_it(dataset, monkeypatch):
    make_old(dataset)
    find = sweeping._unreferenced

    def find_and_be_overtaken(of):
        found = find(of)
        monkeypatch.setattr(sweeping, "_unreferenced", find)
        monkeypatch.setattr(services, "sweep_examples", lambda _: 0)
        add(of, "left-1")
        return found

    monkeypatch.setattr(sweeping, "_unreferenced", find_and_be_overtaken)
    assert sweep_examples(dataset) == 0
    assert dataset.examples.filter(key="left-1").exists()


def test_an_upload_that_was_taken_for_dead_is_refused(monkeypatch):
    dataset = a_dataset(a_project())
    store = services.store_examples

    def store_for_days(**how):
        ids = store(**how)
        Filling.objects.all().delete()
        return ids

    monkeypatch.setattr(services, "store_examples", store_for_days)
    with pytest.raises(Conflict, match="too long"):
        add(dataset, "q1")
    assert not Dataset.objects.get(pk=dataset.pk).versions.exists()
