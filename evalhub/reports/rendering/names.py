"""What all formats call the parts of a comparison."""

from __future__ import annotations

from evalhub.reports.models import Comparison, Finding


def slice_name(finding: Finding) -> str:
    """Return ``field:level``, or nothing for all shared examples."""
    return f"{finding.slice_field}:{finding.slice_level}" if finding.slice_field else ""


def file_name(comparison: Comparison, ending: str) -> str:
    """Return what to call a file of this comparison: its id says nothing about systems."""
    return f"{comparison.public_id}.{ending}"
