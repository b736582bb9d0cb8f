"""What people say beside their answers: flags for the lead, and that they read the guidelines."""

from __future__ import annotations

from typing import Final

from django.utils import timezone

from evalhub.errors import NotFound
from labeling.models import Annotation, Annotator, Draft, Flag, Unit

MAX_NOTE: Final = 1_000


def flag(*, annotator: Annotator, unit: Unit, note: str = "") -> None:
    """Ask the lead to look at a unit. Flagged again, it is open again with the newer note."""
    dealt = Draft.objects.filter(annotator=annotator, unit=unit)
    answered = Annotation.objects.filter(annotator=annotator, unit=unit)
    if not (dealt.exists() or answered.exists()):
        raise NotFound("There is no such output on your desk.")
    Flag.objects.update_or_create(
        annotator=annotator,
        unit=unit,
        defaults={
            **{"note": note.strip()[:MAX_NOTE], "at": timezone.now()},
            **{"resolved_by": None, "resolved_at": None},
        },
    )


def unflag(*, annotator: Annotator, unit: Unit) -> None:
    """Take a flag back, while no lead has looked at it."""
    Flag.objects.filter(annotator=annotator, unit=unit, resolved_at__isnull=True).delete()


def acknowledge(*, annotator: Annotator, number: int) -> None:
    """Note that a person has read the guidelines of this number."""
    number = min(number, annotator.campaign.guidelines_number)
    unread = Annotator.objects.filter(pk=annotator.pk, guidelines_seen__lt=number)
    if unread.update(guidelines_seen=number):
        annotator.guidelines_seen = number
