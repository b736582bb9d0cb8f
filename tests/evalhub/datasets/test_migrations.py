"""Key indexes of before become blocks that say the same."""

from importlib import import_module

import numpy as np
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from evalhub.datasets.packing import KeyIndex
from evalhub.intake.keylines import key_digests

digests_in_order = import_module(
    "evalhub.datasets.migrations.0003_split_key_indexes"
).digests_in_order


@given(st.lists(st.text(max_size=5), unique=True, max_size=20))
def test_an_index_of_before_is_read_in_the_order_of_positions(keys):
    digests = key_digests(key.encode() for key in keys)
    index = KeyIndex.build(digests)
    before = zstandard.compress(
        index.high.astype("<u8").tobytes()
        + index.low.astype("<u8").tobytes()
        + index.positions.astype("<u4").tobytes()
    )
    assert digests_in_order(before) == digests
    assert KeyIndex.build(digests).find(keys).tolist() == np.arange(len(keys)).tolist()
