"""Questions that are asked only when an earlier answer calls for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from labeling.models import Question
from labeling.questions.numbers import exact, is_number

TESTS: Final = ("at_most", "at_least", "is")


def applies(question: Question, answers: Mapping[str, object]) -> bool:
    """Say whether a question is asked, given the answers to the earlier ones.

    An earlier question that was not answered, or cannot be judged, calls for nothing.
    """
    condition = question.condition
    if condition is None:
        return True
    answer = answers.get(condition["question"])
    if answer is None:
        return False
    if "is" in condition:
        wanted = {exact(value) for value in condition["is"]}
        given = answer if isinstance(answer, list) else [answer]
        return any(exact(value) in wanted for value in given)
    if not is_number(answer):
        return False
    if "at_most" in condition:
        return bool(answer <= condition["at_most"])
    return bool(answer >= condition["at_least"])


def asked_under(questions: Sequence[Question], answers: Mapping[str, object]) -> list[Question]:
    """Return the questions that are asked, given these answers, in order.

    An answer to a question that is not asked calls for nothing itself.
    """
    asked: list[Question] = []
    counted: dict[str, object] = {}
    for question in questions:
        if applies(question, counted):
            asked.append(question)
            if question.name in answers:
                counted[question.name] = answers[question.name]
    return asked


def in_words(condition: Mapping[str, object]) -> str:
    """Say when a question is asked."""
    name = condition["question"]
    if "is" in condition:
        values = condition["is"]
        shown = [str(value) for value in values] if isinstance(values, list) else [str(values)]
        return f"asked when {name} is {' or '.join(shown)}"
    if "at_most" in condition:
        return f"asked when {name} is {condition['at_most']} or less"
    return f"asked when {name} is {condition['at_least']} or more"
