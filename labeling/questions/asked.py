"""Questions as they are asked for, by REST or by a form: read and checked."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeVar

from evalhub.errors import FieldError
from labeling.models import Question
from labeling.questions.answers import Value
from labeling.questions.conditions import TESTS
from labeling.questions.kinds import (
    KINDS,
    LARGEST,
    MAX_LABEL,
    MAX_NAME,
    MAX_OPTIONS,
    MAX_POINTS,
    MAX_QUESTIONS,
    MAX_TEXT,
    PREFERENCE_OPTIONS,
    SCALE_OF_KIND,
    SCALES,
    WORDS,
    YES_NO_OPTIONS,
    Kind,
    Scale,
)
from labeling.questions.numbers import exact, has_numbers, is_number, measured_name, values_of

T = TypeVar("T")

MEMBERS: Final = (
    *("name", "text", "kind", "scale", "options", "low", "high", "required"),
    *("higher_is_better", "condition", "target_alpha"),
)


class _FaultError(Exception):
    """One member of a question does not work."""

    def __init__(self, member: str, detail: str, *, code: str = "question") -> None:
        super().__init__(detail)
        self.error = (member, code, detail)


def read_questions(
    given: object, errors: list[FieldError], *, is_of_pairs: bool = False
) -> list[Question]:
    """Return unsaved questions; what does not work goes to `errors` by field.

    In a campaign of pairs the questions are about two outputs, and one asks which is better.
    """
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
            questions.append(_question(item, questions, is_of_pairs=is_of_pairs))
        except _FaultError as fault:
            member, code, detail = fault.error
            where = f"questions[{index}].{member}" if member else f"questions[{index}]"
            errors.append(FieldError(where, code, detail))
    if is_of_pairs and not errors and not any(each.kind == Kind.PREFERENCE for each in questions):
        detail = "A campaign of pairs asks at least one question of the kind preference."
        errors.append(FieldError("questions", "preference", detail))
    return questions


def _question(item: object, before: Sequence[Question], *, is_of_pairs: bool) -> Question:
    if not isinstance(item, dict):
        raise _FaultError("", "A question is an object with a name and a kind.", code="type")
    if unknown := sorted(set(item) - set(MEMBERS)):
        detail = f"A question has no such member; it may have {', '.join(MEMBERS)}."
        raise _FaultError(unknown[0][:60], detail, code="unknown")
    kind = _named(item, "kind", KINDS, Question.Kind.values)
    if kind == Kind.PREFERENCE and not is_of_pairs:
        raise _FaultError("kind", "A preference is asked in a campaign of pairs only.")
    question = Question(
        order=len(before),
        name=_text(item, "name", most=MAX_NAME, least=1),
        text=_text(item, "text", most=MAX_TEXT),
        kind=kind,
        scale=_scale(item, kind),
        low=_end(item, "low"),
        high=_end(item, "high"),
        is_required=_truth(item, "required"),
        higher_is_better=_truth(item, "higher_is_better"),
        target_alpha=_target(item, kind),
    )
    if any(question.name == other.name for other in before):
        raise _FaultError("name", f"Two questions are named {question.name!r}.")
    _check_ends(question)
    question.options = _options(item.get("options"), question)
    if kind == Kind.PREFERENCE and has_numbers(question) and item.get("scale") is None:
        question.scale = Scale.ORDINAL
    _check_scale(question)
    question.condition = _condition(item.get("condition"), before)
    return question


def _scale(item: Mapping[str, object], kind: Question.Kind) -> Question.Scale:
    if item.get("scale") is None:
        return SCALE_OF_KIND[kind]
    if SCALE_OF_KIND[kind] == Scale.NONE:
        raise _FaultError("scale", "Words have no scale; leave it out.")
    scale = _named(item, "scale", SCALES, list(SCALES)[:4])
    if kind == Kind.CHOICES and scale != Scale.NOMINAL:
        raise _FaultError("scale", "Several of several options are nominal; leave scale out.")
    return scale


def _target(item: Mapping[str, object], kind: Question.Kind) -> float | None:
    given = item.get("target_alpha")
    if given is None:
        return None
    if SCALE_OF_KIND[kind] == Scale.NONE:
        raise _FaultError("target_alpha", "Words have no alpha; leave the target out.")
    if not is_number(given) or not 0 < given < 1:
        raise _FaultError("target_alpha", "target_alpha must be a number between 0 and 1.")
    return float(given)


# Conditions


def _condition(given: object, before: Sequence[Question]) -> dict[str, object] | None:
    if given is None:
        return None
    if not isinstance(given, dict) or len(given) != 2 or "question" not in given:
        raise _FaultError(
            "condition",
            f"A condition has two members: question, and one of {', '.join(TESTS)}.",
        )
    earlier = next((each for each in before if each.name == given["question"]), None)
    if earlier is None:
        raise _FaultError("condition", "A condition names a question that stands before it.")
    test = next(member for member in given if member != "question")
    if test not in TESTS:
        raise _FaultError("condition", f"A condition tests with one of {', '.join(TESTS)}.")
    if test == "is":
        return {"question": earlier.name, "is": _wanted(given["is"], earlier)}
    bound = given[test]
    if not is_number(bound) or earlier.is_words or not has_numbers(earlier):
        detail = f"{test} compares numbers: the question {earlier.name!r} and the bound must be."
        raise _FaultError("condition", detail)
    return {"question": earlier.name, test: bound}


def _wanted(given: object, earlier: Question) -> list[Value]:
    wanted = given if isinstance(given, list) else [given]
    options = {exact(option["value"]): option["value"] for option in earlier.options}
    if not wanted or any(
        not isinstance(value, str | int | float) or exact(value) not in options for value in wanted
    ):
        detail = f"is names options of the question {earlier.name!r}."
        raise _FaultError("condition", detail)
    return [options[exact(value)] for value in wanted]


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
    if question.kind not in (Kind.RATING, Kind.NUMBER):
        raise _FaultError("low", f"low and high do not go with the kind {question.kind}.")
    if low is not None and high is not None and low >= high:
        raise _FaultError("low", "The lowest number must be smaller than the highest.")


def _options(given: object, question: Question) -> list[dict[str, Value]]:
    if question.kind == Kind.NUMBER or question.is_words:
        if given:
            detail = "Numbers and words have no options; a number may have low and high."
            raise _FaultError("options", detail)
        return []
    if question.kind == Kind.YES_NO:
        if given and _as_truths(given) != {True, False}:
            raise _FaultError("options", "A yes_no question has yes and no; leave options out.")
        return list(YES_NO_OPTIONS)
    if question.kind == Kind.PREFERENCE:
        return _sides(given)
    if given is None and question.kind == Kind.RATING:
        return _points(question)
    if question.low is not None or question.high is not None:
        raise _FaultError("options", "Give a rating either options, or low and high.")
    return _given_options(given)


def _sides(given: object) -> list[dict[str, Value]]:
    """Return the options of a preference: which of two, or by how much the first is better."""
    if given is None:
        return list(PREFERENCE_OPTIONS)
    options = _given_options(given)
    values = [option["value"] for option in options]
    if all(is_number(value) for value in values):
        if {-value for value in values if is_number(value)} != set(values):
            detail = "The grades of a preference mirror each other: for 2 there is -2."
            raise _FaultError("options", detail)
        return options
    known = {option["value"]: option["label"] for option in PREFERENCE_OPTIONS}
    if not {"first", "second"} <= set(values) <= set(known):
        detail = f"A preference has first and second, and may have {', '.join(list(known)[2:])}."
        raise _FaultError("options", detail)
    return [
        {**option, "label": known[option["value"]]}
        if option["label"] == option["value"]
        else option
        for option in options
    ]


def _given_options(given: object) -> list[dict[str, Value]]:
    if not isinstance(given, list):
        raise _FaultError("options", f"options must be a list of 2 to {MAX_OPTIONS} values.")
    if not 2 <= len(given) <= MAX_OPTIONS:
        detail = f"Give 2 to {MAX_OPTIONS} options to choose from; this question has {len(given)}."
        raise _FaultError("options", detail)
    options = [_option(item) for item in given]
    values = [exact(option["value"]) for option in options]
    if len(set(values)) < len(values):
        raise _FaultError("options", "One option is given twice.")
    if len({isinstance(value, str) for _, value in values}) > 1:
        raise _FaultError("options", "options must be all numbers, or all texts.")
    return options


def _as_truths(given: object) -> set[object]:
    items = given if isinstance(given, list) else []
    values = [item.get("value") if isinstance(item, dict) else item for item in items]
    return {WORDS.get(value.lower()) if isinstance(value, str) else value for value in values}


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
    if (
        question.scale in (Scale.INTERVAL, Scale.RATIO)
        and question.options
        and not has_numbers(question)
    ):
        raise _FaultError("scale", f"The scale {question.scale} needs options that are numbers.")
    lowest = min(values_of(question), default=question.low)
    if question.scale == Scale.RATIO and lowest is not None and lowest < 0:
        raise _FaultError("scale", "The scale ratio has no values under 0.")
    if question.kind in (Kind.CHOICE, Kind.CHOICES):
        longest = max(len(measured_name(question, option)) for option in question.options)
        if longest > MAX_NAME:
            raise _FaultError(
                "options",
                f"The name and an option together have at most {MAX_NAME - 1} characters.",
            )


def described(question: Question) -> dict[str, object]:
    """Return a question as REST shows it."""
    return {
        "name": question.name,
        "text": question.text,
        "kind": question.kind,
        "scale": question.scale,
        "options": question.options if question.kind != Kind.YES_NO else [],
        "low": question.low,
        "high": question.high,
        "required": question.is_required,
        "higher_is_better": question.higher_is_better,
        "condition": question.condition,
        "target_alpha": question.target_alpha,
    }
