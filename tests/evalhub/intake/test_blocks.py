"""Reading by the block takes and refuses what reading line by line does. That is the oracle."""

from __future__ import annotations

import hashlib
import json

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from evalhub.errors import ContentError, DomainError
from evalhub.intake import blocks, spool, strict
from evalhub.intake.blocks import ExampleReader
from evalhub.intake.columns import ExampleColumns
from evalhub.intake.keylines import KeyLines
from evalhub.intake.lines import ErrorCollector
from evalhub.intake.reading import read_examples
from evalhub.intake.rows import content_digest
from evalhub.intake.tables import Format


def by_block(body, **how):
    return [
        (row, key, content)
        for block in ExampleReader(**how).blocks(body)
        for row, key, content in zip(block.examples, block.keys, block.contents, strict=True)
    ]


def by_line(body, **how):
    errors = ErrorCollector()
    rows = [row for _, row in read_examples(body, errors, **how)]
    errors.raise_if_any()
    return [(row, row.key.encode(), row.content().encode()) for row in rows]


def outcome(read, body, **how):
    """Return all that a reading says: rows, or the whole of a refusal."""
    try:
        return repr(read(body, **how))
    except DomainError as error:
        return type(error), error.code, error.detail, error.errors, error.total


def assert_alike(body, **how):
    assert outcome(by_block, body, **how) == outcome(by_line, body, **how)


GOOD = b'{"key": "%d", "input": "in: put", "metadata": {"a": 1, "b": true, "c": null}}\n'
LINES = [
    b'{"key": "k", "input": "i"}\n',
    b'{"key": "k", "input": "twice"}\n',
    b'{"key": "1", "key": "2", "input": "i"}\n',
    b'{"key": "3", "input": "i", "input": "j"}\n',
    b'{"key": "4", "input": "i", "metadata": {"a": 1, "a": 2}}\n',
    b'{"key": "4", "input": "i", "metadata": {"a": 1, "a": ":"}}\n',
    b'{"key": "5", "input": "i", "metadata": {"a": 1, "\\u0061": "\\u003a"}}\n',
    b'{"key": "5", "input": "\\u003A", "metadata": {"a": 1, "a": 2}}\n',
    b'{"key": "5", "input": "fine \\u003a"}\n',
    b'{"key": "6", "input": "NUL \\u0000"}\n',
    b'{"key": "6", "input": "text about a NUL \\\\u0000"}\n',
    b'{"key": "7", "input": {"deep": [1.5, {"a": 0.0}]}, "expected_output": 1e-7}\n',
    b'{"key": "7", "input": "i", "metadata": {"a": 1e-400}}\n',
    b'{"key": "7", "input": "i", "metadata": {"a": 1e16}}\n',
    b'{"key": "7", "input": "i", "metadata": {"a": 1e400}}\n',
    b'{"key": "8", "input": 9223372036854775808}\n',
    b'{"key": "8", "input": -9223372036854775809}\n',
    b'{"key": "8", "input": -9223372036854775808}\n',
    b'{"key": "8", "input": [123456789012345678901234567890]}\n',
    b'{"key": "9", "input": %s1%s}\n' % (b"[" * 63, b"]" * 63),
    b'{"key": "9", "input": %s1%s}\n' % (b"[" * 64, b"]" * 64),
    b'{"key": "9", "input": %s1%s}\n' % (b"[" * 5_000, b"]" * 5_000),
    b'{"key": "10", "input": null}\n',
    b'{"key": "10", "input": "i", "expected_output": null, "references": [], "context": null}\n',
    b'{"key": "10", "input": "i", "references": "one", "relevant": {"d": 1, "d": 2}}\n',
    b'{"key": "10", "input": "i", "relevant": {"d": 1}, "references": ["a", "b"]}\n',
    b'{"key": "10", "input": "i", "relevant": {"d": 1.0}}\n',
    b'{"key": "11", "input": "i", "topic": "birds", "metadata": {"topic": 1}}\n',
    b'{"key": "11", "input": "i", "topic": "birds"}\n',
    b'{"key": 11, "input": "i"}\n',
    b'{"key": "", "input": "i"}\n',
    b'{"input": "i"}\n',
    b'{"key": "12", "input": "\\ud83d"}\n',
    b'{"key": "12", "input": "\\ude42\\ud83d\\ude42"}\n',
    b'{"key": "13", "input": "\xff"}\n',
    b'{"key": "13", "in\xffput": "i"}\n',
    b'{"key": "14", "input": "a\0b"}\n',
    b'\xef\xbb\xbf{"key": "15", "input": "after a mark"}\n',
    b'{"key": "16", "input": "i"}, {"key": "17", "input": "j"}\n',
    b'{"key": "18",\n',
    b'"input": "i"}\n',
    b'{"key": "19", "input": "i"}\r\n',
    b'{"key": "20", "input": NaN}\n',
    b"[]\n",
    b"null\n",
    b" \t\r\n",
    b"\x0c\n",
    b"\n",
    '{"key": "ключ", "input": "é 🙂"}\n'.encode(),
]
MANY = [GOOD % at for at in range(5)]


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("before", [0, 1, 3])
def test_each_kind_of_line_is_taken_or_refused_alike(spooled, line, before):
    body = b"".join(GOOD % at for at in range(100, 100 + before)) + line + GOOD % 99
    assert_alike(spooled(body))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(st.sampled_from([GOOD % at for at in range(5)] + LINES), max_size=6), st.booleans()
)
def test_any_lines_in_any_blocks_are_taken_or_refused_alike(spooled, lines, is_one_block):
    body = b"".join(lines) or b"\n"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spool, "BLOCK_BYTES", 2**16 if is_one_block else 30)
        patch.setattr(blocks, "BLOCK_BYTES", 30)
        assert_alike(spooled(body))
        assert_alike(spooled(body), columns=ExampleColumns(key="key"))


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**64), 2**64)
    | st.floats()
    | st.text(st.characters(), max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3)
    ),
    max_leaves=6,
)
MEMBERS = st.lists(
    st.tuples(
        st.sampled_from(["key", "input", "expected_output", "references", "metadata", "x"]), JSON
    ),
    max_size=4,
)


