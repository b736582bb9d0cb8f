"""The compact table of keys answers as a dict does."""

from hypothesis import given
from hypothesis import strategies as st

from evalhub.intake import keylines
from evalhub.intake.keylines import KeyLines


def lines_of(keys, table):
    return [table.setdefault(key, line) for line, key in enumerate(keys, start=1)]


@given(st.lists(st.text(max_size=3), max_size=60), st.integers(0, 20))
def test_it_answers_as_a_dict_also_while_it_grows(keys, expected):
    fewest, keylines._FEWEST = keylines._FEWEST, 3
    try:
        table = KeyLines(expected)
    finally:
        keylines._FEWEST = fewest
    assert lines_of(keys, table) == lines_of(keys, {})


def test_as_many_keys_as_were_expected_leave_it_as_large_as_it_was():
    table = KeyLines(5_000)
    size = table._size
    keys = [f"k{n % 5_000}" for n in range(6_000)]
    assert lines_of(keys, table) == lines_of(keys, {})
    assert table._size == size
    assert table.setdefault("one more", 6_001) == 6_001
    assert table._size > size
    assert lines_of(keys, table)[:3] == [1, 2, 3]
