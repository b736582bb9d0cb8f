"""The forms of a gate: its rules as rows, a blessing, a question, a waiver.

What a dataset has to choose among is offered in lists. A list never narrows what may be sent:
rules that REST wrote about something else keep it, and `rules.parse` says what is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms

from evalhub.errors import ShapeError
from evalhub.gates.offering import Offered
from evalhub.gates.rules import MAX_NAME, MAX_RULES
from evalhub.gates.services import DEFAULT_TAG, MAX_REASON, MAX_TAG

BLANK_ROWS = 2
Choices = Sequence[tuple[str, Any]]  # value and label, or label and such pairs


def _offer(form: forms.Form, name: str, choices: Choices, *, empty: str = "") -> None:
    """Let one choose among these, and what is there already; with none, let one type."""
    if not choices:
        return
    given = form[name].value() or ""
    known = {
        value
        for label, inner in choices
        for value in ([label] if isinstance(inner, str) else [one for one, _ in inner])
    }
    missing = [(given, given)] if given and given not in known else []
    blank = [("", empty)] if empty or not form.fields[name].required else []
    form.fields[name].widget = forms.Select(choices=[*blank, *choices, *missing])


def _branch(label: str, *, required: bool = True) -> forms.CharField:
    """Return a field for a branch: any name, with those that runs bear offered."""
    widget = forms.TextInput(attrs={"list": "branches"})
    return forms.CharField(
        label=label,
        max_length=MAX_TAG,
        initial=DEFAULT_TAG,
        required=required,
        widget=widget,
    )


def _named(names: Sequence[str]) -> Choices:
    return [(name, name) for name in names]


class MarginForm(forms.Form):
    """One margin, over all examples or in a slice; a row without a metric is none."""

    metric = forms.CharField(label="Metric", required=False, max_length=MAX_NAME)
    slice = forms.CharField(label="In", required=False, max_length=2 * MAX_NAME)
    margin = forms.FloatField(label="Rules out a loss of", required=False)

    def __init__(self, *args: Any, offered: Offered, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _offer(self, "metric", _named(offered.metrics), empty="no rule")
        slices = [
            (field, [(f"{field}:{level}", f"{field}: {level}") for level in levels])
            for field, levels in offered.slices
        ]
        _offer(self, "slice", slices, empty="all examples")
        if not slices:
            self.fields["slice"].help_text = "As field:value; empty for all examples."


class CeilingForm(forms.Form):
    """One ceiling; a row without a metric is none."""

    metric = forms.CharField(label="Metric", required=False, max_length=MAX_NAME)
    ceiling = forms.FloatField(label="At most", required=False)

    def __init__(self, *args: Any, offered: Offered, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _offer(self, "metric", _named(offered.metrics), empty="no rule")


class RulesForm(forms.Form):
    """The rules that a gate has once."""

    critical = forms.CharField(
        label="No critical example newly fails on",
        required=False,
        max_length=MAX_NAME,
        help_text="Critical are examples with critical: true in their metadata.",
    )
    min_coverage = forms.FloatField(
        label="Least share of examples",
        required=False,
        help_text="Received, and paired with the baseline: such as 0.98.",
    )
    tag = _branch("Preview against the branch", required=False)

    def __init__(self, *args: Any, offered: Offered, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _offer(self, "critical", _named(offered.metrics), empty="no rule")


_ROWS: dict[str, Any] = {"extra": BLANK_ROWS, "max_num": MAX_RULES, "absolute_max": MAX_RULES + 1}
Margins = forms.formset_factory(MarginForm, **_ROWS)
Ceilings = forms.formset_factory(CeilingForm, **_ROWS)


class GateForms:
    """All the forms of a gate's rules as one."""

    def __init__(
        self,
        data: Mapping[str, Any] | None,
        rules: Mapping[str, Any] | None,
        offered: Offered,
    ) -> None:
        known, kwargs = rules or {}, {"offered": offered}
        self._offered = offered
        margins = [*known.get("margins", []), *known.get("slices", [])]
        rows = [
            {
                "metric": one["metric"],
                "margin": one["margin"],
                "slice": f"{one['field']}:{one['level']}" if "field" in one else "",
            }
            for one in margins
        ]
        once = {
            "critical": (known.get("critical") or {}).get("metric", ""),
            "min_coverage": known.get("min_coverage"),
            "tag": DEFAULT_TAG,
        }
        self.margins = Margins(data, prefix="margins", initial=rows, form_kwargs=kwargs)
        self.ceilings = Ceilings(
            data, prefix="ceilings", initial=known.get("ceilings", []), form_kwargs=kwargs
        )
        self.once = RulesForm(data, initial=once, offered=offered)

    def is_valid(self) -> bool:
        return all([self.margins.is_valid(), self.ceilings.is_valid(), self.once.is_valid()])

    @property
    def further(self) -> list[forms.BoundField]:
        """The rules that a gate has once; the branch to preview against is none."""
        return [self.once[name] for name in ("critical", "min_coverage")]

    @property
    def tag(self) -> str:
        return self.once.cleaned_data["tag"] or DEFAULT_TAG

    def given(self) -> dict[str, Any]:
        """Return the rules as REST takes them; what is wrong with them is said there."""
        rows = [row for row in self.margins.cleaned_data if row.get("metric")]
        once = self.once.cleaned_data
        return {
            "margins": [
                {"metric": row["metric"], "margin": row["margin"]}
                for row in rows
                if not row["slice"]
            ],
            "slices": [
                {"field": field, "level": level, "metric": row["metric"], "margin": row["margin"]}
                for row in rows
                if row["slice"]
                for field, level in [self._offered.slice_named(row["slice"])]
            ],
            "critical": {"metric": once["critical"]} if once["critical"] else None,
            "min_coverage": once["min_coverage"],
            "ceilings": [
                {"metric": row["metric"], "ceiling": row["ceiling"]}
                for row in self.ceilings.cleaned_data
                if row.get("metric")
            ],
        }


class BeganFrom(forms.Form):
    """The version of the rules that a change began from; 0 where there was no gate."""

    version = forms.IntegerField(required=False, min_value=0)

    @property
    def number(self) -> int | None:
        if not self.is_valid():
            raise ShapeError("The version that a change began from is a number, 0 or more.")
        number: int | None = self.cleaned_data["version"]
        return number


class AskForm(forms.Form):
    """A run to ask about, against a branch."""

    auto_id = "ask_%s"  # several forms of one page have these fields
    empty = ""  # what stands before the runs; without it the newest is chosen

    run = forms.CharField(label="Run", max_length=24)
    tag = _branch("Against the branch")

    def __init__(self, data: Mapping[str, Any] | None, offered: Offered, *, run: str = "") -> None:
        super().__init__(data, auto_id=type(self).auto_id, initial={"run": run})
        _offer(self, "run", offered.runs, empty=self.empty)


class BlessForm(AskForm):
    """A run to bless for a branch."""

    auto_id = "bless_%s"
    empty = "Choose a run"

    tag = _branch("For the branch")
    reason = forms.CharField(label="Why", max_length=MAX_REASON)


class WaiverForm(forms.Form):
    """Why a run may go on although the gate did not pass it."""

    reason = forms.CharField(
        label="Reason",
        max_length=MAX_REASON,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=(
            "Shown beside the answer, in the audit log and where this run is a baseline. A CI job "
            "that asks again ends as if the run had passed."
        ),
    )
