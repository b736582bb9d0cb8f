"""What leads type to set a campaign up."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from django import forms

from evalhub.errors import DomainError, FieldError


class CampaignForm(forms.Form):
    """What a campaign is about, apart from its questions."""

    name = forms.CharField(
        max_length=200,
        help_text="Annotators see it, so it must not name a system.",
    )
    runs = forms.MultipleChoiceField(
        widget=forms.CheckboxSelectMultiple,
        help_text="Finished runs of one dataset. Equal outputs of an example are shown once.",
        error_messages={"required": "Choose at least one run."},
    )
    overlap = forms.IntegerField(
        min_value=1,
        max_value=50,
        initial=2,
        label="People for each output",
        help_text="Agreement needs at least two.",
    )
    examples = forms.IntegerField(
        min_value=1,
        max_value=10**9,
        required=False,
        label="Number of examples",
        help_text="Drawn at random, with all their outputs. Left empty: all of them.",
    )
    guidelines = forms.CharField(
        required=False, max_length=100_000, widget=forms.Textarea(attrs={"rows": 6})
    )
    show_reference = forms.BooleanField(required=False, label="Show the expected answer")

    def __init__(self, *args: Any, runs: Sequence[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["runs"]
        assert isinstance(field, forms.MultipleChoiceField)  # noqa: S101 - declared above
        field.choices = list(runs)


class QuestionForm(forms.Form):
    """One question. A row that nobody touched is no question."""

    name = forms.CharField(max_length=100)
    text = forms.CharField(required=False, max_length=2_000, label="What is asked")
    kind = forms.ChoiceField(
        choices=[
            ("rating", "rating: points in order"),
            ("choice", "choice: one of several"),
            ("number", "number"),
            ("yes_no", "yes or no"),
        ],
        initial="rating",
    )
    options = forms.CharField(
        required=False,
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 3}),
        label="Options, one a line",
        help_text="Of a rating the lowest first, in words that say what it means; "
        "left empty it is 1 to 5, from low to high.",
    )
    low = forms.FloatField(
        required=False,
        label="Lowest number",
        help_text="Of a rating: instead of options, as in 0 to 10.",
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

    def as_asked(self) -> dict[str, object] | None:
        """Return the question in the form that REST takes, or None for an untouched row."""
        given = self.cleaned_data
        if not given.get("name"):
            return None
        has_ends = given["kind"] in ("rating", "number")
        lines = [line.strip() for line in given["options"].splitlines() if line.strip()]
        return {
            "name": given["name"],
            "text": given["text"],
            "kind": given["kind"],
            "scale": (given["kind"] != "yes_no" and given["scale"]) or None,
            "options": _options(given["kind"], lines),
            "low": given["low"] if has_ends else None,
            "high": given["high"] if has_ends else None,
            "higher_is_better": not given["lower_is_better"],
        }


def _options(kind: str, lines: Sequence[str]) -> list[object] | None:
    if kind == "choice":
        return list(lines)
    if not lines or kind != "rating":
        return None
    return [{"value": at, "label": line} for at, line in enumerate(lines, start=1)]


MAX_ROWS: Final = 6
QuestionFormSet = forms.formset_factory(
    QuestionForm, extra=MAX_ROWS, max_num=MAX_ROWS, absolute_max=MAX_ROWS
)


def plan_body(form: CampaignForm, rows: Any) -> tuple[dict[str, object], list[QuestionForm]]:
    """Return the campaign in the form that REST takes, and the rows its questions stand in.

    What its field refuses already is left out, so that the rest can be checked with it.
    """
    asked = [(row, row.as_asked()) for row in rows if not row.errors]
    members = ("name", "runs", "overlap", "examples", "guidelines", "show_reference")
    return {
        **{member: form.cleaned_data.get(member) for member in members},
        "questions": [question for _, question in asked if question is not None],
    }, [row for row, question in asked if question is not None]


_QUESTION_FIELD: Final = re.compile(r"questions\[(\d+)\]\.?(\w*)")


def show_errors(
    error: DomainError, form: CampaignForm, rows: Any, asked: Sequence[QuestionForm]
) -> None:
    """Put what a plan was refused for beside the fields it is about.

    A field that was refused before keeps its own reason; so do questions as a whole.
    """
    for fault in error.errors or [FieldError("", error.code, error.detail)]:
        field = fault.field or ""
        found = _QUESTION_FIELD.fullmatch(field)
        if found is not None:
            row = asked[int(found[1])]
            row.add_error(found[2] if found[2] in row.fields else None, fault.detail)
        elif field == "questions":
            if rows.is_valid():
                form.add_error(None, "Ask at least one question: give it a name.")
        elif (name := field.split("[")[0]) not in form.errors:
            form.add_error(name if name in form.fields else None, fault.detail)
