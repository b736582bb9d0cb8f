"""A version is what its file says: immutable, content-addressed, aligned by position."""

import numpy as np
import pytest

from evalhub.accounts.services import COMMAND_LINE
from evalhub.datasets import selectors
from evalhub.datasets.models import PAGE_EXAMPLES, Example
from evalhub.datasets.services import add_version, move_tag
from evalhub.errors import ContentError, NotFound
from tests.factories import a_dataset, a_project, a_version, example_row

pytestmark = pytest.mark.django_db


def add(dataset, rows, **how):
    return add_version(dataset=dataset, source=lambda: rows, actor=COMMAND_LINE, **how)


def test_equal_content_is_the_version_that_exists():
    dataset = a_dataset(a_project())
    rows = [example_row("a"), example_row("b")]
    first, again = add(dataset, rows), add(dataset, rows)
    assert (first.is_new, again.is_new) == (True, False)
    assert first.version == again.version
    assert Example.objects.count() == 2


def test_order_is_content():
    dataset = a_dataset(a_project())
    add(dataset, [example_row("a"), example_row("b")])
    assert add(dataset, [example_row("b"), example_row("a")]).version.number == 2
    assert Example.objects.count() == 2


def test_a_version_counts_what_it_changed():
    dataset = a_dataset(a_project())
    add(dataset, [example_row("a"), example_row("b"), example_row("c")])
    version = add(
        dataset, [example_row("a"), example_row("b", expected_output="x"), example_row("d")]
    ).version
    counts = version.n_added, version.n_changed, version.n_removed, version.n_unchanged
    assert counts == (1, 1, 1, 1)
    changes = [(change.kind, change.key) for change in selectors.changes(version, limit=9)]
    assert changes == [("changed", "b"), ("added", "d"), ("removed", "c")]
    assert len(selectors.changes(version, limit=2)) == 2


def test_merging_keeps_what_the_file_does_not_name():
    dataset = a_dataset(a_project())
    add(dataset, [example_row("a"), example_row("b")])
    merged = add(
        dataset, [example_row("b", expected_output="x"), example_row("c")], mode="merge"
    ).version
    assert selectors.keys_of(merged) == ["a", "b", "c"]
    assert merged.n_removed == 0
    assert selectors.examples_at(merged, 1, 2)[0].fields["expected_output"] == "x"


def test_positions_cross_pages():
    n = PAGE_EXAMPLES + 5
    version = a_version(a_project(), n=n)
    keys = [f"q{n}", "q1", "nobody", f"q{PAGE_EXAMPLES + 1}"]
    assert selectors.positions_of(version, keys).tolist() == [n - 1, 0, -1, PAGE_EXAMPLES]
    rows = selectors.examples_at(version, PAGE_EXAMPLES - 1, PAGE_EXAMPLES + 1)
    assert [row.key for row in rows] == [f"q{PAGE_EXAMPLES}", f"q{PAGE_EXAMPLES + 1}"]
    scattered = selectors.examples_at_positions(version, [n - 1, 0])
    assert {position: row.key for position, row in scattered.items()} == {0: "q1", n - 1: f"q{n}"}


def test_fields_with_few_levels_are_slices_and_numbers_are_cut_at_quartiles():
    rows = [
        example_row(
            f"k{i}", metadata={"topic": "ab"[i % 2], "words": i, "note": f"n{i}", "only": 1}
        )
        for i in range(40)
    ]
    version = a_version(a_project(), rows)
    slicings = {slicing.field: slicing for slicing in selectors.slicings(version)}
    assert set(slicings) == {"topic", "words"}
    assert slicings["topic"].sizes() == [("a", 20), ("b", 20)]
    assert [n for _, n in slicings["words"].sizes()] == [10, 10, 10, 10]
    assert selectors.positions_in_slice(version, "topic", "b").tolist() == list(range(1, 40, 2))


def test_a_cluster_field_needs_a_value_everywhere():
    dataset = a_dataset(a_project())
    rows = [example_row("a", metadata={"doc": "x"}), example_row("b")]
    with pytest.raises(ContentError, match="has no value in 1 of 2"):
        add(dataset, rows, cluster_field="doc")
    rows[1] = example_row("b", metadata={"doc": 7})
    version = add(dataset, rows, cluster_field="doc").version
    assert np.array_equal(selectors.clusters(version), [0, 1])


def test_tags_move():
    dataset = a_dataset(a_project())
    first = add(dataset, [example_row("a")]).version
    second = add(dataset, [example_row("b")]).version
    move_tag(version=first, name="golden", actor=COMMAND_LINE)
    move_tag(version=second, name="golden", actor=COMMAND_LINE)
    assert selectors.version_of(dataset, "golden") == second
    assert selectors.version_of(dataset, 1) == first
    with pytest.raises(NotFound, match="'silver'"):
        selectors.version_of(dataset, "silver")


def test_search_walks_on_from_where_it_stopped():
    version = a_version(a_project(), n=30)
    first = selectors.find_examples(version, start=0, limit=2, text="what is q1")
    assert [example.key for _, example in first.examples] == ["q1", "q10"]
    rest = selectors.find_examples(version, start=first.next_position, limit=50, text="what is q1")
    assert [example.key for _, example in rest.examples] == [f"q{n}" for n in range(11, 20)]
    assert rest.next_position is None
