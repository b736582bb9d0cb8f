"""What leads type to change a campaign under way."""

from __future__ import annotations

from django import forms


class GuidelinesForm(forms.Form):
    """Guidelines, and what changed; `seen` is the version that the writer had before them."""

    text = forms.CharField(
        required=False,
        max_length=100_000,
        widget=forms.Textarea(attrs={"rows": 18}),
        label="Guidelines",
        help_text="Markdown.",
    )
    note = forms.CharField(
        required=False,
        max_length=500,
        label="What changed",
        help_text="Annotators read it with the new text.",
    )
    seen = forms.IntegerField(min_value=0, widget=forms.HiddenInput)


class QuestionsForm(forms.Form):
    """What changed of the questions; `seen` is the version that was changed."""

    note = forms.CharField(
        required=False, max_length=500, label="What changed", help_text="For the history."
    )
    seen = forms.IntegerField(min_value=0, widget=forms.HiddenInput)
