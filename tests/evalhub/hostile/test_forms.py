"""Hostile forms and files at every page that changes something: a sentence, and nothing stored."""

from __future__ import annotations

import json

import pytest

from tests import hostile
from tests.evalhub.hostile.doors import (
    EXAMPLE,
    FORMS,
    TAKES_NO_FIELDS,
    URLENCODED,
    broken_tables,
    upload,
)
from tests.factories import jsonl

MULTIPART = "multipart/form-data; boundary=x"


@pytest.mark.parametrize("name", FORMS)
def test_what_people_type_is_taken_or_refused_and_never_a_failure(knock_at, name):
    knock = knock_at(name)
    places = [*knock.good] or ["unheard_of"]
    for number, typed in enumerate(hostile.TYPED):
        for place in hostile.sampled(places, number, every=max(3, len(places) // 2)):
            knock.form(f"{place} = {typed[:20]!r}", {**knock.good, place: typed}, must=False)
    assert knock.faults() == []


@pytest.mark.parametrize("name", sorted({*FORMS} - TAKES_NO_FIELDS))
def test_nul_in_a_field_that_counts_is_refused(knock_at, name):
    knock = knock_at(name)
    for place in knock.good:
        knock.form(place, {**knock.good, place: "a\0b"}, must=place not in TOLERANT)
    assert knock.faults() == []


# A tick is a tick whatever its value, and where to go on is passed over if there is no such place.
TOLERANT = {"show_reference", "next"}


def many_files(number: int) -> bytes:
    part = b'--x\r\nContent-Disposition: form-data; name="f"; filename="%d"\r\n\r\na\r\n'
    return b"".join(part % n for n in range(number)) + b"--x--\r\n"


# Each as a body and its type. The first are no forms at all, and where no field is asked for
# they do no harm; the others are refused whatever is asked for.
EMPTY_FORMS = {
    "nothing": (b"", URLENCODED),
    "JSON": (b'{"role": "lead"}', "application/json"),
    "bytes": (b"\xff\xfe\0" * 100, URLENCODED),
    "names alone": (b"a&b&c", URLENCODED),
}
BROKEN_FORMS = {
    "1,001 fields": (b"&".join(b"a=%d" % n for n in range(1_001)), URLENCODED),
    "no boundary": (b"--x", "multipart/form-data"),
    "a strange boundary": (b"--x", "multipart/form-data; boundary=\xff"),
    "101 files": (many_files(101), MULTIPART),
    "a long field": (b"a=" + b"x" * (3 * hostile.MIB), URLENCODED),
    "another charset": (b"role=lead", f"{URLENCODED}; charset=utf-16"),
}


@pytest.mark.parametrize("name", FORMS)
def test_a_form_that_is_none_changes_nothing(knock_at, name):
    knock = knock_at(name)
    for what, (body, kind) in EMPTY_FORMS.items():
        knock.raw_form(what, body, kind, must=name not in TAKES_NO_FIELDS)
    for what, (body, kind) in BROKEN_FORMS.items():
        knock.raw_form(what, body, kind)
    assert knock.faults() == []


def broken_files() -> dict[str, bytes]:
    bad_line = jsonl(EXAMPLE).encode() + b'{"key": "\\ud800", "input": "?"}\n'
    tables = {f"{what}.csv": body for what, body in broken_tables().items()}
    texts = hostile.broken_texts(json.dumps(EXAMPLE).encode())
    del texts["an unknown member"]  # it is a column, and the next page asks what it means
    packed = hostile.broken_gzips(jsonl(EXAMPLE).encode())
    del packed["no gzip"]  # nothing but its name says that it should be
    return {**tables, **texts, "a bad line": bad_line, **packed}


def test_an_uploaded_file_that_is_none_makes_no_dataset(knock_at):
    knock = knock_at("datasets:upload")
    for what, content in broken_files().items():
        fields = {"name": "tides", "dataset": "", "file": upload(content, what)}
        knock.form(what, fields, must=what not in SEEN_LATER)
    assert knock.faults() == []


# Whether the rest of a file is good is seen when its columns have been named.
SEEN_LATER = {
    "no key.csv": ["input"],
    "deep metadata.csv": ["key", "input", "metadata"],
    "half a pair.csv": ["key", "input", "metadata"],
    "NaN.csv": ["key", "input", "metadata"],
}


@pytest.mark.parametrize("what", SEEN_LATER)
def test_a_file_that_looks_good_at_first_makes_no_dataset_either(world, knock_at, what):
    token = world.upload_of(world.people["owner"], broken_files()[what])
    knock = knock_at("datasets:upload_columns", token=token)
    named = {f"column_{number}": role for number, role in enumerate(SEEN_LATER[what])}
    knock.form(what, {"mode": "replace", "cluster": "", "notes": "", **named})
    assert knock.faults() == []


@pytest.mark.parametrize(
    "filename", ["\0", "a\0.csv", "../../x.csv", "x" * 1_000, "\u202e.csv", "", "é\udcff", "<b>"]
)
def test_a_file_may_have_any_name(knock_at, filename):
    knock = knock_at("datasets:upload")
    part = (
        b'--x\r\nContent-Disposition: form-data; name="name"\r\n\r\ntides\r\n--x\r\n'
        b'Content-Disposition: form-data; name="file"; filename="%s"\r\n\r\n%s\r\n--x--\r\n'
    ) % (filename.encode("utf-8", "surrogatepass"), jsonl(EXAMPLE).encode())
    answer = knock.raw_form(ascii(filename), part, MULTIPART, must=False)
    if answer.status_code == 302:
        assert knock.client.get(answer["Location"]).status_code == 200
    assert knock.faults() == []
