"""What a person has chosen and not yet submitted is kept as they go."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from django.utils import timezone

from evalhub.errors import Conflict, TooLarge
from labeling.models import Annotator, Draft, Unit

MAX_DRAFT: Final = 500_000  # characters of all fields together


class DraftConflict(Conflict):
    """Another tab has saved since: what it saved, and under which number."""

    def __init__(self, fields: Mapping[str, Any], number: int) -> None:
        super().__init__(
            "This was changed in another tab meanwhile. Choose which of the two goes on.",
            code="draft",
        )
        self.fields = dict(fields)
        self.number = number


def save_draft(
    *, annotator: Annotator, unit: Unit, fields: Mapping[str, str | list[str]], number: int
) -> int:
    """Keep what the form holds, and return its new number.

    `number` is the one under which it was read or saved last.
    """
    if len(json.dumps(fields)) > MAX_DRAFT:
        raise TooLarge(f"A draft holds at most {MAX_DRAFT:,} characters; shorten the texts.")
    mine = Draft.objects.filter(annotator=annotator, unit=unit)
    kept = mine.filter(number=number).update(
        fields=dict(fields), number=number + 1, saved_at=timezone.now()
    )
    if kept:
        return number + 1
    stored = mine.first()
    if stored is None:
        raise Conflict("This one is answered already. Reload the desk to go on.", code="answered")
    raise DraftConflict(stored.fields, stored.number)
