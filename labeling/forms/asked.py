"""Questions as the desk shows them: keys on the controls, what is chosen, when they are asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from labeling.forms.desk import (
    Fields,
    answers_in,
    cannot_judge,
    field_of,
)
from labeling.models import Question
from labeling.questions import Answer, applies, has_numbers, is_number, mirrored
from labeling.questions.conditions import asked_under, in_words

Kind = Question.Kind

# The column of the desk in pixels, and what a letter and a control in it take.
WIDTH: Final = 320
LETTER: Final = 6
EDGE: Final = 4
GAP: Final = 3
LINES: Final = 3  # of a label under its digit
HALF: Final = 18  # letters of a label that stands beside another
MANY: Final = 4  # questions from which on each keeps to fewer lines

SIDE_KEYS: Final = {"first": "A", "second": "B", "tie": "T", "both_bad": "X"}
SIDE_ARROWS: Final = {"first": "←", "second": "→"}
# What the usual labels of a preference mean, where there is room for a sentence.
SIDE_WORDS: Final = {
    "first": ("A", "A is better"),
    "second": ("B", "B is better"),
    "tie": ("tie", "As good as each other"),
    "both_bad": ("both bad", "Both are bad"),
}


@dataclass(frozen=True)
class Choice:
    """One option: what is sent, what is shown, the keys that choose it."""

    token: str
    label: str
    key: str
    arrow: str
    is_chosen: bool


@dataclass(frozen=True)
class When:
    """What an earlier control must hold for a question to be asked, for the page to know."""

    field: str
    tokens: str = ""  # separated by blanks
    at_most: str = ""
    at_least: str = ""


@dataclass(frozen=True)
class Asked:
    """One question as it stands on the desk."""

    question: Question
    field: str
    choices: Sequence[Choice]
    cannot_judge: bool
    text: str  # what is typed, for numbers and words
    is_asked: bool  # under the answers so far
    is_main: bool  # which of two is better, all in all
    when: When | None
    error: str

    @property
    def control(self) -> str:
        """Which control it has: points (one of its options), ticks (several), number, words."""
        if self.question.kind == Kind.CHOICES:
            return "ticks"
        if self.choices:
            return "points"
        return "words" if self.question.is_words else "number"

    @property
    def layout(self) -> str:
        """How the options stand: points under digits, side by side, halves, or in a column."""
        labels = [choice.label for choice in self.choices]
        if self.is_main:
            return "col"
        longest = max(map(len, labels), default=0)
        if len(labels) <= 3 and longest <= WIDTH / len(labels or "-") / LETTER - 6:
            return "side"
        if self.question.kind != Kind.CHOICES and _fit_in_a_row(labels):
            return "line"
        return "half" if longest <= HALF else "col"

    @property
    def ends(self) -> tuple[str, str] | None:
        """What the first and the last of bare points in order mean; words say it themselves."""
        question = self.question
        if question.kind != Kind.RATING or question.scale == Question.Scale.NOMINAL:
            return None
        values = [option["value"] for option in question.options]
        bare = all(option["label"] == str(option["value"]) for option in question.options)
        if not bare or not has_numbers(question):
            return None
        if values == sorted(values):
            return "low", "high"
        return ("high", "low") if values == sorted(values, reverse=True) else None

    @property
    def first(self) -> Choice:
        return self.choices[0]

    @property
    def last(self) -> Choice:
        return self.choices[-1]

    @property
    def state(self) -> str:
        """What is chosen, in a word or two, for where the options are folded away."""
        if self.cannot_judge:
            return "cannot judge"
        chosen = [choice.label for choice in self.choices if choice.is_chosen]
        return ", ".join(chosen) or self.text[:40] or "not yet"

    @property
    def condition(self) -> str:
        return in_words(self.question.condition) if self.question.condition else ""

    @property
    def span(self) -> str:
        """The range of a number, in words."""
        low, high = self.question.low, self.question.high
        if low is not None and high is not None:
            return f"A number from {low:g} to {high:g}."
        if low is not None:
            return f"A number, {low:g} or more."
        return "A number." if high is None else f"A number, {high:g} or less."


@dataclass(frozen=True)
class Sheet:
    """All questions about one unit, as a form that is filled in so far."""

    asked: list[Asked]
    fields: Fields
    is_swapped: bool
    error: str = ""  # about the whole

    @property
    def is_untouched(self) -> bool:
        """Say whether nothing is chosen and nothing is wrong: all such sheets look alike."""
        return not (self.fields or self.error or any(each.error for each in self.asked))

    @property
    def is_tight(self) -> bool:
        return len(self.asked) > MANY

    @property
    def has_words(self) -> bool:
        return any(each.question.kind == Kind.TEXT for each in self.asked)

    @property
    def corrects(self) -> bool:
        return any(each.question.kind == Kind.CORRECTION for each in self.asked)


def sheet_of(
    questions: Sequence[Question],
    fields: Fields,
    *,
    is_swapped: bool = False,
    errors: Mapping[str, str] | None = None,
) -> Sheet:
    """Return the questions with what a form holds; with `errors`, what is wrong with it."""
    errors = errors or {}
    answers, _ = answers_in(questions, fields, is_swapped=is_swapped)
    called_for = {question.name for question in asked_under(questions, answers)}
    first = next((each for each in questions if each.kind == Kind.PREFERENCE), None)
    by_name = {question.name: question for question in questions}
    asked = [
        Asked(
            question=question,
            field=field_of(question),
            choices=_choices(question, fields, is_main=question is first),
            cannot_judge=cannot_judge(question, fields),
            text=_text(question, fields),
            is_asked=question.name in called_for,
            is_main=question is first and not has_numbers(question),
            when=_when(question, by_name, is_swapped=is_swapped),
            error=errors.get(field_of(question), ""),
        )
        for question in questions
    ]
    return Sheet(asked, fields, is_swapped, errors.get("", ""))


def _text(question: Question, fields: Fields) -> str:
    return "" if question.options else "".join(fields.get(field_of(question), ())[:1])


def _choices(question: Question, fields: Fields, *, is_main: bool) -> list[Choice]:
    chosen = fields.get(field_of(question), ())
    keys = keys_of(question)
    choices = []
    for at in _order(question):
        option = question.options[at]
        value, label = option["value"], option["label"]
        is_side = question.kind == Kind.PREFERENCE and value in SIDE_WORDS
        if is_side and is_main and label == SIDE_WORDS[value][0]:
            label = SIDE_WORDS[value][1]
        arrow = SIDE_ARROWS.get(value, "") if is_side and is_main else ""
        choices.append(Choice(str(at), label, keys[at], arrow, str(at) in chosen))
    return choices


def _order(question: Question) -> list[int]:
    """Return the options in the order in which they stand; grades go from left to right."""
    places = list(range(len(question.options)))
    if question.kind == Kind.PREFERENCE and has_numbers(question):
        places.sort(key=lambda at: -question.options[at]["value"])
    return places


def keys_of(question: Question) -> list[str]:
    """Return the key of each option: the option itself where all are digits, else its place.

    On a scale up to ten, X is the ten. Of a preference A and B are the sides.
    """
    values = [option["value"] for option in question.options]
    if question.kind == Kind.PREFERENCE and not has_numbers(question):
        return [SIDE_KEYS[value] for value in values]
    if all(is_number(value) and value in range(11) for value in values):
        return ["X" if value == 10 else f"{value:g}" for value in values]
    places = {at: place for place, at in enumerate(_order(question), start=1)}
    return [str(places[at]) if places[at] < 10 else "" for at in range(len(values))]


def _fit_in_a_row(labels: Sequence[str]) -> bool:
    if not labels:
        return False
    width = (WIDTH - GAP * (len(labels) - 1)) / len(labels)
    letters = int((width - EDGE) / LETTER)
    longest = max(len(word) for label in labels for word in label.split())
    return longest <= letters and max(map(len, labels)) <= LINES * letters


def _when(question: Question, by_name: Mapping[str, Question], *, is_swapped: bool) -> When | None:
    condition = question.condition
    earlier = by_name.get(condition["question"]) if condition else None
    if condition is None or earlier is None:
        return None
    name = field_of(earlier)
    if not earlier.options:
        most, least = condition.get("at_most"), condition.get("at_least")
        return When(
            name,
            at_most="" if most is None else repr(most),
            at_least="" if least is None else repr(least),
        )
    tokens = [
        str(at)
        for at, option in enumerate(earlier.options)
        if applies(question, {earlier.name: _as_answered(earlier, option, is_swapped)})
    ]
    return When(name, tokens=" ".join(tokens))


def _as_answered(question: Question, option: Mapping[str, Any], is_swapped: bool) -> Answer:  # noqa: FBT001
    value: Answer = option["value"]
    return mirrored(value) if is_swapped and question.kind == Kind.PREFERENCE else value
