"""Questions as they are asked for, and answers as they are given: checked, in one form."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias, TypeGuard, TypeVar

from evalhub.errors import FieldError
from labeling.models import Question

Value: TypeAlias = "str | int | float | bool"
Answer: TypeAlias = "Value | None"
T = TypeVar("T")

MAX_QUESTIONS: Final = 20
MAX_OPTIONS: Final = 50
MAX_POINTS: Final = 11  # of a rating given by its ends
MAX_NAME: Final = 100
MAX_LABEL: Final = 200
MAX_TEXT: Final = 2_000
LARGEST: Final = 1e12  # sums of squares of what is measured stay finite

_RATING, _CHOICE, _NUMBER, _YES_NO = Question.Kind
_NOMINAL, _ORDINAL, _INTERVAL, _RATIO = Question.Scale
KINDS: Final = {
    **dict.fromkeys(("rating", "likert", "ordinal", "scale", "stars", "points"), _RATING),
    **dict.fromkeys(("choice", "categorical", "category", "nominal", "one_of"), _CHOICE),
    **dict.fromkeys(("single_choice", "select"), _CHOICE),
    **dict.fromkeys(("number", "numeric", "numerical", "interval", "ratio", "float"), _NUMBER),
    **dict.fromkeys(("yes_no", "yesno", "boolean", "bool", "binary"), _YES_NO),
}
SCALES: Final = {
    **{scale.value: scale for scale in Question.Scale},
    "categorical": _NOMINAL,
    "numeric": _INTERVAL,
}
SCALE_OF_KIND: Final = {
    _RATING: _ORDINAL, _CHOICE: _NOMINAL, _NUMBER: _INTERVAL, _YES_NO: _NOMINAL
}  # fmt: skip
MEMBERS: Final = (
    "name", "text", "kind", "scale", "options", "low", "high", "required", "higher_is_better"
)  # fmt: skip
YES_NO_OPTIONS: Final[tuple[dict[str, Value], ...]] = (
    {"value": True, "label": "yes"},
    {"value": False, "label": "no"},
)
_WORDS: Final = {"yes": True, "true": True, "no": False, "false": False}


class AnswerError(ValueError):
    """An answer that its question does not allow; the message is for people."""


class _FaultError(Exception):
    """One member of a question does not work."""

    def __init__(self, member: str, detail: str, *, code: str = "question") -> None:
        super().__init__(detail)
        self.error = (member, code, detail)


def read_questions(given: object, errors: list[FieldError]) -> list[Question]:
    """Return unsaved questions; what does not work goes to `errors` by field."""
    if not isinstance(given, list) or not given:
        detail = "questions must be a list of objects, at least one."
        errors.append(FieldError("questions", "type", detail))
        return []
    if len(given) > MAX_QUESTIONS:
        detail = f"A campaign asks at most {MAX_QUESTIONS} questions; these are {len(given)}."
        errors.append(FieldError("questions", "too_many", detail))
        return []
    questions: list[Question] = []
    for index, item in enumerate(given):
        try:
            questions.append(_question(item, index, names={other.name for other in questions}))
        except _FaultError as fault:
            member, code, detail = fault.error
            where = f"questions[{index}].{member}" if member else f"questions[{index}]"
            errors.append(FieldError(where, code, detail))
    return questions


def _question(item: object, index: int, *, names: set[str]) -> Question:
    if not isinstance(item, dict):
        raise _FaultError("", "A question is an object with a name and a kind.", code="type")
    if unknown := sorted(set(item) - set(MEMBERS)):
        detail = f"A question has no such member; it may have {', '.join(MEMBERS)}."
        raise _FaultError(unknown[0][:60], detail, code="unknown")
    kind = _named(item, "kind", KINDS, Question.Kind.values)
    scale = SCALE_OF_KIND[kind]
    if item.get("scale") is not None:
        scale = _named(item, "scale", SCALES, Question.Scale.values)
    question = Question(
        order=index,
        name=_text(item, "name", most=MAX_NAME, least=1),
        text=_text(item, "text", most=MAX_TEXT),
        kind=kind,
        scale=scale,
        low=_end(item, "low"),
        high=_end(item, "high"),
        is_required=_truth(item, "required"),
        higher_is_better=_truth(item, "higher_is_better"),
    )
    if question.name in names:
        raise _FaultError("name", f"Two questions are named {question.name!r}.")
    _check_ends(question)
    question.options = _options(item.get("options"), question)
    _check_scale(question)
    return question


# Members


def _named(
    item: Mapping[str, object], member: str, names: Mapping[str, T], shown: Sequence[str]
) -> T:
    given = item.get(member)
    word = re.sub(r"[\s/-]+", "_", given.strip().lower()) if isinstance(given, str) else ""
    if word not in names:
        raise _FaultError(member, f"{member} must be one of {', '.join(shown)}.")
    return names[word]


def _text(item: Mapping[str, object], member: str, *, most: int, least: int = 0) -> str:
    given = item.get(member)
    text = given.strip() if isinstance(given, str) else "" if given is None else None
    if text is None or not least <= len(text) <= most:
        raise _FaultError(member, f"{member} must be text of {least} to {most} characters.")
    if least and any(unicodedata.category(character)[0] == "C" for character in text):
        raise _FaultError(member, f"{member} must not hold control or invisible characters.")
    return text


def _truth(item: Mapping[str, object], member: str) -> bool:
    given = item.get(member)
    if given is None:
        return True
    if not isinstance(given, bool):
        raise _FaultError(member, f"{member} must be true or false.")
    return given


def _end(item: Mapping[str, object], member: str) -> float | None:
    given = item.get(member)
    if given is None:
        return None
    if not is_number(given) or abs(given) > LARGEST:
        raise _FaultError(member, f"{member} must be a number between -1e12 and 1e12.")
    return float(given)


def _check_ends(question: Question) -> None:
    low, high = question.low, question.high
    if low is None and high is None:
        return
    if question.kind in (_CHOICE, _YES_NO):
        raise _FaultError("low", f"low and high do not go with the kind {question.kind}.")
    if low is not None and high is not None and low >= high:
        raise _FaultError("low", "The lowest number must be smaller than the highest.")


def _options(given: object, question: Question) -> list[dict[str, Value]]:
    if question.kind == _NUMBER:
        if given:
            raise _FaultError("options", "A number has no options; give low and high.")
        return []
    if question.kind == _YES_NO:
        if given and _as_truths(given) != {True, False}:
            raise _FaultError("options", "A yes_no question has yes and no; leave options out.")
        return list(YES_NO_OPTIONS)
    if given is None and question.kind == _RATING:
        return _points(question)
    if question.low is not None or question.high is not None:
        raise _FaultError("options", "Give a rating either options, or low and high.")
    return _given_options(given)


def _given_options(given: object) -> list[dict[str, Value]]:
    if not isinstance(given, list):
        raise _FaultError("options", f"options must be a list of 2 to {MAX_OPTIONS} values.")
    if not 2 <= len(given) <= MAX_OPTIONS:
        detail = f"Give 2 to {MAX_OPTIONS} options to choose from; this question has {len(given)}."
        raise _FaultError("options", detail)
    options = [_option(item) for item in given]
    values = [_exact(option["value"]) for option in options]
    if len(set(values)) < len(values):
        raise _FaultError("options", "One option is given twice.")
    if len({isinstance(value, str) for _, value in values}) > 1:
        raise _FaultError("options", "options must be all numbers, or all texts.")
    return options


def _as_truths(given: object) -> set[object]:
    items = given if isinstance(given, list) else []
    values = [item.get("value") if isinstance(item, dict) else item for item in items]
    return {_WORDS.get(value.lower()) if isinstance(value, str) else value for value in values}


def _points(question: Question) -> list[dict[str, Value]]:
    low = 1.0 if question.low is None else question.low
    high = 5.0 if question.high is None else question.high
    if not (low.is_integer() and high.is_integer() and 1 <= high - low < MAX_POINTS):
        raise _FaultError(
            "options",
            f"A rating goes from low to high in whole steps, 2 to {MAX_POINTS} of them; "
            "give options for other points, or choose the kind number.",
        )
    question.low = question.high = None
    return [{"value": at, "label": str(at)} for at in range(int(low), int(high) + 1)]


def _option(item: object) -> dict[str, Value]:
    value: Any = item
    label: Any = None
    if isinstance(item, dict):
        if "value" not in item or set(item) - {"value", "label"}:
            raise _FaultError("options", "An option is a value, or an object {value, label}.")
        value, label = item["value"], item.get("label")
    if isinstance(value, str):
        value = value.strip()
        if not 1 <= len(value) <= MAX_LABEL:
            raise _FaultError("options", f"An option's text has 1 to {MAX_LABEL} characters.")
    elif not is_number(value) or abs(value) > LARGEST:
        raise _FaultError("options", "An option's value is text, or a number up to 1e12.")
    label = str(value) if label is None else label
    if not isinstance(label, str) or not 1 <= len(label.strip()) <= MAX_LABEL:
        raise _FaultError("options", f"An option's label is text of 1 to {MAX_LABEL} characters.")
    return {"value": value, "label": label.strip()}


def _check_scale(question: Question) -> None:
    if question.scale in (_INTERVAL, _RATIO) and question.options and not has_numbers(question):
        raise _FaultError("scale", f"The scale {question.scale} needs options that are numbers.")
    lowest = min(values_of(question), default=question.low)
    if question.scale == _RATIO and lowest is not None and lowest < 0:
        raise _FaultError("scale", "The scale ratio has no values under 0.")
    if question.kind == _CHOICE:
        longest = max(len(measured_name(question, option)) for option in question.options)
        if longest > MAX_NAME:
            raise _FaultError(
                "options",
                f"The name and an option together have at most {MAX_NAME - 1} characters.",
            )


# Answers


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
            if question.is_required:
                faults.append((question.name, f"The question {question.name!r} has no answer."))
            continue
        try:
            answers[question.name] = read_answer(question, given[question.name])
        except AnswerError as error:
            faults.append((question.name, str(error)))
    if not faults and not answers:
        faults.append(("", "There is no answer to any question."))
    return answers, faults


def read_answer(question: Question, given: object) -> Answer:
    """Return the answer as it is stored; None is "cannot judge" and no value."""
    if given is None:
        return None
    if question.kind == _NUMBER:
        return _number(question, given)
    if question.kind == _YES_NO:
        word = _WORDS.get(given.strip().lower()) if isinstance(given, str) else given
        if not isinstance(word, bool):
            raise AnswerError(f"The answer to {question.name!r} must be true, false or null.")
        return word
    wanted = _exact(given)
    for option in question.options:
        if _exact(option["value"]) == wanted:
            value: Value = option["value"]
            return value
    shown = ", ".join(repr(option["value"]) for option in question.options[:MAX_POINTS])
    raise AnswerError(f"The answer to {question.name!r} must be one of {shown}.")


def _number(question: Question, given: object) -> float | int:
    if not is_number(given):
        raise AnswerError(f"The answer to {question.name!r} must be a number.")
    low = -LARGEST if question.low is None else question.low
    high = LARGEST if question.high is None else question.high
    if question.scale == _RATIO:
        low = max(low, 0.0)
    if not low <= given <= high:
        raise AnswerError(
            f"The answer to {question.name!r} must be a number from {low:g} to {high:g}."
        )
    return given


def is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _exact(value: object) -> tuple[bool, object]:
    """Tell true from 1, and let 4.0 be 4."""
    return isinstance(value, bool), value


# Answers as numbers


def has_numbers(question: Question) -> bool:
    """Say whether every option is a number, which is then its value in statistics."""
    return all(is_number(option["value"]) for option in question.options)


def values_of(question: Question) -> list[float]:
    """Return the number of each option, in their order; none where there are no options."""
    if question.kind == _YES_NO:
        return [1.0, 0.0]
    if has_numbers(question):
        return [float(option["value"]) for option in question.options]
    return [float(at) for at in range(1, len(question.options) + 1)]


def numbers_of(question: Question) -> dict[tuple[bool, object], float]:
    """Return the number of every option by its exact value, for many answers at once."""
    exact = (_exact(option["value"]) for option in question.options)
    return dict(zip(exact, values_of(question), strict=True))


def as_number(question: Question, answer: Value, numbers: Mapping[Any, float]) -> float:
    """Return the number that stands for an answer in statistics."""
    return numbers[_exact(answer)] if question.options else float(answer)


def measured_name(question: Question, option: Mapping[str, Value]) -> str:
    """Return the measurement's name of one option of a nominal choice."""
    return f"{question.name}:{option['value']}"


def described(question: Question) -> dict[str, object]:
    """Return a question as REST shows it."""
    return {
        "name": question.name,
        "text": question.text,
        "kind": question.kind,
        "scale": question.scale,
        "options": question.options if question.kind != _YES_NO else [],
        "low": question.low,
        "high": question.high,
        "required": question.is_required,
        "higher_is_better": question.higher_is_better,
    }
