"""What people type into the runs pages."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Final

from django import forms

from evalhub.accounts.models import Project
from evalhub.errors import DomainError, FieldError
from evalhub.runs.catalog import JUDGES, REMOTE, declared
from evalhub.runs.parameter_fields import ParameterField, written
from evalhub.runs.specs import JUDGE_PREFIX
from evalhub.scorers.selectors import PREFIX, askable
from evalhub.web.formatting import plural
from metrics.base import Family
from metrics.batch import Json
from metrics.catalog import by_group, known_metrics, sample_of
from metrics.fields import Kind
from metrics.judge import RUBRICS

PARAM: Final = "param-"  # begins the names of the fields of parameters


def metric_choices(project: Project) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return what a run can be measured with, by group, for a select box."""
    groups = {
        **{
            group: [(metric.name, f"{metric.name}: {metric.title}") for metric in metrics]
            for group, metrics in by_group().items()
        },
        REMOTE: [
            (PREFIX + one.scorer.slug, f"{PREFIX}{one.scorer.slug}: {one.scorer.title}")
            for one in askable(project)
        ],
        JUDGES: [
            (JUDGE_PREFIX + name, f"{JUDGE_PREFIX}{name}: {rubric.title}")
            for name, rubric in RUBRICS.items()
        ],
    }
    return [(group, options) for group, options in groups.items() if options]


class MeasureForm(forms.Form):
    """A metric with its parameters, to score a finished run with, or to score it with again.

    The fields of the parameters are those of the metric that is `chosen`. `shown` is which one
    the page had them of: another one's are never taken for this one's.
    """

    metric = forms.ChoiceField()
    shown = forms.CharField(required=False, widget=forms.HiddenInput)
    name = forms.CharField(
        max_length=64,
        required=False,
        label="Name in this run",
        help_text="Left empty, the metric's own. A name that is there already is scored again; "
        "what it was before is kept.",
    )

    def __init__(self, *args: Any, project: Project, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        groups = metric_choices(project)
        self.fields["metric"] = forms.ChoiceField(
            choices=groups, widget=forms.Select({"autocomplete": "off"})
        )
        names = [name for _, options in groups for name, _ in options]
        asked = self.data.get("metric") if self.is_bound else self.initial.get("metric")
        self.chosen: str = asked if asked in names else names[0]
        for field in _declared(self.chosen):
            self.fields[PARAM + field.name] = ParameterField(field)

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        shown, metric = given.get("shown"), given.get("metric")
        if shown and metric and shown != metric:
            raise forms.ValidationError(
                f"These are the parameters of {metric}; those before were of {shown[:100]}. "
                "Nothing is scored yet: look at them and send the form again."
            )
        return given

    def parameters(self) -> list[forms.BoundField]:
        """Return the fields of the chosen metric's parameters."""
        return [self[name] for name in self.fields if name.startswith(PARAM)]

    def others(self) -> list[forms.BoundField]:
        """Return the fields after the metric and its parameters."""
        first = {"metric", "shown"}
        return [self[name] for name in self.fields if name not in first and PARAM not in name]

    def inner_metrics(self) -> list[str]:
        """Return the names that a parameter which is a metric may have, where there is one."""
        kinds = {one.metadata["kind"] for one in _declared(self.chosen)}
        return _scoring_examples() if Kind.METRIC in kinds else []

    def spec(self) -> dict[str, Json]:
        """Return the metric as a request would name it: without what was left out."""
        given = self.cleaned_data
        params = {
            name.removeprefix(PARAM): value
            for name, value in given.items()
            if name.startswith(PARAM) and value is not None
        }
        spec: dict[str, Json] = {"name": given["metric"], "params": params}
        return {**spec, "as": given["name"]} if given["name"] else spec

    def take_errors(self, error: DomainError) -> None:
        """Put each fault of the spec beside the field it came from."""
        for fault in error.errors:
            field = self._field_of(fault.field) if isinstance(fault, FieldError) else None
            self.add_error(field, fault.detail)
        if not error.errors:
            self.add_error(None, error.detail)

    def _field_of(self, path: str) -> str | None:
        """Return the form's field for ``metrics[0].params.extract``; None for several at once."""
        part, _, name = path.partition(".")[2].partition(".")
        if part == "params":
            return PARAM + name if PARAM + name in self.fields else None
        return "name" if part == "as" else "metric"


def _declared(name: str) -> Sequence[dataclasses.Field[Any]]:
    """Return the parameters of a metric of the catalog; judges and scorers have none."""
    metric = known_metrics().get(name)
    return () if metric is None else declared(metric)


def _scoring_examples() -> list[str]:
    """Return the metrics whose values for single examples say something."""
    families = (Family.BINARY, Family.MEAN)
    return [
        name for name, metric in known_metrics().items() if sample_of(metric).family in families
    ]


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


def initial_of(metric: str, name: str, params: Mapping[str, Json]) -> dict[str, str]:
    """Return what the form shows first: a metric as it was measured."""
    typed = {
        PARAM + field.name: written(field, params[field.name])
        for field in _declared(metric)
        if field.name in params
    }
    return {"metric": metric, "name": "" if name == metric else name, **typed}
