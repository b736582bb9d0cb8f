"""The compressed arrays of a version."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalhub.datasets.packing import KeyIndex, pack, unpack
from evalhub.intake.keylines import key_digests


@given(st.lists(st.integers(-(2**31), 2**31 - 1), max_size=200))
def test_what_is_packed_comes_back(values):
    array = np.array(values, dtype=np.int64)
    assert unpack(pack(array, "i4"), "i4").tolist() == values


@given(st.lists(st.text(max_size=12), unique=True, max_size=60), st.lists(st.text(max_size=12)))
def test_every_key_is_found_at_its_position_and_no_other_key_is(keys, others):
    digests = key_digests(key.encode() for key in keys)
    index = KeyIndex.from_blocks(KeyIndex.build(digests).blocks())
    assert index.find(keys).tolist() == list(range(len(keys)))
    known = {key: position for position, key in enumerate(keys)}
    assert index.find(others).tolist() == [known.get(key, -1) for key in others]


@pytest.mark.parametrize("low", [[3, 5, 7], [7, 5, 3]])
def test_keys_that_share_half_a_digest_are_told_apart(low):
    order = np.argsort(np.array(low))
    index = KeyIndex(
        high=np.array([1, 1, 1], dtype=np.uint64),
        low=np.array(low, dtype=np.uint64)[order],
        positions=order.astype(np.uint32),
    )
    found = index.find_digests(
        np.array([1, 1, 1, 1], dtype=np.uint64), np.array([*low, 4], dtype=np.uint64)
    )
    assert found.tolist() == [0, 1, 2, -1]
