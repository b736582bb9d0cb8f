"""Compute a stored comparison again and say whether it comes out as it is stored."""

from __future__ import annotations

from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError, CommandParser

from evalhub.errors import Conflict, DomainError
from evalhub.reports.models import Comparison
from evalhub.reports.recomputing import Agreement, Recomputed, recompute
from evalhub.web.formatting import count, plural

DIFFERS, OTHER_METHOD = 1, 2
SHOWN: Final = 20


class Command(BaseCommand):
    help = (
        "Compute a comparison again from the stored columns, with the stored seed and method, and "
        "say whether the bits agree, or all values within 1e-9 (both end with 0), or where they "
        "differ (1), or that another version of the method made it (2)."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("comparison", metavar="COMPARISON", help="its id, cmp_…")

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["comparison"]
        comparison = _found(name)
        if comparison is None:
            raise CommandError(f"There is no comparison {name!r}.", returncode=DIFFERS)
        try:
            recomputed = recompute(comparison)
        except DomainError as exc:
            is_other = isinstance(exc, Conflict) and exc.code == "other_method"
            code = OTHER_METHOD if is_other else DIFFERS
            raise CommandError(exc.detail, returncode=code) from exc
        self._say(recomputed)

    def _say(self, recomputed: Recomputed) -> None:
        values = plural(recomputed.n_values, "value")
        for note in recomputed.notes:
            self.stdout.write(note)
        if recomputed.agreement == Agreement.BITS:
            self.stdout.write(f"The bits agree: {values}.")
            return
        for difference in recomputed.differences[:SHOWN]:
            self.stdout.write(str(difference))
        if (more := len(recomputed.differences) - SHOWN) > 0:
            self.stdout.write(f"And {count(more)} more.")
        differing = plural(len(recomputed.differences), "value")
        if recomputed.agreement == Agreement.NONE:
            raise CommandError(f"{differing} of {values} differ.", returncode=DIFFERS)
        self.stdout.write(f"All {values} agree within 1e-9; {differing} not to the bit.")


def _found(name: str) -> Comparison | None:
    if "\0" in name:
        return None
    rows = Comparison.objects.select_related("baseline__version__dataset", "candidate__project")
    return rows.select_related("candidate__version__dataset").filter(public_id=name).first()
