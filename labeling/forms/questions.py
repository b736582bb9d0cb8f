"""Questions as leads type them: one form each, and rows that are added, moved and taken out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from django import forms
from django.http import QueryDict

from evalhub.errors import DomainError, FieldError
from labeling.forms.options import lines_of, options_of
from labeling.models import Question
from labeling.questions import described, is_number
from labeling.questions.kinds import MAX_QUESTIONS, SCALE_OF_KIND
from labeling.questions.templates import TEMPLATES

PREFIX: Final = "question"
KINDS: Final = (
    ("rating", "rating: points in order"),
    ("yes_no", "yes or no"),
    ("choice", "one of several"),
    ("choices", "several of several"),
    ("number", "number"),
    ("text", "words: a critique, a reason"),
    ("correction", "the output, corrected"),
    ("preference", "preference: which of two"),
)
_SCALED: Final = ("rating", "choice", "number", "preference")
_WORDS: Final = ("text", "correction")


class QuestionForm(forms.Form):
    """One question. A row that nobody touched is no question."""

    name = forms.CharField(max_length=100)
    text = forms.CharField(
        required=False,
        max_length=2_000,
        label="What is asked",
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    kind = forms.ChoiceField(choices=KINDS, initial="rating")
    options = forms.CharField(
        required=False,
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 6}),
        label="Options, one a line",
        help_text="Of a rating the lowest first; left empty it is 1 to 5. Of a preference left "
        "empty A, B, tie, both bad. A value of your own goes before its label: 2 = much better.",
    )
    low = forms.FloatField(
        required=False, label="Lowest number", help_text="Of a rating: instead of options."
    )
    high = forms.FloatField(required=False, label="Highest number")
    scale = forms.ChoiceField(
        required=False,
        choices=[
            ("", "usual for the kind"),
            ("nominal", "nominal: equal or not"),
            ("ordinal", "ordinal: in order"),
            ("interval", "interval: distances count"),
            ("ratio", "ratio: from a true zero"),
        ],
    )
    lower_is_better = forms.BooleanField(required=False)
    optional = forms.BooleanField(required=False, label="May be left open")
    if_question = forms.CharField(
        required=False,
        max_length=100,
        label="Asked only when",
        help_text="The name of a question above. Left empty: always.",
        widget=forms.TextInput(attrs={"list": "question-names"}),
    )
    if_test = forms.ChoiceField(
        required=False,
        label="Its answer",
        choices=[("at_most", "is at most"), ("at_least", "is at least"), ("is", "is one of")],
    )
    if_value = forms.CharField(
        required=False, max_length=1_000, label="This", help_text="A number, or options: a, b"
    )
    target_alpha = forms.FloatField(
        required=False,
        label="Agreement to reach",
        help_text="An alpha between 0 and 1: you are told when it is lower.",
    )

    def as_asked(self) -> dict[str, object] | None:
        """Return the question in the form that REST takes, or None for an untouched row."""
        given = self.cleaned_data
        if not given.get("name"):
            return None
        kind = given["kind"]
        has_ends = kind in ("rating", "number")
        return {
            "name": given["name"],
            "text": given["text"],
            "kind": kind,
            "scale": (kind in _SCALED and given["scale"]) or None,
            "options": options_of(kind, given["options"]),
            "low": given["low"] if has_ends else None,
            "high": given["high"] if has_ends else None,
            "required": not given["optional"],
            "higher_is_better": not given["lower_is_better"],
            "target_alpha": None if kind in _WORDS else given["target_alpha"],
        }

    def condition(self, before: Sequence[Mapping[str, Any]]) -> dict[str, object] | None:
        """Return when the question is asked, in the form of REST; `before` stand above it."""
        given = self.cleaned_data
        name, test = given["if_question"].strip(), given["if_test"] or "at_most"
        if not name:
            return None
        if test == "is":
            earlier = next((each for each in before if each["name"] == name), {})
            return {"question": name, "is": _wanted(given["if_value"], earlier)}
        return {"question": name, test: _number(given["if_value"])}


def _number(text: str) -> object:
    try:
        number = float(text.strip().replace("\N{MINUS SIGN}", "-"))
    except ValueError:
        return text
    return int(number) if number.is_integer() else number


def _wanted(text: str, earlier: Mapping[str, Any]) -> list[object]:
    """Return the options that are named, by their labels or their values."""
    known: dict[str, object] = (
        {"yes": True, "no": False} if earlier.get("kind") == "yes_no" else {}
    )
    options = earlier.get("options") or []
    for option in options:
        value = option["value"] if isinstance(option, dict) else option
        label = option["label"] if isinstance(option, dict) else option
        known |= {str(label): value, str(value): value}
    whole = text.strip()
    parts = [whole] if whole in known else [part.strip() for part in whole.split(",")]
    return [known[part] if part in known else _number(part) for part in parts if part]


class QuestionRows(forms.BaseFormSet):  # type: ignore[type-arg]
    """The questions of a page. All rows are alike: none stands for something stored."""

    def initial_form_count(self) -> int:
        return 0

    def total_form_count(self) -> int:
        if self.is_bound:
            return super().total_form_count()
        return max(1, len(self.initial or ()))


_Rows = forms.formset_factory(
    QuestionForm,
    formset=QuestionRows,
    max_num=MAX_QUESTIONS,
    absolute_max=MAX_QUESTIONS,
    validate_max=True,
)


def rows_of(
    data: QueryDict | None = None,
    initial: Sequence[Mapping[str, Any]] = (),
    *,
    begins_at: int | None = None,
) -> Any:
    """Return the formset: what was sent, or what it begins from, to go on in one of its rows."""
    rows = _Rows(data, prefix=PREFIX, initial=list(initial))
    if begins_at is not None:
        rows[begins_at].fields["name"].widget.attrs["autofocus"] = True
    return rows


def asked_in(rows: Any) -> tuple[list[dict[str, object]], list[QuestionForm]]:
    """Return the questions in the form that REST takes, and the rows they stand in.

    Rows that their own fields refuse are left out, so that the rest can be checked.
    """
    found: list[dict[str, object]] = []
    forms_: list[QuestionForm] = []
    for row in rows:
        asked = None if row.errors else row.as_asked()
        if asked is not None:
            asked["condition"] = row.condition(found)
            found.append(asked)
            forms_.append(row)
    return found, forms_


# Rows from what is stored, or from a template


def row_of(question: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is typed for a question that is in the form of REST."""
    kind, condition = question["kind"], question.get("condition") or {}
    options = question.get("options") or []
    test = next((test for test in condition if test != "question"), "at_most")
    return {
        "name": question["name"],
        "text": question.get("text", ""),
        "kind": kind,
        "options": "" if kind == "yes_no" else lines_of(kind, options),
        "low": _plain(question.get("low")),
        "high": _plain(question.get("high")),
        "scale": _scale(kind, question.get("scale"), options),
        "lower_is_better": not question.get("higher_is_better", True),
        "optional": not question.get("required", True),
        "if_question": condition.get("question", ""),
        "if_test": test,
        "if_value": _typed(condition.get(test)),
        "target_alpha": question.get("target_alpha"),
    }


