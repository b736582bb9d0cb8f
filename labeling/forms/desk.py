"""What people answer at the desk: questions as they are shown, and what was sent of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError

from labeling.models import Question
from labeling.questions import Answer, AnswerError, Value, has_numbers, is_number, read_answer

CANNOT_JUDGE: Final = "na"
NARROW: Final = 12  # characters of a label that fits beside four others
ROW: Final = 7  # points that stand side by side


@dataclass(frozen=True)
class Choice:
    """One option of a question: what is sent, what is shown, and the digit that chooses it."""

    token: str
    label: str
    key: str
    is_chosen: bool


@dataclass(frozen=True)
class Asked:
    """One question as it stands on the desk."""

    question: Question
    field: str
    choices: Sequence[Choice]
    cannot_judge: bool
    text: str  # what is typed, for numbers
    error: str

    @property
    def is_answered(self) -> bool:
        chosen = any(choice.is_chosen for choice in self.choices)
        return self.cannot_judge or chosen or bool(self.text)

    @property
    def last(self) -> Choice:
        return self.choices[-1]

    @property
    def is_row(self) -> bool:
        """Say whether the options fit side by side."""
        longest = max((len(choice.label) for choice in self.choices), default=0)
        many = len(self.choices) > ROW
        return longest <= (2 if many else NARROW) and len(self.choices) <= 11

    @property
    def ends(self) -> tuple[str, str] | None:
        """What the first and the last of bare points in order mean; words say it themselves."""
        if self.question.scale == Question.Scale.NOMINAL or not self.choices:
            return None
        values = [option["value"] for option in self.question.options]
        bare = all(option["label"] == str(option["value"]) for option in self.question.options)
        if not bare or not has_numbers(self.question):
            return None
        if values == sorted(values):
            return "low", "high"
        return ("high", "low") if values == sorted(values, reverse=True) else None

    @property
    def state(self) -> str:
        """What is chosen, in a word or two, for where the options are folded away."""
        if self.cannot_judge:
            return "cannot judge"
        chosen = next((choice.label for choice in self.choices if choice.is_chosen), self.text)
        return chosen or "not yet"

    @property
    def span(self) -> str:
        """The range of a number, in words."""
        low, high = self.question.low, self.question.high
        if low is not None and high is not None:
            return f"A number from {low:g} to {high:g}."
        if low is not None:
            return f"A number, {low:g} or more."
        return "A number." if high is None else f"A number, {high:g} or less."


class DeskForm(forms.Form):
    """The answers to one unit. Options travel as their index, so no value needs escaping."""

    unit = forms.CharField(max_length=24)

    def __init__(self, *args: Any, questions: Sequence[Question], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.questions = questions
        for question in questions:
            name = field_name(question)
            if question.kind == Question.Kind.NUMBER:
                self.fields[name] = forms.CharField(required=False, max_length=40)
                self.fields[f"{name}-{CANNOT_JUDGE}"] = forms.BooleanField(required=False)
            else:
                tokens = [str(at) for at in range(len(question.options))] + [CANNOT_JUDGE]
                self.fields[name] = forms.ChoiceField(
                    required=False, choices=[(token, token) for token in tokens]
                )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        self.answers: dict[str, Answer] = {}
        for question in self.questions:
            try:
                self._clean_one(question, cleaned)
            except (AnswerError, ValidationError) as error:
                said = error.messages[0] if isinstance(error, ValidationError) else str(error)
                self.add_error(field_name(question), said)
        if not self.answers and not self.errors:
            raise ValidationError("Answer at least one question, or skip this output.")
        return cleaned

    def _clean_one(self, question: Question, cleaned: Mapping[str, Any]) -> None:
        name = field_name(question)
        if name not in cleaned:
            return
        given = cleaned[name]
        if given == CANNOT_JUDGE or cleaned.get(f"{name}-{CANNOT_JUDGE}"):
            self.answers[question.name] = None
        elif given:
            self.answers[question.name] = read_answer(question, _value(question, given))
        elif question.is_required:
            raise ValidationError("No answer yet. Choose n/a if it cannot be judged.")

    def asked(self) -> Iterator[Asked]:
        """Yield the questions with what was sent, for a page that says what is wrong."""
        for question in self.questions:
            name = field_name(question)
            errors = self.errors.get(name)
            cannot = self.data.get(name) == CANNOT_JUDGE
            yield asked(
                question,
                token=self.data.get(name, "")[:40],
                cannot_judge=cannot or f"{name}-{CANNOT_JUDGE}" in self.data,
                error=str(errors[0]) if errors else "",
            )


def _value(question: Question, given: str) -> Value:
    if question.kind != Question.Kind.NUMBER:
        value: Value = question.options[int(given)]["value"]
        return value
    try:
        number = float(given.strip().replace("\N{MINUS SIGN}", "-"))
    except ValueError:
        number = float("nan")
    if "_" in given or not is_number(number):
        raise ValidationError("This is no number; write it as 8 or 8.5.")
    return int(number) if number.is_integer() else number


def field_name(question: Question) -> str:
    return f"q{question.order}"


def asked_again(questions: Sequence[Question], answers: Mapping[str, Answer]) -> list[Asked]:
    """Return the questions with the answers that somebody gave before, or none."""
    return [_asked_again(question, answers) for question in questions]


def _asked_again(question: Question, answers: Mapping[str, Answer]) -> Asked:
    answer = answers.get(question.name)
    cannot = question.name in answers and answer is None
    token = ""
    if question.kind == Question.Kind.NUMBER:
        token = "" if answer is None else repr(answer)
    elif answer is not None:
        values = [option["value"] for option in question.options]
        token = str(values.index(answer)) if answer in values else ""
    return asked(question, token=token, cannot_judge=cannot)


def asked(question: Question, *, token: str, cannot_judge: bool, error: str = "") -> Asked:
    keys = _keys(question)
    return Asked(
        question=question,
        field=field_name(question),
        choices=[
            Choice(str(at), option["label"], keys[at], token == str(at) and not cannot_judge)
            for at, option in enumerate(question.options)
        ],
        cannot_judge=cannot_judge,
        text=token if question.kind == Question.Kind.NUMBER else "",
        error=error,
    )


def _keys(question: Question) -> list[str]:
    """Return the digit of each option: the option itself where all are digits, else its place."""
    values = [option["value"] for option in question.options]
    if all(is_number(value) and value in range(10) for value in values):
        return [f"{value:g}" for value in values]
    return [str(at) if at < 10 else "" for at in range(1, len(values) + 1)]
