"""The forms of a gate: its rules as rows, a blessing, a question, a waiver."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms

from evalhub.gates.rules import MAX_NAME, MAX_RULES
from evalhub.gates.services import DEFAULT_TAG, MAX_REASON, MAX_TAG

BLANK_ROWS = 2


class MarginForm(forms.Form):
    """One margin, over all examples or in a slice; a row without a metric is none."""

    metric = forms.CharField(label="Metric", required=False, max_length=MAX_NAME)
    slice = forms.CharField(
        label="Only in the slice",
        required=False,
        max_length=2 * MAX_NAME,
        help_text="As field:value.",
    )
    margin = forms.FloatField(label="May lose less than", required=False)


class CeilingForm(forms.Form):
    """One ceiling; a row without a metric is none."""

    metric = forms.CharField(label="Metric", required=False, max_length=MAX_NAME)
    ceiling = forms.FloatField(label="At most", required=False)


class RulesForm(forms.Form):
    """The rules that a gate has once."""

    critical = forms.CharField(
        label="No critical example may newly fail on",
        required=False,
        max_length=MAX_NAME,
        help_text="A metric; examples with critical: true in their metadata.",
    )
    min_coverage = forms.FloatField(
        label="Least share of examples received and paired",
        required=False,
        help_text="Such as 0.98.",
    )
    tag = forms.CharField(
        label="Preview against the branch",
        required=False,
        max_length=MAX_TAG,
        initial=DEFAULT_TAG,
    )


_ROWS: dict[str, Any] = {"extra": BLANK_ROWS, "max_num": MAX_RULES, "absolute_max": MAX_RULES + 1}
Margins = forms.formset_factory(MarginForm, **_ROWS)
Ceilings = forms.formset_factory(CeilingForm, **_ROWS)


class GateForms:
    """All the forms of a gate's rules as one."""

    def __init__(self, data: Mapping[str, Any] | None, rules: Mapping[str, Any] | None) -> None:
        known = rules or {}
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
        self.margins = Margins(data, prefix="margins", initial=rows)
        self.ceilings = Ceilings(data, prefix="ceilings", initial=known.get("ceilings", []))
        self.once = RulesForm(data, initial=once)

    def is_valid(self) -> bool:
        return all([self.margins.is_valid(), self.ceilings.is_valid(), self.once.is_valid()])

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
                {
                    "field": row["slice"].partition(":")[0],
                    "level": row["slice"].partition(":")[2],
                    "metric": row["metric"],
                    "margin": row["margin"],
                }
                for row in rows
                if row["slice"]
            ],
            "critical": {"metric": once["critical"]} if once["critical"] else None,
            "min_coverage": once["min_coverage"],
            "ceilings": [
                {"metric": row["metric"], "ceiling": row["ceiling"]}
                for row in self.ceilings.cleaned_data
                if row.get("metric")
            ],
        }


class AskForm(forms.Form):
    """A run to ask about, against a branch."""

    auto_id = "ask_%s"  # several forms of one page have these fields

    def __init__(self, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(data, auto_id=type(self).auto_id)

    run = forms.CharField(label="Run", max_length=24)
    tag = forms.CharField(label="Against the branch", max_length=MAX_TAG, initial=DEFAULT_TAG)


class BlessForm(AskForm):
    """A run to bless for a branch."""

    auto_id = "bless_%s"

    tag = forms.CharField(label="For the branch", max_length=MAX_TAG, initial=DEFAULT_TAG)
    reason = forms.CharField(label="Why", max_length=MAX_REASON)


class WaiverForm(forms.Form):
    """Why a run may go on although the gate did not pass it."""

    reason = forms.CharField(
        label="Reason",
        max_length=MAX_REASON,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Shown beside the answer, in the audit log and where this run is a baseline.",
    )
