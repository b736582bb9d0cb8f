"""Cursors, limits and the answers to what went wrong, shared by all of REST."""

import base64
import json

import psycopg
import pytest
from django.core.exceptions import PermissionDenied, RequestDataTooBig, TooManyFieldsSent
from django.db import OperationalError
from django.http import Http404, UnreadablePostError
from django.test import RequestFactory
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.exceptions import MethodNotAllowed, NotAcceptable, NotAuthenticated
from rest_framework.request import Request

from evalhub.api import (
    decode_cursor,
    decode_whole_number,
    encode_cursor,
    handle_exception,
    page_limit,
)
from evalhub.errors import ShapeError, TooMany


def request_of(query):
    return Request(RequestFactory().get(f"/?{query}"))


def packed(text):
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


class TestLimits:
    @pytest.mark.parametrize(
        ("query", "limit"), [("", 50), ("limit=1", 1), ("limit=1000", 1_000), ("limit=007", 7)]
    )
    def test_a_limit_is_a_number_from_1_to_1000(self, query, limit):
        assert page_limit(request_of(query)) == limit

    @pytest.mark.parametrize(
        "limit",
        [
            *("", "0", "1001", "-1", "1.0", "1e2", "x", "%00", "²", "٣"),
            "9" * 30,
            "0" * 5_000 + "1",
            "00000000199999999",
        ],
    )
    def test_another_is_refused(self, limit):
        with pytest.raises(ShapeError, match="from 1 to 1000"):
            page_limit(request_of(f"limit={limit}"))


class TestCursors:
    @given(
        st.recursive(
            st.none()
            | st.integers(-(2**63), 2**63)
            | st.floats(allow_nan=False, allow_infinity=False)
            | st.text("abcdefghijklmnopqrstuvwxyz0123456789_"),
            lambda inner: st.lists(inner, max_size=4),
        )
    )
    def test_what_was_given_out_comes_back(self, value):
        assert decode_cursor(encode_cursor(value)) == value

    def test_none_starts_at_the_beginning(self):
        assert decode_cursor(None) is None
        assert decode_whole_number("") is None

    @pytest.mark.parametrize(
        "cursor",
        [
            "!",
            "é",
            "a",
            "=",
            "\0",
            packed("{"),
            packed("[" * 100_000),
            packed("9" * 5_000),
            packed("NaN"),
            packed("[Infinity]"),
            packed('{"a": -Infinity}'),
            packed("1e999"),
            packed('"\\u0000"'),
            packed('["\\ud800"]'),
            packed('"é"'),
            packed("\0"),
            base64.urlsafe_b64encode(b"\xff\xfe").decode(),
        ],
        ids=lambda text: ascii(text)[:20],
    )
    def test_what_was_not_given_out_is_refused(self, cursor):
        with pytest.raises(ShapeError, match="cursor is not one"):
            decode_cursor(cursor)

    @pytest.mark.parametrize("value", ["1", "-1", "1.0", "true", "null", "[1]", str(2**63)])
    def test_a_whole_number_is_one_of_63_bits(self, value):
        if value in ("1", "null"):
            assert decode_whole_number(packed(value)) == json.loads(value)
            return
        with pytest.raises(ShapeError, match="cursor is not one"):
            decode_whole_number(packed(value))


def caused(cause):
    """Return what Django makes of a driver's failure."""
    raised = OperationalError(str(cause))
    raised.__cause__ = cause
    return raised


class TestAnswers:
    @pytest.mark.parametrize(
        ("raised", "status", "code"),
        [
            (Http404("secret"), 404, "not_found"),
            (PermissionDenied("secret"), 403, "not_allowed"),
            (RequestDataTooBig("secret"), 413, "too_large"),
            (TooManyFieldsSent("secret"), 400, "shape"),
            (UnreadablePostError("secret"), 400, "truncated"),
            (OperationalError("database is locked: secret"), 503, "busy"),
            (OperationalError("deadlock detected: secret"), 503, "busy"),
            (OperationalError("canceling statement due to lock timeout"), 503, "busy"),
            (OperationalError("database or disk is full: secret"), 503, "busy"),
            (caused(psycopg.OperationalError("secret: connection refused")), 503, "busy"),
            (caused(psycopg.errors.AdminShutdown("secret")), 503, "busy"),
            (caused(psycopg.errors.DiskFull("secret")), 503, "busy"),
            (caused(psycopg.errors.ProgramLimitExceeded("secret")), 500, "internal"),
            (TooMany("Later.", retry_after=30), 429, "too_many"),
            (NotAuthenticated(), 401, "unauthenticated"),
            (MethodNotAllowed("PATCH"), 405, "method"),
            (NotAcceptable(), 406, "request"),
            (OperationalError("no such table: secret"), 500, "internal"),
            (ValueError("secret"), 500, "internal"),
        ],
        ids=lambda value: str(value)[:40],
    )
    def test_each_has_a_status_a_code_and_a_sentence(self, raised, status, code):
        answer = handle_exception(raised, {})
        assert (answer.status_code, answer.data["code"]) == (status, code)
        assert answer.data["detail"].endswith(".")
        assert answer.data["errors"] == []
        assert "secret" not in answer.data["detail"]

    def test_who_is_told_to_come_later_is_told_when(self):
        assert handle_exception(TooMany("Later.", retry_after=30), {})["Retry-After"] == "30"
        assert handle_exception(OperationalError("database is locked"), {})["Retry-After"] == "2"
