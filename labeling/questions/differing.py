"""When people differ on a question, and by how much."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations
from typing import Any, Final

from labeling.models import Question
from labeling.questions.answers import Answer
from labeling.questions.kinds import LARGEST
from labeling.questions.numbers import (
    as_number,
    as_written,
    exact,
    is_counted,
    is_number,
    numbers_of,
)
from metrics.statistics.resolution import is_majority

_WINNERS: Final = {"first": 1, "second": -1}
_ORDERED: Final = (Question.Scale.ORDINAL, Question.Scale.INTERVAL, Question.Scale.RATIO)


class Rule(StrEnum):
    """What counts as a difference."""

    ANY = "any"  # two answers that are not the same
    SPREAD = "spread"  # the highest and the lowest are so far apart, or further
    NO_MAJORITY = "no_majority"  # no answer is that of more than half of the people


@dataclass(frozen=True)
class DifferRule:
    """The rule of a campaign. `spread` counts in the numbers of the question, or in points."""

    rule: Rule = Rule.ANY
    spread: float = 1.0

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> DifferRule:
        """Return the rule as a campaign keeps it; an empty one is any difference."""
        return cls(Rule(stored.get("rule", Rule.ANY)), float(stored.get("spread", 1.0)))

    def stored(self) -> dict[str, object]:
        if self.rule is Rule.SPREAD:
            return {"rule": self.rule.value, "spread": self.spread}
        return {"rule": self.rule.value}


def read_differ_rule(given: object) -> DifferRule:
    """Return a rule that somebody asks for, or raise ValueError with the sentence for them."""
    if not isinstance(given, Mapping) or set(given) - {"rule", "spread"}:
        raise ValueError("The rule is an object: rule, and with the rule spread its spread.")
    if given.get("rule") not in list(Rule):
        raise ValueError(f"The rule is one of {', '.join(Rule)}.")
    rule, spread = Rule(given["rule"]), given.get("spread")
    if rule is not Rule.SPREAD:
        return DifferRule(rule)
    if not is_number(spread) or not 0 < spread <= LARGEST:
        raise ValueError("The spread is a number above 0, as in 2: answers 2 apart differ.")
    return DifferRule(rule, float(spread))


@dataclass(frozen=True)
class Differing:
    """How the answers to one question are told apart. "Cannot judge" differs from nothing.

    Several of several differ as sets; preferences by who wins; words never do.
    """

    question: Question
    rule: DifferRule
    numbers: Mapping[Any, float]

    @classmethod
    def of(cls, question: Question, rule: DifferRule) -> Differing:
        return cls(question, rule, numbers_of(question) if question.options else {})

    def differ(self, answers: Sequence[Answer]) -> bool:
        """Say whether people differ under the rule."""
        given = [answer for answer in answers if answer is not None]
        if self.question.is_words or len(given) < 2:
            return False
        if self.rule.rule is Rule.SPREAD and self._is_measured:
            values = [as_written(self._number(answer)) for answer in given]
            return max(values) - min(values) >= as_written(self.rule.spread)
        counts = Counter(map(self._told_by, given))
        if self.rule.rule is Rule.NO_MAJORITY:
            return not is_majority(max(counts.values()), of=len(given))
        return len(counts) > 1

    def distance(self, answers: Sequence[Answer], *, seen: tuple[float, float] = (0, 1)) -> float:
        """Return the mean distance of two answers, as a share of the largest there is.

        `seen` are the lowest and the highest answer to a number that has no ends of its own.
        """
        given = [answer for answer in answers if answer is not None]
        if self.question.is_words or len(given) < 2:
            return 0.0
        span = self._span(seen)
        distances = [self._apart(a, b, span) for a, b in combinations(given, 2)]
        return min(1.0, sum(distances) / len(distances))

    @property
    def has_no_ends(self) -> bool:
        question = self.question
        is_number = question.kind == Question.Kind.NUMBER
        return is_number and (question.low is None or question.high is None)

    @property
    def _is_measured(self) -> bool:
        question = self.question
        is_preference = question.kind == Question.Kind.PREFERENCE
        return is_counted(question) and question.scale in _ORDERED and not is_preference

    def _number(self, answer: Answer) -> float:
        return as_number(self.question, answer, self.numbers)

    def _told_by(self, answer: Answer) -> Hashable:
        if self.question.kind == Question.Kind.PREFERENCE:
            return _winner(answer)
        if isinstance(answer, list):
            return frozenset(map(exact, answer))
        return exact(answer)

    def _span(self, seen: tuple[float, float]) -> float:
        if self.numbers:
            ends = min(self.numbers.values()), max(self.numbers.values())
        elif self.has_no_ends:
            ends = seen
        else:
            ends = self.question.low or 0.0, self.question.high or 0.0
        return ends[1] - ends[0] or 1.0

    def _apart(self, one: Answer, other: Answer, span: float) -> float:
        if isinstance(one, list) and isinstance(other, list):
            a, b = set(map(exact, one)), set(map(exact, other))
            return 1.0 - len(a & b) / len(a | b)
        if self.question.scale in _ORDERED:
            return abs(self._number(one) - self._number(other)) / span
        return float(self._told_by(one) != self._told_by(other))


def _winner(answer: Answer) -> int:
    """Return 1 where the first output wins, -1 where the second does, else 0."""
    if isinstance(answer, str):
        return _WINNERS.get(answer, 0)
    return (answer > 0) - (answer < 0) if is_number(answer) else 0
