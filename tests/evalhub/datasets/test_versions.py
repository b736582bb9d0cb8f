"""A version is what its file says: immutable, content-addressed, aligned by position."""

import re

import numpy as np
import pytest

from evalhub.accounts.services import COMMAND_LINE
from evalhub.datasets import selectors, storing
from evalhub.datasets.changes import changes
from evalhub.datasets.keys import positions_of
from evalhub.datasets.models import PAGE_EXAMPLES, Example
from evalhub.datasets.services import add_version, move_tag
from evalhub.errors import ContentError, NotFound, ShapeError
from tests.factories import a_dataset, a_project, a_version, example_row, source_of

pytestmark = pytest.mark.django_db


def add(dataset, rows, **how):
    return add_version(dataset=dataset, source=source_of(rows), actor=COMMAND_LINE, **how)


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
    found = [(change.kind, change.key) for change in changes(version, limit=9)]
    assert found == [("changed", "b"), ("added", "d"), ("removed", "c")]
    assert len(changes(version, limit=2)) == 2


def test_a_version_with_the_keys_of_its_parent_shares_where_they_stand():
    dataset = a_dataset(a_project())
    n = PAGE_EXAMPLES + 5
    rows = [example_row(f"k{i}") for i in range(n)]
    first = add(dataset, rows).version
    others = [example_row(f"k{i}", expected_output="x") for i in (2, n - 1)]
    rows = [*rows[:2], others[0], *rows[3:-1], others[1]]
    version = add(dataset, rows).version
    assert (version.n_changed, version.n_unchanged) == (2, n - 2)
    found = changes(version, limit=9)
    assert [(one.key, one.before.fields, one.after.fields) for one in found] == [
        (f"k{at}", first.fields, last.fields)
        for at in (2, n - 1)
        for first in selectors.examples_at(version.parent, at, at + 1)
        for last in selectors.examples_at(version, at, at + 1)
    ]
    assert [one.after.fields["expected_output"] for one in found] == ["x", "x"]
    assert dataset.key_blocks.count() == 1
    turned = add(dataset, rows[::-1]).version
    assert (turned.n_unchanged, turned.n_changed, turned.n_added) == (n, 0, 0)
    assert changes(turned, limit=9) == []
    keys = [row.key for row in rows]
    assert positions_of(turned, keys).tolist() == list(range(n))[::-1]
    assert positions_of(first, keys).tolist() == list(range(n))


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
    assert positions_of(version, keys).tolist() == [n - 1, 0, -1, PAGE_EXAMPLES]
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
    assert selectors.positions_in(version, "topic:b").tolist() == list(range(1, 40, 2))


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


def test_a_search_reads_what_is_said_and_not_how_it_is_written():
    rows = [
        example_row("a", input='She said "no"\nand left', metadata={"input": "topic", "n": 4.5}),
        example_row("b", input="Größe", references=["ünder"]),
    ]
    version = a_version(a_project(), rows)

    def found(text):
        page = selectors.find_examples(version, start=0, limit=9, text=text)
        return [example.key for _, example in page.examples]

    assert found('said "NO"') == ["a"]
    assert found('"\nand') == ["a"]
    assert found("GRÖSSE".replace("SS", "ß")) == ["b"]
    assert found("Ünder") == ["b"]
    assert found("4.5") == ["a"]
    # Names of members are no text of the example, and neither is the JSON around it.
    assert found("references") == []
    assert found('":"') == []


