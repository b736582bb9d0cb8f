"""Questions as they stand on the desk, and the answers that a form says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Protocol, TypeAlias

from labeling.models import Question
from labeling.questions import (
    Answer,
    AnswerError,
    Value,
    applies,
    is_number,
    mirrored,
    read_answer,
)
from labeling.questions.answers import MAX_ANSWER_TEXT

Kind = Question.Kind
# What a form holds, by the name of the control; a control may be ticked more than once.
Fields: TypeAlias = Mapping[str, Sequence[str]]

CANNOT_JUDGE: Final = "na"
LONGEST_NUMBER: Final = 40  # characters
NOTHING_SAID: Final = "Answer at least one question, or skip this one."
MISSING: Final = "No answer yet. Choose n/a if it cannot be judged."
NO_NUMBER: Final = "This is no number; write it as 8 or 8.5."
_CANNOT: Final = object()


class Sent(Protocol):
    """A form as it arrives."""

    def getlist(self, name: str, /) -> list[str]: ...


def field_of(question: Question) -> str:
    """Return the name of a question's control."""
    return f"q{question.order}"


def is_of_options(question: Question) -> bool:
    """Say whether one of its options is chosen, so that "cannot judge" stands among them."""
    return bool(question.options) and question.kind != Kind.CHOICES


# Fields


def fields_sent(questions: Sequence[Question], sent: Sent) -> dict[str, list[str]]:
    """Return what a form says of these questions, in a shape that every database can hold.

    Options travel as their place among the options of the question, so no value needs escaping.
    """
    fields: dict[str, list[str]] = {}
    for question in questions:
        name = field_of(question)
        if question.options:
            tokens = _tokens(question)
            said = [token for token in sent.getlist(name) if token in tokens]
            said = said if question.kind == Kind.CHOICES else said[-1:]
        else:
            # One more than is allowed stays, so that the refusal can say so.
            most = 1 + (MAX_ANSWER_TEXT if question.is_words else LONGEST_NUMBER)
            said = [text for text in map(_text, sent.getlist(name)[-1:]) if text]
            said = [text[:most] for text in said]
        if said:
            fields[name] = said
        if not is_of_options(question) and sent.getlist(f"{name}-{CANNOT_JUDGE}"):
            fields[f"{name}-{CANNOT_JUDGE}"] = ["on"]
    return fields


def fields_of(
    questions: Sequence[Question], answers: Mapping[str, Answer], *, is_swapped: bool = False
) -> dict[str, list[str]]:
    """Return the fields of a form that says these answers; options that are gone are left out."""
    fields: dict[str, list[str]] = {}
    for question in questions:
        if question.name in answers:
            answer = answers[question.name]
            answer = mirrored(answer) if is_swapped and _has_sides(question) else answer
            fields |= _fields_of(question, answer)
    return fields


def _fields_of(question: Question, answer: Answer) -> dict[str, list[str]]:
    name = field_of(question)
    if answer is None:
        is_option = is_of_options(question)
        return {name: [CANNOT_JUDGE]} if is_option else {f"{name}-{CANNOT_JUDGE}": ["on"]}
    if not question.options:
        return {name: [answer if isinstance(answer, str) else repr(answer)]}
    values = [option["value"] for option in question.options]
    chosen = answer if isinstance(answer, list) else [answer]
    tokens = [str(values.index(value)) for value in chosen if value in values]
    return {name: tokens} if tokens else {}


def carried_over(
    fields: Fields, old: Sequence[Question], new: Sequence[Question]
) -> dict[str, list[str]]:
    """Return what a form under old questions says to new ones that mean the same."""
    before = {question.meaning: field_of(question) for question in old}
    carried: dict[str, list[str]] = {}
    for question in new:
        name, was = field_of(question), before.get(question.meaning)
        for end in ("", f"-{CANNOT_JUDGE}"):
            if was is not None and (said := fields.get(f"{was}{end}")):
                carried[f"{name}{end}"] = list(said)
    return carried


def _tokens(question: Question) -> set[str]:
    tokens = {str(at) for at in range(len(question.options))}
    return tokens | {CANNOT_JUDGE} if is_of_options(question) else tokens


def _text(given: str) -> str:
    # Browsers send line ends as CRLF; databases cannot hold NUL.
    return given.replace("\r\n", "\n").replace("\0", "")


# Answers


def answers_in(
    questions: Sequence[Question], fields: Fields, *, is_swapped: bool = False
) -> tuple[dict[str, Answer], dict[str, str]]:
    """Return the answers that a form says, and what is wrong with it as {control: sentence}.

    Questions that its own answers do not call for are not read. Of a pair that was shown with
    its second output first (`is_swapped`), answers come out as they are of the pair itself.
    """
    answers: dict[str, Answer] = {}
    errors: dict[str, str] = {}
    for question in questions:
        if not applies(question, answers):
            continue
        try:
            answers |= answer_in(question, fields, is_swapped=is_swapped)
        except AnswerError as error:
            errors[field_of(question)] = str(error)
    if not answers and not errors:
        errors[""] = NOTHING_SAID
    return answers, errors


def said_in(
    questions: Sequence[Question], fields: Fields, *, is_swapped: bool = False
) -> tuple[dict[str, Answer], dict[str, str]]:
    """Return what a form says of any of these questions, whether or not others are answered."""
    answers: dict[str, Answer] = {}
    errors: dict[str, str] = {}
    for question in questions:
        name = field_of(question)
        words = fields.get(name, ())
        if any(word.strip() for word in words) or fields.get(f"{name}-{CANNOT_JUDGE}"):
            try:
                answers |= answer_in(question, fields, is_swapped=is_swapped)
            except AnswerError as error:
                errors[name] = str(error)
    return answers, errors


def answer_in(
    question: Question, fields: Fields, *, is_swapped: bool = False
) -> dict[str, Answer]:
    """Return the answer that a form says to one question, by its name; empty where it says none.

    One that is wrong, or missing though it is required, raises AnswerError.
    """
    said = _said(question, fields)
    if said is None:
        return {}
    answer = read_answer(question, None if said is _CANNOT else said)
    return {question.name: mirrored(answer) if is_swapped and _has_sides(question) else answer}


def _said(question: Question, fields: Fields) -> object:
    """Return the answer as its question reads it, or None where nothing is said."""
    name = field_of(question)
    given = list(fields.get(name, ()))
    if cannot_judge(question, fields):
        return _CANNOT
    if not given or not given[0].strip():
        if question.is_required:
            raise AnswerError(MISSING)
        return None
    if question.kind == Kind.CHOICES:
        return [_value(question, token) for token in given]
    if question.options:
        return _value(question, given[0])
    return given[0] if question.is_words else _number(given[0])


def cannot_judge(question: Question, fields: Fields) -> bool:
    """Say whether a form says that a question cannot be judged."""
    name = field_of(question)
    if is_of_options(question):
        return list(fields.get(name, ())) == [CANNOT_JUDGE]
    return bool(fields.get(f"{name}-{CANNOT_JUDGE}"))


def _value(question: Question, token: str) -> Value:
    value: Value = question.options[int(token)]["value"]
    return value


def _number(given: str) -> float | int:
    try:
        number = float(given.strip().replace("\N{MINUS SIGN}", "-"))
    except ValueError:
        number = float("nan")
    if "_" in given or not is_number(number):
        raise AnswerError(NO_NUMBER)
    return int(number) if number.is_integer() else number


def _has_sides(question: Question) -> bool:
    return question.kind == Kind.PREFERENCE
