"""Guidelines change: each version is kept, with who wrote it and what they say has changed."""

from __future__ import annotations

from typing import Final

from django.db import transaction
from django.utils import timezone

from evalhub.accounts.services import Actor, record
from evalhub.errors import ContentError, FieldError
from labeling.models import Campaign, GuidelineVersion
from labeling.plans import MAX_GUIDELINES
from labeling.services.changing import locked, refuse_unseen

MAX_NOTE: Final = 500


@transaction.atomic
def change_guidelines(
    *, campaign: Campaign, text: str, note: str = "", seen: int | None = None, actor: Actor
) -> GuidelineVersion | None:
    """Write the guidelines anew, and return the version, or None where nothing is different.

    Every annotator is shown the change until they say that they have read it. `seen` is the
    number of the version that was changed; another one in the meantime raises Conflict.
    """
    text, note = text.strip(), note.strip()
    _refuse_faults(text, note)
    now = locked(campaign)
    refuse_unseen(seen, now.guidelines_number, "guidelines")
    if text == now.guidelines:
        return None
    version = GuidelineVersion.objects.create(
        campaign=now,
        number=now.guidelines_number + 1,
        text=text,
        note=note,
        created_by=actor.user,
        created_at=timezone.now(),
    )
    Campaign.objects.filter(pk=now.pk).update(guidelines=text, guidelines_number=version.number)
    campaign.guidelines, campaign.guidelines_number = text, version.number
    record(
        project=campaign.project,
        actor=actor,
        verb="change guidelines",
        subject=campaign.public_id,
        detail={"version": version.number},
    )
    return version


@transaction.atomic
def add_to_guidelines(*, campaign: Campaign, text: str, actor: Actor) -> GuidelineVersion | None:
    """Add a paragraph to the guidelines as they are now, whoever else writes in them."""
    added = text.strip()
    now = locked(campaign).guidelines
    note = f"Added: {added}"
    return change_guidelines(
        campaign=campaign,
        text=f"{now}\n\n{added}" if added else now,
        note=note if len(note) <= MAX_NOTE else f"{note[: MAX_NOTE - 1]}…",
        actor=actor,
    )


def _refuse_faults(text: str, note: str) -> None:
    faults = []
    if len(text) > MAX_GUIDELINES:
        detail = (
            f"Guidelines have at most {MAX_GUIDELINES:,} characters; these have {len(text):,}."
        )
        faults.append(FieldError("text", "text", detail))
    if "\0" in text:
        faults.append(FieldError("text", "text", "Guidelines cannot hold a NUL character."))
    if len(note) > MAX_NOTE or "\0" in note:
        detail = f"What changed is said in text of at most {MAX_NOTE} characters."
        faults.append(FieldError("note", "text", detail))
    if faults:
        raise ContentError(faults[0].detail, errors=faults)
