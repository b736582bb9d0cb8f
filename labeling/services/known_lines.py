"""Right answers of controls come in by file: all lines, or none."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from evalhub.accounts.services import Actor
from evalhub.errors import ContentError
from evalhub.intake.lines import ErrorCollector
from evalhub.intake.reading import read_known as read_lines
from evalhub.intake.rows import KnownRow
from evalhub.intake.spool import OUTPUTS
from labeling.models import Campaign, Control, Unit
from labeling.naming import with_units
from labeling.services.controls import Known, read_known, set_controls
from labeling.services.imports import Imported

LIMITS: Final = OUTPUTS
AT_ONCE: Final = 1_000  # controls, in one transaction


def import_known(*, campaign: Campaign, lines: Iterable[bytes], actor: Actor) -> Imported:
    """Set the right answers that a file says. The same line again changes nothing."""
    errors = ErrorCollector()
    read = known_in(campaign, read_lines(lines, errors), errors)
    errors.raise_if_any()
    if len(read) > AT_ONCE:
        detail = f"A file sets at most {AT_ONCE:,} right answers at once; this one has more."
        raise ContentError(detail, code="too_many")
    before = {
        control.unit_id: control
        for control in Control.objects.filter(campaign=campaign).order_by("pk")
    }
    changed = [known for known in read if not _says(before.get(known.unit.pk), known)]
    set_controls(campaign=campaign, all_known=changed, actor=actor)
    replaced = sum(known.unit.pk in before for known in changed)
    return Imported(len(changed) - replaced, replaced, len(read) - len(changed))


def known_in(
    campaign: Campaign, rows: Iterable[tuple[int, KnownRow]], errors: ErrorCollector
) -> list[Known]:
    """Return the right answers of lines, each read on its unit; what is wrong goes to `errors`."""
    found = [(line, row, unit.pk) for line, row, unit in with_units(campaign, rows, errors)]
    units = {
        unit.pk: unit
        for unit in Unit.objects.select_related("twin").filter(
            campaign=campaign, pk__in=[pk for *_, pk in found[: AT_ONCE + 1]]
        )
    }
    first: dict[int, int] = {}
    read = []
    for line, row, pk in found[: AT_ONCE + 1]:
        unit = units[pk]
        unit.campaign = campaign
        known, faults = read_known(
            Known(
                unit=unit,
                answers=row.answers,
                tolerance=row.tolerance,
                explanation=row.explanation,
                purpose=row.purpose,
            )
        )
        for fault in faults:
            errors.add(line, fault.code, fault.detail, fault.field)
        if first.setdefault(known.unit.pk, line) != line:
            detail = (
                f"The right answers to this unit stand in line {first[known.unit.pk]:,} already; "
                "equal outputs of an example are one unit."
            )
            errors.add(line, "repeated", detail, "key")
        read.append(known)
    return read


def _says(control: Control | None, known: Known) -> bool:
    if control is None:
        return False
    before = (control.answers, control.tolerance, control.explanation, control.purpose)
    return before == (known.answers, known.tolerance, known.explanation, known.purpose)