def _plain(number: float | None) -> float | int | None:
    return int(number) if number is not None and float(number).is_integer() else number


def _scale(kind: str, scale: str | None, options: Sequence[Mapping[str, Any]]) -> str:
    """Return the scale where it is not the usual one of the kind."""
    if kind not in _SCALED:
        return ""
    usual = SCALE_OF_KIND[Question.Kind(kind)]
    if kind == "preference" and all(is_number(option["value"]) for option in options):
        usual = Question.Scale.ORDINAL
    return "" if scale in (None, usual.value) else str(scale)


def _typed(wanted: object) -> str:
    if wanted is None:
        return ""
    values = wanted if isinstance(wanted, list) else [wanted]
    words = {True: "yes", False: "no"}
    return ", ".join(words[value] if isinstance(value, bool) else str(value) for value in values)


# Rows that are added, moved, taken out


def sent_rows(data: QueryDict) -> list[dict[str, str]]:
    """Return the rows as they were typed, unchecked."""
    number = data.get(f"{PREFIX}-TOTAL_FORMS", "")
    n_rows = min(int(number), MAX_QUESTIONS) if re.fullmatch(r"[0-9]{1,3}", number) else 0
    names = list(QuestionForm.base_fields)
    return [
        {name: data.get(f"{PREFIX}-{at}-{name}", "") for name in names} for at in range(n_rows)
    ]


def rearranged(rows: Sequence[dict[str, Any]], what: str) -> tuple[list[dict[str, Any]], int]:
    """Return the rows after "add", "up-2", "down-0" or "remove-1", and the row to go on in."""
    rows, (act, _, place) = list(rows), what.partition("-")
    if act == "add":
        rows = [*rows, {}] if len(rows) < MAX_QUESTIONS else rows
        return rows, len(rows) - 1
    at = int(place) if re.fullmatch(r"[0-9]{1,3}", place) else len(rows)
    if at >= len(rows):
        return rows, 0
    if act == "remove":
        del rows[at]
        return rows, max(0, min(at, len(rows) - 1))
    to = at - 1 if act == "up" else at + 1
    if act in ("up", "down") and 0 <= to < len(rows):
        rows[at], rows[to] = rows[to], rows[at]
        return rows, to
    return rows, at


def from_template(rows: Iterable[dict[str, Any]], key: str) -> list[dict[str, Any]]:
    """Put a template's questions after those that somebody wrote; those of other ones go."""
    template = TEMPLATES.get(key)
    if template is None:
        return list(rows)
    drafted = [_compared(row_of(each)) for one in TEMPLATES.values() for each in one.questions]
    own = [row for row in rows if row.get("name") and _compared(row) not in drafted]
    return [*own, *map(row_of, template.questions)][:MAX_QUESTIONS]


def _is_typed(value: object) -> bool:
    return value is not None and value is not False and value != ""


def _compared(row: Mapping[str, Any]) -> dict[str, str]:
    """Return a row as a form would send it."""
    sent = {
        name: str(value).strip() for name, value in row.items() if value not in (None, False, "")
    }
    sent = {**sent, **{name: "on" for name in ("lower_is_better", "optional") if name in sent}}
    if not sent.get("if_question"):
        sent.pop("if_test", None)
    return {**sent, "options": "\n".join(sent.get("options", "").split("\r\n"))}


# What a plan was refused for

_FIELD: Final = re.compile(r"questions\[(\d+)\]\.?(\w*)")
_SHOWN_AT: Final = {"condition": "if_question", "required": "optional"}


def show_question_error(fault: FieldError, asked: Sequence[QuestionForm]) -> bool:
    """Put a fault beside the field of the question it is about, and say whether it is one."""
    found = _FIELD.fullmatch(fault.field or "")
    if found is None:
        return False
    row, member = asked[int(found[1])], _SHOWN_AT.get(found[2], found[2])
    row.add_error(member if member in row.fields else None, fault.detail)
    return True


def faults_of(error: DomainError) -> Sequence[FieldError]:
    """Return what is wrong by field; an error without fields is one about everything."""
    given = [each for each in error.errors if isinstance(each, FieldError)]
    return given or [FieldError("", error.code, error.detail)]


def asked_now(questions: Iterable[Question]) -> list[dict[str, Any]]:
    """Return the rows of the questions that a campaign asks."""
    return [row_of(described(question)) for question in questions]