def written(members, escaped):
    inside = ", ".join(
        f"{json.dumps(name)}: {json.dumps(value, ensure_ascii=escaped)}" for name, value in members
    )
    return f"{{{inside}}}\n".encode(errors="surrogatepass")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.tuples(MEMBERS, JSON, st.booleans()), min_size=1, max_size=4))
@example([([("metadata", {"a": 0.0})], "é", True), ([], ["x"], False)])
def test_any_json_is_taken_or_refused_alike(spooled, rows):
    lines = [
        written([("key", f"k{at}"), ("input", value), *members], escaped)
        for at, (members, value, escaped) in enumerate(rows)
    ]
    assert_alike(spooled(b"".join(lines)))


def test_a_very_long_line_is_read_with_care(spooled, monkeypatch):
    monkeypatch.setattr(strict, "SURELY_FEW_CONTAINERS", 40)
    monkeypatch.setattr(strict, "MAX_CONTAINERS", 20)
    assert_alike(spooled(GOOD % 1))
    assert_alike(spooled(b'{"key": "k", "input": [%s[]]}' % (b"[]," * 20)))


def test_a_table_comes_by_the_block_too(spooled):
    table = b"key,input,topic\na,A,x\nb,B,y\nc,C,\n"
    assert_alike(spooled(table), format=Format.CSV)
    assert_alike(spooled(table.replace(b"c,C", b"a,C")), format=Format.CSV)
    assert_alike(spooled(table), format=Format.CSV, columns=ExampleColumns(input="question"))


def test_digests_are_of_keys_and_contents(spooled):
    [block] = ExampleReader().blocks(spooled(GOOD % 1 + GOOD % 2))
    assert block.digests == b"".join(content_digest(text.decode()) for text in block.contents)
    assert block.key_digests == b"".join(
        hashlib.blake2b(key, digest_size=16).digest() for key in (b"1", b"2")
    )


def test_keys_whose_digests_begin_alike_are_still_two(spooled, monkeypatch):
    """The quick look takes them for one, and the careful one is asked."""
    monkeypatch.setattr(blocks, "key_digests", lambda keys: bytes(16) * len(keys))
    assert len(by_block(spooled(GOOD % 1 + GOOD % 2))) == 2
    lines = KeyLines()
    assert [lines.setdefault(key, at) for at, key in enumerate(["1", "2"], 1)] == [1, 2]
    with pytest.raises(ContentError, match="Line 2: Key"):
        by_block(spooled(GOOD % 1 + GOOD % 1))


def test_a_refusal_that_the_careful_reading_does_not_share_is_no_loss_of_rows(
    spooled, monkeypatch
):
    def refuse(*_):
        raise ContentError("No.")

    monkeypatch.setattr(blocks, "_block_of", refuse)
    with pytest.raises(ContentError, match="No"):
        by_block(spooled(GOOD % 1))
