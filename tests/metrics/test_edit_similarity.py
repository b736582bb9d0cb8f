"""Edit similarity against a table filled cell by cell, and a published distance."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.overlap.edit_similarity import EditSimilarity
from tests.metrics.texts import batch, expecting

short = st.text(alphabet="abİ漢", max_size=8)


def distance(output: str, reference: str) -> int:
    """Wagner and Fischer 1974."""
    above = list(range(len(reference) + 1))
    for i, letter in enumerate(output, start=1):
        row = [i]
        for j, other in enumerate(reference, start=1):
            row.append(min(above[j] + 1, row[-1] + 1, above[j - 1] + (letter != other)))
        above = row
    return above[-1]


@given(short, st.lists(short, min_size=1, max_size=3))
def test_values_are_those_of_the_table(output, references):
    (value,) = EditSimilarity().score(batch([output], [references])).values

    assert value == pytest.approx(
        max(
            1 - distance(output, reference) / (max(len(output), len(reference)) or 1)
            for reference in references
        )
    )


def test_kitten_and_sitting_have_their_distance():
    assert distance("kitten", "sitting") == 3
    assert EditSimilarity().score(expecting(["kitten"], ["sitting"])).values[0] == 4 / 7


def test_case_is_ignored_on_request():
    examples = expecting([" CAT", None], ["cat", ""])

    assert EditSimilarity().score(examples).values.tolist() == [0.0, 0.0]
    assert EditSimilarity(ignore_case=True).score(examples).values.tolist() == [1.0, 0.0]
