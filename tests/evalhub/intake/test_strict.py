"""What one JSON text may be. The oracle is the standard library's decoder with every check."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from evalhub.errors import DomainError, ShapeError, TooLarge
from evalhub.intake import strict
from metrics.structured.strict_json import INT64_HIGH, INT64_LOW, NotJsonError, read_json
from tests.evalhub.intake.bounds import bounded


def code_of(text: bytes) -> str:
    with pytest.raises(ShapeError) as refused:
        strict.decode(text)
    assert refused.value.detail.endswith(".")
    return refused.value.code


def nested(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


@pytest.mark.parametrize(
    "text",
    [
        b'{"a": 1, "b": [true, null, "x: y", 0.5, -0.0], "c": {"d": {}}}',
        b'{"a" : 1, "b"\t:2}',
        '{"ключ": "ответ", "emoji": "🙂"}'.encode(),
        b'"\\ud83d\\ude42 \\u00e9 \\u003a \\u000a"',
        b'"\\\\u0000 is text about a NUL"',
        b'{"a:b": ":", "c": "\\":"}',
        b"9223372036854775807",
        b"-9223372036854775808",
        b"0e-400",
        b"0.0000",
        b"1.7976931348623157e308",
        b"5e-324",
        b" \t[1]\r\n",
        nested(64),
        b'{"a": ' + nested(63) + b"}",
        b'"\x7f \xef\xbb\xbf"',
    ],
)
def test_good_json_has_the_value_that_the_standard_library_gives(text):
    value = strict.decode(text)
    assert value == json.loads(text)
    assert repr(value) == repr(json.loads(text))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b'"a\0b"', "nul"),
        (b'"a\\u0000b"', "nul"),
        (b'{"a\\u0000": 1}', "nul"),
        (b'[["\\u0000"]]', "nul"),
        (b'"\\ud83d"', "surrogate"),
        (b'"\\ude42\\ud83d"', "surrogate"),
        (b'{"a": {"\\uDC00": 1}}', "surrogate"),
        (b'{"a": 1, "a": 2}', "duplicate_member"),
        (b'{"a": 1, "\\u0061": 2}', "duplicate_member"),
        (b'{"a": 1, "a" : 2}', "duplicate_member"),
        (b'{"a": ":", "a": 2}', "duplicate_member"),
        (b'{"x": [{"y": {"a": 1, "a": 1}}]}', "duplicate_member"),
        (b'{"a": 1, "a": 2, "b": "\\u003a"}', "duplicate_member"),
        (b'{"a": 1, "a": 2, "b": "\\u003A"}', "duplicate_member"),
        (b"NaN", "not_finite"),
        (b"[Infinity]", "not_finite"),
        (b'{"a": -Infinity}', "not_finite"),
        (b"1e999", "not_finite"),
        (b"-1e999", "not_finite"),
        (b"1" * 400 + b".5", "not_finite"),
        (b"1e-400", "underflow"),
        (b"-1E-400", "underflow"),
        (b"0." + b"0" * 400 + b"1", "underflow"),
        (b"9223372036854775808", "integer_range"),
        (b"[-9223372036854775809]", "integer_range"),
        (b"1" * 400, "integer_range"),
        (b"1" * 5000, "integer_range"),
        (nested(65), "depth"),
        (b'{"a": ' * 65 + b"1" + b"}" * 65, "depth"),
        (b"[" * 64 + b"{}" + b"]" * 64, "depth"),
        (b"\xef\xbb\xbf{}", "bom"),
        (b'"\xff"', "not_utf8"),
        (b'"\xed\xa0\x80"', "not_utf8"),
        (b'"\xc0\x80"', "not_utf8"),
        ("é".encode("latin-1"), "not_utf8"),
        ('{"a": 1}'.encode("utf-16"), "not_utf8"),
        ('{"a": 1}'.encode("utf-16-be"), "nul"),
        (b"", "not_json"),
        (b"{", "not_json"),
        (b"{'a': 1}", "not_json"),
        (b'{"a": 1,}', "not_json"),
        (b'"tab\there"', "not_json"),
        (b"01", "not_json"),
        (b"{} {}", "not_json"),
        (b'"unterminated', "not_json"),
        (b'"\\x41"', "not_json"),
    ],
)
def test_what_cannot_be_stored_or_given_back_is_refused_with_its_code(text, code):
    assert code_of(text) == code


def test_sentences_say_what_and_where():
    def sentence(text: bytes) -> str:
        with pytest.raises(ShapeError) as refused:
            strict.decode(text)
        return refused.value.detail

    assert sentence(b'{"a": 1 "b"}') == "This is not JSON (character 9): expecting ',' delimiter."
    assert sentence(b'{"a": 1, "a": 1}') == 'An object names "a" twice; keep one.'
    assert sentence(b'"ab\xff"') == ("This is not UTF-8: byte 0xFF at byte 4. Save it as UTF-8.")
    assert "UTF-16" in sentence("{}".encode("utf-16"))
    assert sentence(b"1" * 400).count("1") == 40


def test_a_text_of_hostile_names_is_shortened_in_the_sentence():
    with pytest.raises(ShapeError) as refused:
        strict.decode(b'{"%s": 1, "%s": 2}' % (b"n" * 10_000, b"n" * 10_000))
    assert len(refused.value.detail) < 200


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"[" * 100_000, "depth"),
        (b'{"a":' * 100_000, "depth"),
        (b"[" * 100_000 + b"]" * 100_000, "depth"),
        (b"1" * 2**24, "integer_range"),
        (b"1" * 2**24 + b".0", "not_finite"),
        (b'"' + b"a" * 2**24, "not_json"),
        (b"[" + b"[]," * (5 * 2**20) + b"[]]", "too_many_values"),
        (b"{" + b'"a":1,' * 2**20 + b'"a":1}', "duplicate_member"),
    ],
    ids=["lists", "objects", "closed", "digits", "float", "open text", "brackets", "members"],
)
def test_hostile_texts_are_refused_quickly(text, code):
    with bounded(seconds=5):
        assert code_of(text) == code


def test_brackets_inside_texts_are_not_counted():
    text = json.dumps({"code": "[]" * strict.MAX_CONTAINERS + '\\"[{'}).encode()
    assert strict.decode(text) == json.loads(text)


def test_zeros_are_not_taken_for_underflow():
    values = {"cost": 0.0, "note": "state-of-the-art", "n": [0.0] * 1000}
    assert strict.decode(json.dumps(values).encode()) == values


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(min_value=INT64_LOW, max_value=INT64_HIGH)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@pytest.mark.no_cover
@given(json_values, st.booleans(), st.sampled_from([None, 1, "\t"]))
def test_every_value_we_can_store_comes_through_unchanged(value, ascii_only, indent):
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode()
    assert repr(strict.decode(text)) == repr(value)


TOKENS = rb"""{ } [ ] , : " \ "a" "a": "b":1 ":" 0.0 -1 1e-400 1e999 0e-5 9223372036854775808
    null NaN \u0000 \u003a \u0061 \ud83d \ude42""".split()
ODD_BYTES = [b"\xff", b"\0", b"\t", b"\n", b" ", b'"a" :', *(c.encode() for c in "é🙂\ufeff")]
PIECES = st.lists(st.sampled_from([*TOKENS, *ODD_BYTES])).map(b"".join)
MEMBERS = st.tuples(
    st.sampled_from([b'"a"', b'"b"', b'"a:"', rb'"\u0061"']),
    st.sampled_from([b":", b": ", b" :", b"\t:\n"]),
    st.sampled_from(
        rb""""x" ":" "\":" "\u003a" "\u0000" "\ud83d\ude42" "\ud83d" 0.0 1e-400 -0 1.5E-3
        {"a":1} {"a":1,"a":2} [] [{"a":1,"a":1}] 9223372036854775808 true NaN""".split()
    ),
).map(b"".join)
OBJECTS = st.lists(MEMBERS, max_size=4).map(lambda members: b"{" + b",".join(members) + b"}")


def dumped(value: object) -> bytes:
    return json.dumps(value).encode()


def exact_answer(text: bytes) -> str:
    try:
        return repr(strict._decode_exactly(text))
    except ShapeError as error:
        return error.code


def answer(text: bytes) -> str:
    try:
        return repr(strict.decode(text))
    except ShapeError as error:
        return error.code


@pytest.mark.no_cover
@settings(max_examples=1_000)
@given(st.one_of(OBJECTS, PIECES, st.binary(max_size=60)))
@example(b'{"a":1,"a" :2}')
@example(b'{"a":"\\u003a","a":1}')
@example(b'{"a":"x\\":","b":1,"b":2}')
def test_the_fast_way_and_the_exact_way_never_differ(text):
    assert answer(text) == exact_answer(text)


@settings(max_examples=200)
@given(st.one_of(OBJECTS, PIECES.map(lambda text: b"[" + text + b"]"), json_values.map(dumped)))
@example(nested(64))
@example(nested(65))
@example(nested(100_000))
@example(b'["\\ud83d", {"\\u0000": 1}]')
@example(b"[" + b"9" * 400 + b"]")
def test_metrics_read_in_a_text_what_this_door_lets_in(text):
    characters = text.decode(errors="replace")
    try:
        read = repr(read_json(characters))
    except NotJsonError:
        read = None
    try:
        let_in = repr(strict.decode(characters.encode()))
    except ShapeError:
        let_in = None

    assert read == let_in


@settings(max_examples=500)
@given(st.one_of(OBJECTS, PIECES, st.binary()))
def test_any_bytes_give_a_value_or_a_refusal(body):
    try:
        value = strict.strict_json(body)
    except DomainError:
        return
    # What came in can be given back, and stored on either database.
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    assert "\0" not in text
    assert repr(json.loads(text.encode())) == repr(value)


class TestJsonBodies:
    def test_a_byte_order_mark_may_start_the_body(self):
        assert strict.strict_json(b'\xef\xbb\xbf{"name": "qa"}') == {"name": "qa"}

    @pytest.mark.parametrize("body", [b"", b" \r\n", b"\xef\xbb\xbf"])
    def test_an_empty_body_is_refused(self, body):
        with pytest.raises(ShapeError) as refused:
            strict.strict_json(body)
        assert refused.value.code == "empty"

    def test_a_body_over_the_limit_is_refused(self):
        assert strict.strict_json(b'"ab"', max_bytes=4) == "ab"
        with pytest.raises(TooLarge):
            strict.strict_json(b'"abc"', max_bytes=4)


def test_decoding_a_long_line_takes_a_few_times_its_size_in_memory():
    text = b'{"output": "' + b"word " * (3 * 2**20) + b'"}'
    with bounded(seconds=2, memory=3 * len(text)):
        strict.decode(text)
