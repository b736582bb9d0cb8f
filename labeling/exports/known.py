"""The right answers of a campaign's controls, a line each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from labeling.exports.names import Names
from labeling.models import Campaign, Control


def known_rows(campaign: Campaign) -> Iterator[dict[str, Any]]:
    """Yield the right answers to every control, in the form in which they are taken."""
    names = Names.of(campaign)
    controls = Control.objects.filter(campaign=campaign).select_related("unit").order_by("pk")
    for control in controls:
        yield {
            "unit": control.unit.public_id,
            **names.place(control.unit),
            "answers": control.answers,
            "tolerance": control.tolerance,
            "explanation": control.explanation,
            "purpose": control.purpose,
        }
