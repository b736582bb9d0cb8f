"""What people type into the scorer pages."""

from __future__ import annotations

from typing import Any

from django import forms

from evalhub.errors import DomainError, FieldError
from evalhub.outbound.places import MAX_ADDRESS
from evalhub.scorers.models import Scorer
from evalhub.scorers.selectors import newest_revision
from evalhub.scorers.services import (
    MAX_DESCRIPTION,
    MAX_SECRET,
    MOST_BATCH,
    MOST_SECONDS,
    Proposal,
)

_DIRECTIONS = [("true", "more is better"), ("false", "less is better")]


class ScorerForm(forms.Form):
    """A scorer, new or with another revision."""

    slug = forms.CharField(
        max_length=50,
        label="Name",
        help_text="Runs ask for it as remote_NAME: small letters, digits, dashes, underscores.",
    )
    title = forms.CharField(max_length=200, required=False, label="Title")
    description = forms.CharField(
        max_length=MAX_DESCRIPTION,
        required=False,
        label="What it measures",
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    url = forms.CharField(
        max_length=MAX_ADDRESS,
        label="Address",
        widget=forms.TextInput(attrs={"inputmode": "url", "spellcheck": "false"}),
        help_text="Where requests are posted, such as https://scorer.example.org/score.",
    )
    version = forms.CharField(
        max_length=100,
        label="Version of the service",
        help_text="Change it whenever the service can give other numbers.",
    )
    higher_is_better = forms.ChoiceField(choices=_DIRECTIONS, label="Direction")
    low = forms.FloatField(required=False, label="Lowest value", help_text="Empty: no bound.")
    high = forms.FloatField(required=False, label="Highest value", help_text="Empty: no bound.")
    is_binary = forms.BooleanField(required=False, label="Every value is 0 or 1")
    timeout_seconds = forms.FloatField(
        initial=30, label="Seconds for one request", help_text=f"0.1 to {MOST_SECONDS:g}."
    )
    batch_size = forms.IntegerField(
        initial=50, label="Outputs in one request", help_text=f"At most, 1 to {MOST_BATCH}."
    )
    header = forms.CharField(
        max_length=100,
        initial="Authorization",
        label="Header of the secret",
    )
    secret = forms.CharField(
        max_length=MAX_SECRET,
        required=False,
        label="Secret",
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text="The value of that header, such as Bearer abc. It is sent to this host alone "
        "and never shown again. Left empty, what is kept for the host stays.",
    )

    def proposal(self) -> Proposal:
        """Return what was typed as a proposal."""
        given = self.cleaned_data
        return Proposal(
            **{
                **given,
                "higher_is_better": given["higher_is_better"] == "true",
                "secret": given["secret"] or None,
            }
        )

    @property
    def taken_slug(self) -> str:
        """The wished name where a scorer has it already, otherwise empty."""
        return str(self["slug"].value()).strip() if self.has_error("slug", "taken") else ""

    def take_errors(self, error: DomainError) -> None:
        """Put each fault beside the field it came from."""
        for fault in error.errors:
            field = fault.field if isinstance(fault, FieldError) else None
            said = forms.ValidationError(fault.detail, code=fault.code)
            self.add_error(field if field in self.fields else None, said)
        if not error.errors:
            self.add_error(None, error.detail)


def initial_of(scorer: Scorer) -> dict[str, Any]:
    """Return what the form shows first: the scorer as it is."""
    revision = newest_revision(scorer)
    return {
        **{name: getattr(scorer, name) for name in ("slug", "title", "description")},
        **{name: getattr(scorer, name) for name in ("timeout_seconds", "batch_size")},
        **{name: getattr(revision, name) for name in ("url", "version", "low", "high")},
        "is_binary": revision.is_binary,
        "higher_is_better": "true" if revision.higher_is_better else "false",
    }
