"""From a real WSGI request to its body, whatever its headers say."""

from __future__ import annotations

import gzip
import io

import pytest
from django.core.handlers.wsgi import WSGIRequest
from django.test import RequestFactory

from evalhub.errors import ShapeError, TooLarge
from evalhub.intake.http import bulk_format, read_json, spool_body
from evalhub.intake.spool import OUTPUTS
from evalhub.intake.tables import Format


def request(body: bytes, **headers) -> WSGIRequest:
    return RequestFactory().generic("POST", "/", body, "application/json", **headers)


def chunked(body: bytes, **environ) -> WSGIRequest:
    given = {
        "REQUEST_METHOD": "POST",
        "HTTP_TRANSFER_ENCODING": "chunked",
        "wsgi.input": io.BytesIO(body),
        "wsgi.input_terminated": True,
    }
    return WSGIRequest(given | environ)


def code_of(function, *arguments, **how):
    with pytest.raises((ShapeError, TooLarge)) as refused:
        function(*arguments, **how)
    return refused.value.code


def spooled_body(made, folder):
    with spool_body(made, folder=folder, limits=OUTPUTS) as spool:
        return b"".join(spool)


class TestBulkBodies:
    def test_a_plain_body_is_received(self, tmp_path):
        assert spooled_body(request(b"{}\n"), tmp_path) == b"{}\n"
        assert (
            spooled_body(request(b"{}\n", HTTP_CONTENT_ENCODING="identity"), tmp_path) == b"{}\n"
        )

    @pytest.mark.parametrize("encoding", ["gzip", "GZIP", "x-gzip"])
    def test_a_packed_body_is_unpacked(self, tmp_path, encoding):
        packed = request(gzip.compress(b"{}\n"), HTTP_CONTENT_ENCODING=encoding)
        assert spooled_body(packed, tmp_path) == b"{}\n"

    def test_a_chunked_body_without_a_length_is_received(self, tmp_path):
        assert spooled_body(chunked(b"{}\n"), tmp_path) == b"{}\n"

    def test_a_chunked_body_that_the_server_does_not_end_is_empty(self, tmp_path):
        endless = chunked(b"{}\n", **{"wsgi.input_terminated": False})
        assert code_of(spooled_body, endless, tmp_path) == "empty"

    @pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, gzip"])
    def test_another_encoding_is_refused(self, tmp_path, encoding):
        made = request(b"{}\n", HTTP_CONTENT_ENCODING=encoding)
        assert code_of(spooled_body, made, tmp_path) == "encoding"

    def test_a_declared_length_over_the_limit_is_refused(self, tmp_path):
        made = request(b"{}\n", CONTENT_LENGTH=str(OUTPUTS.packed + 1))
        assert code_of(spooled_body, made, tmp_path) == "too_large"

    @pytest.mark.parametrize(
        ("content_type", "expected"),
        [
            ("application/x-ndjson", Format.JSONL),
            ("application/jsonl; charset=utf-8", Format.JSONL),
            ("Text/CSV", Format.CSV),
        ],
    )
    def test_the_content_type_says_what_rows_are(self, content_type, expected):
        made = RequestFactory().generic("POST", "/", b"a", content_type)
        assert bulk_format(made) is expected

    @pytest.mark.parametrize("content_type", ["", "application/json", "multipart/form-data"])
    def test_another_content_type_is_refused(self, content_type):
        made = RequestFactory().generic("POST", "/", b"a", content_type)
        assert code_of(bulk_format, made) == "content_type"


class TestJsonBodies:
    def test_an_object_is_read(self):
        assert read_json(request(b'{"name": "qa"}')) == {"name": "qa"}
        assert read_json(chunked(b'{"name": "qa"}')) == {"name": "qa"}

    @pytest.mark.parametrize("body", [b"[]", b"null", b'"name"'])
    def test_another_value_is_refused(self, body):
        assert code_of(read_json, request(body)) == "shape"

    def test_an_empty_body_is_refused_where_one_is_needed(self):
        assert code_of(read_json, request(b"")) == "empty"
        assert code_of(read_json, chunked(b" ")) == "empty"
        assert read_json(request(b" "), optional=True) == {}

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            (b'{"a": 1, "a": 2}', "duplicate_member"),
            (b"{", "not_json"),
            (b'{"a": NaN}', "not_finite"),
        ],
    )
    def test_it_is_as_strict_as_a_line(self, body, code):
        assert code_of(read_json, request(body)) == code

    def test_a_body_over_the_limit_is_refused(self):
        body = b'{"a": "%s"}' % (b"x" * 100)
        assert code_of(read_json, request(body), max_bytes=99) == "too_large"
        assert code_of(read_json, chunked(body), max_bytes=99) == "too_large"

    def test_a_body_shorter_than_its_length_is_refused(self):
        made = request(b"{}")
        made.META["CONTENT_LENGTH"] = "3"
        assert code_of(read_json, made) == "truncated"

    def test_a_connection_that_breaks_is_refused(self):
        class Broken(io.BytesIO):
            def read(self, size: int | None = -1, /) -> bytes:
                raise ConnectionResetError

        made = chunked(b"")
        made.META["wsgi.input"] = Broken()
        assert code_of(read_json, made) == "truncated"

    def test_an_encoding_is_refused(self):
        assert code_of(read_json, request(b"{}", HTTP_CONTENT_ENCODING="gzip")) == "encoding"

    @pytest.mark.parametrize("length", ["", "abc", "²", "9" * 30, "-1"])
    def test_a_length_that_is_no_number_is_not_believed(self, length):
        made = request(b"{}")
        made.META["CONTENT_LENGTH"] = length
        assert read_json(made) == {}
