"""Answers as the numbers that stand for them in statistics."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, TypeGuard

from labeling.models import Question

_COUNTED: Final = frozenset(
    {
        Question.Kind.RATING,
        Question.Kind.CHOICE,
        Question.Kind.NUMBER,
        Question.Kind.YES_NO,
        Question.Kind.PREFERENCE,
    }
)


def is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def as_written(number: float) -> Decimal:
    """Return the number that somebody wrote: 0.8 and 0.5 are 0.3 apart, which floats are not."""
    return Decimal(repr(number))


def exact(value: object) -> tuple[bool, object]:
    """Tell true from 1, and let 4.0 be 4."""
    return isinstance(value, bool), value


def is_counted(question: Question) -> bool:
    """Say whether each answer is one number: words are not, and neither are sets of options."""
    return question.kind in _COUNTED


def has_numbers(question: Question) -> bool:
    """Say whether every option is a number, which is then its value in statistics."""
    return all(is_number(option["value"]) for option in question.options)


def values_of(question: Question) -> list[float]:
    """Return the number of each option, in their order; none where there are no options."""
    if question.kind == Question.Kind.YES_NO:
        return [1.0, 0.0]
    if has_numbers(question):
        return [float(option["value"]) for option in question.options]
    return [float(at) for at in range(1, len(question.options) + 1)]


def numbers_of(question: Question) -> dict[tuple[bool, object], float]:
    """Return the number of every option by its exact value, for many answers at once."""
    values = (exact(option["value"]) for option in question.options)
    return dict(zip(values, values_of(question), strict=True))


def as_number(question: Question, answer: object, numbers: Mapping[Any, float]) -> float:
    """Return the number that stands for an answer to a question that `is_counted`."""
    return numbers[exact(answer)] if question.options else float(answer)  # type: ignore[arg-type]


def measured_name(question: Question, option: Mapping[str, object]) -> str:
    """Return the measurement's name of one option of a nominal choice."""
    return f"{question.name}:{option['value']}"
