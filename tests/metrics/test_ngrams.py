"""Shared n-grams counted by sorting, against counting them one by one."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.overlap import ngrams
from metrics.overlap.ngrams import blocks, clipped_matches, encode_characters, encode_tokens

words = st.text(alphabet="abé漢😀", max_size=12) | st.text(
    alphabet=[chr(code) for code in range(300, 400)], max_size=60
)
rows = st.integers(2, 4).flatmap(
    lambda sides: st.lists(st.tuples(*[words] * sides), min_size=1, max_size=6)
)


def counted(text, order):
    return Counter(text[start : start + order] for start in range(len(text) - order + 1))


def one_by_one(row, order):
    output, *references = row
    best: Counter[str] = Counter()
    for reference in references:
        best |= counted(reference, order)
    return (counted(output, order) & best).total()


def matches_of(texts, order, encode=encode_characters):
    return clipped_matches(encode(list(zip(*texts, strict=True))), order=order).tolist()


@given(rows, st.integers(1, 6))
def test_counts_by_sorting_are_counts_one_by_one(texts, order):
    expected = [[one_by_one(row, n) for n in range(1, order + 1)] for row in texts]

    assert matches_of(texts, order) == expected
    assert matches_of(texts, order, encode_tokens) == expected


@pytest.mark.parametrize("bits", [4, 8, 12])
@given(texts=rows, order=st.integers(1, 4))
def test_keys_too_narrow_for_the_alphabet_change_no_count(bits, texts, order):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ngrams, "_KEY_BITS", bits)
        counts = matches_of(texts, order)

    assert counts == [[one_by_one(row, n) for n in range(1, order + 1)] for row in texts]


def test_a_text_with_more_letters_than_a_key_holds_is_counted_exactly():
    many = "".join(map(chr, range(0x4E00, 0x4E00 + 1500)))

    assert matches_of([(many, many), ("ab", "ab")], 6) == [
        [1500, 1499, 1498, 1497, 1496, 1495],
        [2, 1, 0, 0, 0, 0],
    ]


def test_blocks_hold_every_row_once_and_little_each():
    assert list(blocks([], most=10)) == []
    assert list(blocks([4, 4, 4, 99, 1], most=10)) == [
        slice(0, 2),
        slice(2, 3),
        slice(3, 4),
        slice(4, 5),
    ]
    assert list(blocks([0] * 260, most=10)) == [slice(0, 128), slice(128, 256), slice(256, 260)]