@pytest.mark.parametrize(
    ("given", "keys"),
    [
        ("topic:a", ["k0", "k2"]),
        ("at:time:10:31", ["k1", "k3"]),
        ("at:x:y", ["k0", "k1", "k2", "k3"]),
        ("gone:", ["k0", "k2"]),
    ],
)
def test_a_slice_is_named_by_field_and_value_and_either_may_hold_colons(given, keys):
    rows = [
        example_row(
            f"k{i}",
            metadata={
                "topic": "ab"[i % 2],
                "at:time": f"10:3{i % 2}",
                "at": "x:y",
                "gone": ["", "x"][i % 2],
            },
        )
        for i in range(4)
    ]
    if given.startswith("at:time"):
        rows = [example_row(f"k{i}", metadata={"at:time": f"10:3{i % 2}"}) for i in range(4)]
    version = a_version(a_project(), rows)
    positions = selectors.positions_in(version, given).tolist()
    assert [selectors.keys_of(version)[position] for position in positions] == keys


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("half", "field:value"),
        ("half:c", "'half' has no value 'c'. Its values are 'a', 'b'."),
        ("note:n1", "no slices by 'note'. It has slices by 'half'."),
        (":", "no slices by ''"),
        ("x" * 500 + ":y", "no slices by 'xxx"),
    ],
)
def test_a_slice_that_the_version_does_not_have_is_refused_with_those_it_has(given, said):
    rows = [
        example_row(f"k{i}", metadata={"half": "ab"[i % 2], "note": "n" * 300}) for i in range(4)
    ]
    version = a_version(a_project(), rows)
    with pytest.raises((ContentError, ShapeError), match=re.escape(said)):
        selectors.positions_in(version, given)
    assert selectors.positions_if_any(version, given).tolist() == []


def test_a_merge_over_content_that_is_there_keeps_its_rows():
    dataset = a_dataset(a_project())
    rows = [example_row(f"k{i}") for i in range(PAGE_EXAMPLES + 3)]
    first = add(dataset, rows).version
    merged = add(dataset, [example_row("k1", expected_output="x"), rows[2]], mode="merge").version
    before = selectors.example_ids(first, 0, first.n_examples)
    after = selectors.example_ids(merged, 0, merged.n_examples)
    assert np.flatnonzero(before != after).tolist() == [1]
    assert (merged.n_changed, merged.n_unchanged) == (1, PAGE_EXAMPLES + 2)
    assert add(dataset, [rows[5]], mode="merge").is_new is False


def test_a_version_tells_what_its_examples_are_made_of():
    rows = [
        example_row("a", input={"x": 1}, expected_output=None),  # null is absent
        example_row("b", input=True, expected_output=[1], references=["r"], relevant={"d": 1}),
        example_row("c", input=-1.5, expected_output=False, metadata={"t": 1}),
        example_row("d", metadata=None),
    ]
    properties = a_version(a_project(), rows).schema["properties"]
    assert {name: found["type"] for name, found in properties.items()} == {
        "key": ["string"],
        "input": ["boolean", "number", "object", "string"],
        "expected_output": ["array", "boolean"],
        "references": ["array"],
        "relevant": ["object"],
        "metadata": ["object"],
    }


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [("f" * 201, "x", "at most 200 characters"), ("doc", "x" * 201, "more than 200 characters")],
)
def test_clusters_are_named_briefly(field, value, said):
    rows = [example_row(f"k{i}", metadata={field: value}) for i in range(2)]
    with pytest.raises(ContentError, match=said):
        add(a_dataset(a_project()), rows, cluster_field=field)


def test_large_examples_go_in_by_bytes(monkeypatch):
    monkeypatch.setattr(storing, "BYTES_AT_ONCE", 1_000)
    rows = [example_row(f"k{i}", input="x" * 400) for i in range(7)]
    version = a_version(a_project(), rows)
    assert selectors.keys_of(version) == [row.key for row in rows]


def test_a_source_that_fails_leaves_nothing():
    dataset = a_dataset(a_project())

    def rows():
        yield example_row("a")
        raise ContentError("Line 2: no.")

    with pytest.raises(ContentError, match="Line 2"):
        add_version(dataset=dataset, source=source_of(rows()), actor=COMMAND_LINE)
    assert not dataset.examples.exists()
    with pytest.raises(ContentError, match="no examples"):
        add(dataset, [])
