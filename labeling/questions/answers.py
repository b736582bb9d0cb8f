"""Answers as they are given: checked against their questions, in one form."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from labeling.models import Question
from labeling.questions.conditions import asked_under, in_words
from labeling.questions.kinds import LARGEST, MAX_NAME, MAX_POINTS, WORDS
from labeling.questions.numbers import exact, is_number

Value: TypeAlias = "str | int | float | bool"
Answer: TypeAlias = "Value | list[Value] | None"

MAX_ANSWER_TEXT: Final = 100_000  # characters; a corrected output may be long
_MIRRORED: Final = {"first": "second", "second": "first"}


class AnswerError(ValueError):
    """An answer that its question does not allow; the message is for people."""


def read_answers(
    questions: Sequence[Question], given: Mapping[str, object]
) -> tuple[dict[str, Answer], list[tuple[str, str]]]:
    """Return the answers in one form, and what is wrong as (question, sentence)."""
    faults = [
        (name, f"The campaign has no question {name[:MAX_NAME]!r}.")
        for name in given.keys() - {question.name for question in questions}
    ]
    answers: dict[str, Answer] = {}
    for question in questions:
        if question.name not in given:
            continue
        try:
            answers[question.name] = read_answer(question, given[question.name])
        except AnswerError as error:
            faults.append((question.name, str(error)))
    if not faults:
        faults += _misplaced(questions, answers)
    if not faults and not answers:
        faults.append(("", "There is no answer to any question."))
    return answers, faults


def _misplaced(
    questions: Sequence[Question], answers: Mapping[str, Answer]
) -> list[tuple[str, str]]:
    """Return what is missing, and what was answered without being asked."""
    asked = asked_under(questions, answers)
    missing = [
        (question.name, f"The question {question.name!r} has no answer.")
        for question in asked
        if question.is_required and question.name not in answers
    ]
    names = {question.name for question in asked}
    unasked = [
        (question.name, f"The question {question.name!r} is {in_words(question.condition)}.")
        for question in questions
        if question.name in answers and question.name not in names and question.condition
    ]
    return missing + unasked


def read_answer(question: Question, given: object) -> Answer:
    """Return the answer as it is stored; None is "cannot judge" and no value."""
    if given is None:
        return None
    if question.is_words:
        return _words(question, given)
    if question.kind == Question.Kind.NUMBER:
        return _number(question, given)
    if question.kind == Question.Kind.CHOICES:
        return _several(question, given)
    if question.kind == Question.Kind.YES_NO:
        word = WORDS.get(given.strip().lower()) if isinstance(given, str) else given
        if not isinstance(word, bool):
            raise AnswerError(f"The answer to {question.name!r} must be true, false or null.")
        return word
    return _option(question, given)


def _option(question: Question, given: object) -> Value:
    wanted = exact(given)
    for option in question.options:
        if exact(option["value"]) == wanted:
            value: Value = option["value"]
            return value
    shown = ", ".join(repr(option["value"]) for option in question.options[:MAX_POINTS])
    raise AnswerError(f"The answer to {question.name!r} must be one of {shown}.")


def _several(question: Question, given: object) -> list[Value]:
    """Return the chosen options in the order in which they are offered."""
    if not isinstance(given, list) or not given:
        raise AnswerError(f"The answer to {question.name!r} must be a list of its options.")
    chosen = {exact(_option(question, one)) for one in given}
    if len(chosen) < len(given):
        raise AnswerError(f"The answer to {question.name!r} names one option twice.")
    return [option["value"] for option in question.options if exact(option["value"]) in chosen]


def _words(question: Question, given: object) -> str:
    if not isinstance(given, str) or not given.strip():
        raise AnswerError(f"The answer to {question.name!r} must be text, or null.")
    if len(given) > MAX_ANSWER_TEXT:
        raise AnswerError(
            f"The answer to {question.name!r} has more than {MAX_ANSWER_TEXT:,} characters."
        )
    if any(unicodedata.category(character) == "Cs" or character == "\0" for character in given):
        raise AnswerError(f"The answer to {question.name!r} holds characters that are no text.")
    # A corrected output is kept to the letter; a remark needs no blanks around it.
    return given if question.kind == Question.Kind.CORRECTION else given.strip()


def _number(question: Question, given: object) -> float | int:
    if not is_number(given):
        raise AnswerError(f"The answer to {question.name!r} must be a number.")
    low = -LARGEST if question.low is None else question.low
    high = LARGEST if question.high is None else question.high
    if question.scale == Question.Scale.RATIO:
        low = max(low, 0.0)
    if not low <= given <= high:
        raise AnswerError(
            f"The answer to {question.name!r} must be a number from {low:g} to {high:g}."
        )
    return given


def mirrored(answer: Answer) -> Answer:
    """Return a preference as it is when the two outputs change sides."""
    if isinstance(answer, str):
        return _MIRRORED.get(answer, answer)
    if is_number(answer):
        return -answer
    return answer
