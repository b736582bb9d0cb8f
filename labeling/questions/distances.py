"""Answers as agreement takes them: a number each, and what the distance of two means."""

from __future__ import annotations

from collections.abc import Callable

from labeling.models import Question
from labeling.questions.answers import Answer
from labeling.questions.numbers import as_number, numbers_of, values_of
from metrics.statistics.agreement import Level, Scale, SetDistance
from metrics.statistics.agreement.sets import encoded


def number_of(question: Question) -> Callable[[Answer], float]:
    """Return what makes an answer a number for agreement; chosen sets are theirs, words none."""
    if question.kind == Question.Kind.CHOICES:
        places = {option["value"]: at for at, option in enumerate(question.options)}
        return lambda answer: encoded(
            places[value] for value in (answer if isinstance(answer, list) else ())
        )
    numbers = numbers_of(question)
    return lambda answer: as_number(question, answer, numbers)


def scale_of(question: Question) -> Scale:
    """Return what the distance between two answers to a question means."""
    if question.kind == Question.Kind.CHOICES:
        return SetDistance.MASI
    return Level(question.scale)


def width_of(question: Question) -> float | None:
    """Return how far apart two answers can be; None for numbers without two ends."""
    if values := values_of(question):
        return max(values) - min(values)
    if question.low is None or question.high is None:
        return None
    return question.high - question.low
