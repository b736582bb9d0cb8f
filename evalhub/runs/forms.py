"""What people type into the runs pages."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from django import forms

from evalhub.accounts.models import Project
from evalhub.errors import DomainError, FieldError
from evalhub.intake.strict import strict_json
from evalhub.runs.specs import JUDGE_PREFIX
from evalhub.scorers.selectors import PREFIX, askable
from evalhub.web.formatting import plural
from metrics.base import Json
from metrics.catalog import CATALOG
from metrics.judge import RUBRICS


def metric_names(project: Project) -> list[tuple[str, str]]:
    """Return what a run can be measured with, for a select box."""
    automatic = [(metric.name, f"{metric.name}: {metric.title}") for metric in CATALOG]
    judged = [
        (JUDGE_PREFIX + name, f"{JUDGE_PREFIX}{name}: asks a language model") for name in RUBRICS
    ]
    remote = [
        (PREFIX + one.scorer.slug, f"{PREFIX}{one.scorer.slug}: {one.scorer.title}")
        for one in askable(project)
    ]
    return [*automatic, *remote, *judged]


class MeasureForm(forms.Form):
    """A metric to score a finished run with, or to score it with again."""

    metric = forms.ChoiceField()
    name = forms.CharField(
        max_length=64,
        required=False,
        label="Name in this run",
        help_text="Left empty, the metric's own. A name that is there already is scored again; "
        "what it was before is kept.",
    )
    params = forms.CharField(
        required=False,
        label="Parameters",
        widget=forms.Textarea(attrs={"rows": 4, "class": "mono", "spellcheck": "false"}),
        help_text='One JSON object, such as {"normalize": ["strip", "lowercase"]}. '
        "Left empty, the defaults.",
    )

    def __init__(self, *args: Any, project: Project, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["metric"] = forms.ChoiceField(choices=metric_names(project))

    def clean_params(self) -> dict[str, Json]:
        given = self.cleaned_data["params"].strip()
        if not given:
            return {}
        try:
            value: Any = strict_json(given.encode("utf-8", "surrogatepass"))
        except DomainError as exc:
            raise forms.ValidationError(exc.detail) from exc
        if not isinstance(value, dict):
            raise forms.ValidationError("The parameters are one JSON object, {…}.")
        return value

    def spec(self) -> dict[str, Json]:
        """Return the metric as a request would name it."""
        given = self.cleaned_data
        spec = {"name": given["metric"], "params": given["params"]}
        return {**spec, "as": given["name"]} if given["name"] else spec

    def take_errors(self, error: DomainError) -> None:
        """Put each fault of the spec beside the field it came from."""
        for fault in error.errors:
            field = _field_of(fault.field) if isinstance(fault, FieldError) else None
            self.add_error(field, fault.detail)
        if not error.errors:
            self.add_error(None, error.detail)


class RescoreForm(MeasureForm):
    """A metric to score many runs of a dataset with, and which runs."""

    version = forms.ChoiceField(required=False, label="Runs on")
    again = forms.BooleanField(
        required=False,
        label="Also runs that have exactly this number",
        help_text="Left out, a run whose number has the same signature is skipped.",
    )

    def __init__(self, *args: Any, versions: Sequence[tuple[int, int]], **kwargs: Any) -> None:
        """`versions` are numbers of versions, each with how many finished runs it has."""
        super().__init__(*args, **kwargs)
        n_runs = sum(n for _, n in versions)
        self.fields["name"].label = "Name in the runs"
        self.fields["version"].choices = [  # type: ignore[attr-defined]
            ("", f"every version ({plural(n_runs, 'finished run')})"),
            *((str(number), f"v{number} ({plural(n, 'finished run')})") for number, n in versions),
        ]

    def asked(self) -> dict[str, Any]:
        """Return what a request would say."""
        version = self.cleaned_data["version"]
        return {
            "metrics": [self.spec()],
            "version": int(version) if version else None,
            "again": self.cleaned_data["again"],
        }


def _field_of(path: str) -> str:
    """Return the form's field for ``metrics[0].params.extract``."""
    part = path.partition(".")[2]
    if part.startswith("params"):
        return "params"
    return "name" if part == "as" else "metric"


def initial_of(metric: str, name: str, params: Any) -> dict[str, str]:
    """Return what the form shows first: a metric as it was measured."""
    written = json.dumps(params, ensure_ascii=False, indent=2) if params else ""
    return {"metric": metric, "name": "" if name == metric else name, "params": written}
