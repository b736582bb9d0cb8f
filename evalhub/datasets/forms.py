"""What people type into the dataset pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms

from evalhub.datasets.models import Dataset
from evalhub.datasets.services import MODES
from evalhub.intake.columns import ExampleColumns, guess_columns

# What a column can become. "metadata" is where every unnamed column goes.
ROLES = ("key", "input", "expected_output", "references", "context", "relevant")
METADATA = "metadata"
# A form takes so many columns; those after them are metadata.
MAX_SHOWN = 500


class UploadForm(forms.Form):
    """A file, and the dataset it is for: one that exists, or a new name."""

    dataset = forms.ModelChoiceField(
        Dataset.objects.none(),
        required=False,
        to_field_name="slug",
        empty_label="a new dataset",
        help_text="A file for a dataset that exists becomes its next version.",
    )
    name = forms.CharField(
        max_length=200, required=False, label="Name of a new dataset", strip=True
    )
    file = forms.FileField(
        allow_empty_file=True,
        help_text="JSONL or CSV, up to 1 GiB. Each example needs a key and an input.",
    )

    def __init__(self, *args: Any, datasets: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["dataset"]
        assert isinstance(field, forms.ModelChoiceField)  # noqa: S101 - declared above
        field.queryset = datasets

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if bool(cleaned.get("dataset")) == bool(cleaned.get("name")):
            raise forms.ValidationError(
                "Choose a dataset that exists, or give the name of a new one."
            )
        return cleaned


class ColumnsForm(forms.Form):
    """What each column of a file becomes, and how the version is made."""

    mode = forms.ChoiceField(
        choices=[(mode, mode) for mode in MODES],
        initial="replace",
        widget=forms.RadioSelect,
        label="Keys that are not in this file",
    )
    cluster = forms.ChoiceField(
        required=False,
        label="Cluster field",
        help_text="Examples that belong together, such as those of one document.",
    )
    notes = forms.CharField(
        required=False, max_length=2_000, widget=forms.Textarea(attrs={"rows": 2})
    )

    def __init__(
        self,
        *args: Any,
        columns: Sequence[str],
        fields_inside: Sequence[str],
        has_versions: bool,
        **kwargs: Any,
    ):
        super().__init__(*args, **kwargs)
        self.columns = list(columns)[:MAX_SHOWN]
        guessed = {column: role for role, column in guess_columns(self.columns).given.items()}
        for number, name in enumerate(self.columns):
            self.fields[f"column_{number}"] = forms.ChoiceField(
                choices=[(role, role) for role in (*ROLES, METADATA)],
                initial=guessed.get(name, METADATA),
                label=name,
            )
        cluster = self.fields["cluster"]
        assert isinstance(cluster, forms.ChoiceField)  # noqa: S101 - declared above
        names = [*(name for name in self.columns if name != METADATA), *fields_inside]
        cluster.choices = [("", "none"), *((name, name) for name in dict.fromkeys(names))]
        mode = self.fields["mode"]
        assert isinstance(mode, forms.ChoiceField)  # noqa: S101 - declared above
        mode.choices = [("replace", "Leave them out: the version is what this file says")]
        if has_versions:
            mode.choices = [
                *mode.choices,
                ("merge", "Keep them as they are in the newest version"),
            ]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        chosen = [cleaned.get(f"column_{number}") for number in range(len(self.columns))]
        for role in ROLES:
            if chosen.count(role) > 1:
                raise forms.ValidationError(f"Two columns cannot both become {role}.")
        for role in ("key", "input"):
            if role not in chosen:
                raise forms.ValidationError(f"One column must become {role}.")
        cluster = cleaned.get("cluster", "")
        becomes = dict(zip(self.columns, chosen, strict=True)).get(cluster, METADATA)
        if becomes != METADATA:
            self.add_error(
                "cluster",
                f"{cluster} becomes {becomes}; clusters are named by a column of metadata.",
            )
        return cleaned

    def mapping(self) -> ExampleColumns:
        """Return which column holds which part of an example."""
        pairs = (
            (self.cleaned_data[f"column_{number}"], name)
            for number, name in enumerate(self.columns)
        )
        return ExampleColumns(**{role: name for role, name in pairs if role in ROLES})
