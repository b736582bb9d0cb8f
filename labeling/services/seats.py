"""A person's place in a campaign: taken once, and locked by whatever they do."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Final, TypeVar

from django.db import IntegrityError, models, transaction

from evalhub.accounts.models import User
from evalhub.errors import Conflict
from evalhub.prepared import Prepared, update
from labeling.models import Annotator, Campaign
from labeling.services.people import free_name

M = TypeVar("M", bound=models.Model)

PAUSED = "This campaign is paused. Nothing is lost: what you chose is kept until it goes on."
CLOSED = "This campaign is closed; its answers stay as they are."


def place_of(user: User, *, campaign: Campaign) -> Annotator | None:
    """Return the place of a person who has one."""
    annotator = _PLACES.first(campaign.pk, user.pk)
    if annotator is not None:
        annotator.campaign = campaign
    return annotator


_PLACES: Final = Prepared(
    lambda campaign, user: Annotator.objects.filter(campaign=campaign, user=user), int, int
)


def join(*, campaign: Campaign, user: User) -> Annotator:
    """Return the person's place in a campaign; opening the desk is joining it."""
    annotator = place_of(user, campaign=campaign)
    if annotator is not None:
        return annotator
    if campaign.is_invited_only:
        raise Conflict(
            "This campaign is by invitation only. Ask its lead to add you.", code="not_invited"
        )
    return seat(campaign=campaign, user=user)


def seat(*, campaign: Campaign, user: User) -> Annotator:
    """Give a person a place in a campaign, whether it is by invitation or not."""
    state = Annotator.State.ACTIVE
    if campaign.pass_mark is not None:
        state = Annotator.State.QUALIFYING
    try:
        with transaction.atomic():
            return Annotator.objects.create(
                campaign=campaign,
                user=user,
                name=free_name(campaign, user),
                state=state,
                seed=secrets.randbits(62),
            )
    except IntegrityError:  # a second tab was faster
        return Annotator.objects.select_related("campaign").get(campaign=campaign, user=user)


def lock(annotator: Annotator) -> Mapping[str, object]:
    """Let one request of this person at a time past here, and know the rows as they are then.

    Return what was read of the person, for `save`.
    """
    [fresh] = _LOCKED.rows(annotator.pk)
    # Asked once the lock is held: a statement that waited for it sees the campaign of before.
    [campaign] = _CAMPAIGNS.rows(fresh.campaign_id)
    known = annotator.campaign
    if known.question_set_id != campaign.question_set_id:
        known.__dict__.pop("asked", None)
    read = _take_over(annotator, fresh)
    _take_over(known, campaign)
    return read


_LOCKED: Final = Prepared(
    lambda pk: Annotator.objects.select_for_update(no_key=True).filter(pk=pk), int
)
_CAMPAIGNS: Final = Prepared(
    lambda pk: Campaign.objects.defer("guidelines", "name").filter(pk=pk), int
)


def _take_over(known: M, fresh: M) -> dict[str, object]:
    """Let a row that is known be as it was just read; what else was read with it stays."""
    read = {
        field.attname: fresh.__dict__[field.attname]
        for field in fresh._meta.concrete_fields
        if field.attname in fresh.__dict__
    }
    for name, value in read.items():
        setattr(known, name, value)
    return read


def save(annotator: Annotator, read: Mapping[str, object]) -> None:
    """Write what has changed of a person since their row was locked."""
    changed = {
        name: getattr(annotator, name)
        for name, value in read.items()
        if getattr(annotator, name) != value
    }
    if changed:
        update(Annotator, annotator.pk, changed)


def refuse_unless_open(campaign: Campaign) -> None:
    if campaign.state == Campaign.State.PAUSED:
        raise Conflict(PAUSED, code="paused")
    if not campaign.is_open:
        raise Conflict(CLOSED, code="closed")


def hold_everybody(campaign: Campaign) -> list[Annotator]:
    """Lock all who answer at a desk of the campaign, in one order, so that nobody does anything.

    What began before is finished then, and what comes after sees the change.
    """
    people = Annotator.objects.select_for_update(of=("self",), no_key=True)
    return list(people.filter(campaign=campaign, user__isnull=False).order_by("pk"))
