"""Uploads to one dataset at the same moment: no version is lost, none comes twice."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connections

from evalhub.accounts.services import COMMAND_LINE
from evalhub.datasets import selectors, services
from evalhub.datasets.models import Example
from evalhub.datasets.services import add_version
from evalhub.errors import Conflict
from tests.factories import a_dataset, a_project, example_row, source_of

pytestmark = pytest.mark.django_db(transaction=True)
UPLOADS = 4


def together(dataset, sources, **how):
    """Add all the sources at once, and return what each added."""
    start = Barrier(len(sources))

    def add(rows):
        try:
            start.wait()
            return add_version(dataset=dataset, source=source_of(rows), actor=COMMAND_LINE, **how)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(sources)) as pool:
        return list(pool.map(add, sources))


def test_the_same_file_is_one_version():
    dataset = a_dataset(a_project())
    rows = [example_row(f"k{i}") for i in range(300)]
    added = together(dataset, [rows] * UPLOADS)
    assert len({one.version.pk for one in added}) == 1
    assert sum(one.is_new for one in added) == 1
    assert Example.objects.count() == 300
    assert not dataset.fillings.exists()


def test_different_files_are_one_version_each_in_some_order():
    dataset = a_dataset(a_project())
    # In opposite orders, so that rows of one wait for rows of another.
    files = [
        [example_row(f"k{i}", expected_output=str(i % (n + 2))) for i in range(300)][:: (-1) ** n]
        for n in range(UPLOADS)
    ]
    added = together(dataset, files)
    assert sorted(one.version.number for one in added) == list(range(1, UPLOADS + 1))
    for one, rows in zip(added, files, strict=True):
        assert selectors.keys_of(one.version) == [row.key for row in rows]
    newest = selectors.newest_version(dataset)
    assert [version.parent.number for version in dataset.versions.exclude(parent=None)] == list(
        range(1, newest.number)
    )


def test_merges_all_reach_the_newest_version():
    dataset = a_dataset(a_project())
    together(dataset, [[example_row("base")]])
    together(dataset, [[example_row(f"m{n}")] for n in range(UPLOADS)], mode="merge")
    newest = selectors.newest_version(dataset)
    assert set(selectors.keys_of(newest)) == {"base", *(f"m{n}" for n in range(UPLOADS))}
    assert newest.n_removed == 0


def test_one_that_never_gets_its_turn_is_refused_with_a_sentence(monkeypatch):
    dataset = a_dataset(a_project())
    monkeypatch.setattr(services, "_commit", lambda *_: None)
    with pytest.raises(Conflict, match="Send this one again"):
        add_version(dataset=dataset, source=source_of([example_row("a")]), actor=COMMAND_LINE)
    assert dataset.fillings.count() == 1
