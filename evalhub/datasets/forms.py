"""What people type into the dataset pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms

from evalhub.datasets.models import Dataset
from evalhub.datasets.reading import Counted
from evalhub.datasets.services import MODES
from evalhub.intake.columns import ExampleColumns, guess_columns
from evalhub.web.formatting import count, plural
from metrics.statistics.groups import MIN_CLUSTERS

# What a column can become. "metadata" is where every unnamed column goes.
ROLES = ("key", "input", "expected_output", "references", "context", "relevant")
METADATA = "metadata"
REQUIRED = ("key", "input")
_BECOMES = {role: f"{role} (required)" for role in REQUIRED}
# A form takes so many columns; those after them are metadata.
MAX_SHOWN = 500


class DatasetChoice(forms.ModelChoiceField):  # type: ignore[type-arg]  # generic for mypy only
    """Datasets by the name people know and the slug programs use."""

    def label_from_instance(self, obj: Dataset) -> str:
        return f"{obj.name} ({obj.slug})"


class UploadForm(forms.Form):
    """A file, and the dataset it is for: one that exists, or a new one with its name."""

    dataset = DatasetChoice(
        Dataset.objects.none(),
        required=False,
        to_field_name="slug",
        empty_label="A new dataset, named below",
        help_text="A file for a dataset that exists becomes its next version.",
    )
    name = forms.CharField(
        max_length=200, required=False, label="Name of the new dataset", strip=True
    )
    description = forms.CharField(
        max_length=2_000,
        required=False,
        label="What it is for",
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="One sentence for those who see it in the list.",
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
        if not (cleaned.get("dataset") or cleaned.get("name") or self.errors):
            self.add_error("name", "Name the new dataset, or choose above one that exists.")
        return cleaned


class TagForm(forms.Form):
    """A tag that is put on a version, or taken off."""

    do = forms.ChoiceField(
        choices=[("move", "set"), ("remove", "remove")],
        initial="move",
        widget=forms.HiddenInput,
    )
    name = forms.CharField(
        max_length=100,
        label="Tag",
        widget=forms.TextInput(attrs={"list": "usual-tags", "autocomplete": "off"}),
    )


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
        help_text=(
            "Examples with the same value belong together, such as those of one document, and are "
            "not counted as independent: intervals get wider, and under "
            f"{MIN_CLUSTERS} clusters there are none."
        ),
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
        cluster: str = "",
        counted: Counted,
        **kwargs: Any,
    ):
        super().__init__(*args, **kwargs)
        self.columns = list(columns)[:MAX_SHOWN]
        guessed = {column: role for role, column in guess_columns(self.columns).given.items()}
        for number, name in enumerate(self.columns):
            self.fields[f"column_{number}"] = forms.ChoiceField(
                choices=[(role, _BECOMES.get(role, role)) for role in (*ROLES, METADATA)],
                initial=guessed.get(name, METADATA),
                label=name,
            )
        self.unguessed = [role for role in REQUIRED if role not in guessed.values()]
        clusters = self.fields["cluster"]
        assert isinstance(clusters, forms.ChoiceField)  # noqa: S101 - declared above
        names = [*(name for name in self.columns if name != METADATA), *fields_inside]
        labels = {name: _cluster_label(name, counted) for name in names}
        clusters.choices = [("", "none"), *labels.items()]
        # What the version before was grouped by, so that its numbers stay comparable.
        clusters.initial = cluster if cluster in labels else ""
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
        for role in REQUIRED:
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


def _cluster_label(name: str, counted: Counted) -> str:
    """Say of a field how many clusters it would give, and what speaks against it."""
    n, without = counted.n_values(name), counted.n_without(name)
    if not n:
        return name
    at_least = "" if counted.is_whole else "at least "
    said = f"{name}: {at_least}{plural(n, 'value')}"
    if without:
        return f"{said}, none in {plural(without, 'row')}"
    if counted.is_whole and n < MIN_CLUSTERS:
        return f"{said}, under {count(MIN_CLUSTERS)}: no intervals"
    return said
