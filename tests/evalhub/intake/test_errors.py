"""The family of refusals: their bodies are those of the REST contract."""

import pytest

from evalhub.errors import (
    Busy,
    Conflict,
    ContentError,
    DomainError,
    FieldError,
    LineError,
    NotAllowed,
    NotFound,
    ShapeError,
    TooLarge,
    TooMany,
)


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (ShapeError, 400, "shape"),
        (NotAllowed, 403, "not_allowed"),
        (NotFound, 404, "not_found"),
        (Conflict, 409, "conflict"),
        (TooLarge, 413, "too_large"),
        (ContentError, 422, "content"),
        (TooMany, 429, "too_many"),
        (Busy, 503, "busy"),
    ],
)
def test_each_refusal_is_one_status_and_has_a_code(error, status, code):
    refusal = error("Not so.")
    assert isinstance(refusal, DomainError)
    assert (refusal.status, refusal.code, str(refusal)) == (status, code, "Not so.")


def test_a_code_can_say_more_than_the_class():
    assert ShapeError("It is empty.", code="empty").code == "empty"


def test_a_body_without_faults_has_the_same_members():
    assert NotFound("There is no such run.").as_dict() == {
        "code": "not_found",
        "detail": "There is no such run.",
        "errors": [],
        "total": 0,
    }


def test_a_body_names_faults_by_line_or_field():
    refusal = ContentError(
        "Two faults.",
        errors=[
            LineError(3, "type", "cost must be a number.", "cost"),
            LineError(4, "nul", "A NUL."),
            FieldError("name", "missing", "name is missing."),
        ],
    )
    assert refusal.as_dict() == {
        "code": "content",
        "detail": "Two faults.",
        "errors": [
            {"line": 3, "field": "cost", "code": "type", "detail": "cost must be a number."},
            {"line": 4, "code": "nul", "detail": "A NUL."},
            {"field": "name", "code": "missing", "detail": "name is missing."},
        ],
        "total": 3,
    }


def test_an_answer_names_the_first_twenty_and_the_total():
    faults = [LineError(line, "nul", "A NUL.") for line in range(1, 31)]
    refusal = ContentError("Many.", errors=faults)
    assert [fault.as_dict()["line"] for fault in refusal.errors] == list(range(1, 21))
    assert refusal.total == 30


@pytest.mark.parametrize("error", [TooMany, Busy])
def test_who_shall_come_back_is_told_when(error):
    assert error("Later.").retry_after == 1
    assert error("Later.", retry_after=30).retry_after == 30
