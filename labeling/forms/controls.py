"""What leads type to set a unit's right answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms

from evalhub.errors import LineError
from evalhub.intake.rows import KnownRow
from evalhub.runs.models import Run
from labeling.models import Purpose
from labeling.questions import Answer
from labeling.services.controls import MAX_EXPLANATION


class ControlForm(forms.Form):
    """Which output it is, and how strictly it is held to its right answers."""

    key = forms.CharField(max_length=400, label="Key of the example")
    run = forms.ChoiceField(label="Output of")
    attempt = forms.IntegerField(min_value=1, max_value=10**6, initial=1)
    second_run = forms.ChoiceField(label="Compared with")
    second_attempt = forms.IntegerField(min_value=1, max_value=10**6, initial=1, label="Attempt")
    purpose = forms.ChoiceField(
        label="Use it",
        choices=[
            (Purpose.CONTROL.value, "as a control: mixed in silently"),
            (Purpose.QUALIFICATION.value, "in the qualification: first, with feedback"),
        ],
        help_text=(
            "Who has begun without a qualification answers it before their next output, and what "
            "they answered stays. To ask several units in it, set them together by a file."
        ),
    )
    tolerance = forms.FloatField(
        min_value=0,
        max_value=10**9,
        initial=0,
        help_text="How far from the right number or point still counts as right.",
    )
    explanation = forms.CharField(
        required=False,
        max_length=MAX_EXPLANATION,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Why it is right; shown in the qualification.",
    )

    def __init__(self, *args: Any, runs: Sequence[Run], is_of_pairs: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(run.public_id, str(run.system_version)) for run in runs]
        for name in ("run", "second_run"):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)  # noqa: S101 - declared above
            field.choices = choices
        if not is_of_pairs:
            del self.fields["second_run"], self.fields["second_attempt"]

    def row(self, answers: Mapping[str, Answer]) -> KnownRow:
        """Return the same as a line of a file."""
        given = self.cleaned_data
        return KnownRow(
            answers=dict(answers),
            key=given["key"],
            run=given["run"],
            attempt=given["attempt"],
            second_run=given.get("second_run"),
            second_attempt=given.get("second_attempt") or 1,
            tolerance=given["tolerance"],
            explanation=given["explanation"],
            purpose=given["purpose"],
        )

    def show(self, faults: Sequence[LineError]) -> dict[str, str]:
        """Put faults beside the fields they are about; those of answers are returned by name."""
        of_answers: dict[str, str] = {}
        for fault in faults:
            field = fault.field or ""
            if field.startswith("answers"):
                of_answers[field.removeprefix("answers").removeprefix(".")] = fault.detail
            else:
                self.add_error(field if field in self.fields else None, fault.detail)
        return of_answers
