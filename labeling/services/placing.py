"""Who answers in a campaign, as its leads decide: invited, added, stopped, given examples."""

from __future__ import annotations

from typing import Final

from django.db import transaction
from django.db.models import Max, Q, QuerySet
from django.utils import timezone

from evalhub.accounts.capabilities import Capability
from evalhub.accounts.invitations import Offer, invite
from evalhub.accounts.models import Invitation, Membership, User
from evalhub.accounts.services import Actor, record
from evalhub.errors import Conflict, ContentError, FieldError
from labeling.models import (
    Annotation,
    AnnotationRevision,
    Annotator,
    Campaign,
    CampaignInvitation,
    Purpose,
    Slot,
    Unit,
)
from labeling.services.differing import hold_example
from labeling.services.people import put_down
from labeling.services.seats import lock, seat
from labeling.services.slots import LEASE, PERSONAL

MAX_QUOTA: Final = 1_000_000
State = Annotator.State


def add_member(*, campaign: Campaign, user: User, quota: int | None = None, actor: Actor) -> None:
    """Give a member a place, whether the campaign is by invitation or not."""
    _refuse_closed(campaign)
    membership = Membership.objects.filter(project=campaign.project_id, user=user).first()
    if membership is None or Capability.LABEL not in membership.capabilities:
        detail = "Only members who label have a place: annotators, experts, leads and owners."
        raise ContentError(detail, errors=[FieldError("user", "role", detail)])
    _refuse_quota(quota)
    annotator = seat(campaign=campaign, user=user)
    if quota is not None:
        Annotator.objects.filter(pk=annotator.pk).update(quota=quota)
    _note(annotator, actor, "add annotator")


@transaction.atomic
def invite_to(
    *,
    campaign: Campaign,
    offer: Offer,
    quota: int | None = None,
    actor: Actor,
    capabilities: frozenset[Capability],
) -> tuple[Invitation, str]:
    """Make a link that gives a place in this campaign, and return it with its token."""
    _refuse_closed(campaign)
    _refuse_quota(quota)
    invitation, token = invite(
        project=campaign.project, offer=offer, actor=actor, capabilities=capabilities
    )
    CampaignInvitation.objects.create(invitation=invitation, campaign=campaign, quota=quota)
    return invitation, token


def seat_invited(*, invitation: Invitation, user: User) -> Campaign | None:
    """Give somebody who accepted an invitation the places it is for; return the first of them.

    They are there once, however often it is accepted. A closed campaign takes nobody in.
    """
    wanted = CampaignInvitation.objects.filter(invitation=invitation).order_by("pk")
    campaigns = []
    for each in wanted.select_related("campaign"):
        if each.campaign.state == Campaign.State.CLOSED:
            continue
        annotator = seat(campaign=each.campaign, user=user)
        if each.quota is not None and annotator.quota is None:
            Annotator.objects.filter(pk=annotator.pk).update(quota=each.quota)
        campaigns.append(each.campaign)
    return campaigns[0] if campaigns else None


# What a lead changes of one person


@transaction.atomic
def set_quota(*, annotator: Annotator, quota: int | None, actor: Actor) -> None:
    """Bound what one person answers; None is what the campaign says."""
    _refuse_quota(quota)
    lock(annotator)
    annotator.quota = quota
    annotator.save(update_fields=["quota"])
    _note(annotator, actor, "set quota", quota=quota)


@transaction.atomic
def stop(*, annotator: Annotator, actor: Actor) -> None:
    """Give a person nothing more. What they answered stays, what they hold goes to others."""
    lock(annotator)
    put_down(annotator)
    annotator.state = State.STOPPED
    annotator.save(update_fields=["state"])
    _note(annotator, actor, "stop annotator")


@transaction.atomic
def let_go_on(*, annotator: Annotator, actor: Actor) -> None:
    """Let a person work who was stopped, or whose qualification is accepted as it is."""
    lock(annotator)
    if annotator.state == State.ACTIVE:
        raise Conflict(f"{annotator.name} is at work already.")
    annotator.state = State.ACTIVE
    annotator.save(update_fields=["state"])
    _note(annotator, actor, "let annotator go on")


@transaction.atomic
def let_retry(*, annotator: Annotator, actor: Actor) -> None:
    """Let a person answer the qualification once more; what they answered before is kept."""
    lock(annotator)
    if annotator.state != State.UNQUALIFIED:
        raise Conflict(f"{annotator.name} has not failed the qualification.")
    mine = Annotation.objects.filter(
        annotator=annotator, unit__purpose=Purpose.QUALIFICATION
    ).exclude(state=Annotation.State.WITHDRAWN)
    for annotation in mine.order_by("pk"):
        _take_back(annotation, annotator)
    for bundle in _begun(annotator):
        _hold_again(annotator, bundle)
    annotator.state, annotator.n_qualification = State.QUALIFYING, 0
    annotator.save(update_fields=["state", "n_qualification", "n_skipped"])
    _note(annotator, actor, "let annotator retry")


def _take_back(annotation: Annotation, annotator: Annotator) -> None:
    AnnotationRevision.of(annotation).save()
    if annotation.state == Annotation.State.SKIPPED:
        annotator.n_skipped -= 1
    annotation.revision += 1
    annotation.state, annotation.slot_id = Annotation.State.WITHDRAWN, None
    annotation.save(update_fields=["revision", "state", "slot"])


def _begun(annotator: Annotator) -> set[int]:
    """Return the examples of the qualification that a person has answered or taken back."""
    units = Unit.objects.filter(
        campaign=annotator.campaign_id,
        purpose=Purpose.QUALIFICATION,
        annotations__annotator=annotator,
    )
    return set(units.values_list("bundle", flat=True))


def _hold_again(annotator: Annotator, bundle: int) -> None:
    """Put an example of the qualification back into a person's hands."""
    shown = Unit.objects.filter(campaign=annotator.campaign_id, bundle=bundle, twin__isnull=True)
    Slot.objects.update_or_create(
        campaign_id=annotator.campaign_id,
        bundle=bundle,
        number=PERSONAL + annotator.pk,
        defaults={
            **{"purpose": Purpose.QUALIFICATION, "order": 0, "n_units": shown.count()},
            **{"annotator": annotator, "state": Slot.State.LEASED, "n_answered": 0},
            "lease_until": timezone.now() + LEASE,
        },
    )


@transaction.atomic
def release(*, annotator: Annotator, actor: Actor) -> None:
    """Hand what a person holds or was given to others; they go on with something else."""
    lock(annotator)
    put_down(annotator)
    _note(annotator, actor, "release examples")


@transaction.atomic
def reserve(*, annotator: Annotator, unit: Unit, actor: Actor) -> None:
    """Give a person the example of a unit soon: a place that is free, or one more."""
    lock(annotator)
    campaign = annotator.campaign
    _refuse_closed(campaign)
    if annotator.user_id is None:
        raise Conflict(f"{annotator.name} came with an import, and has no desk.")
    if unit.purpose != Purpose.LABEL:
        raise Conflict("Control units are handed out by themselves, once to each person.")
    hold_example(campaign, unit.bundle)
    slots = Slot.objects.filter(campaign=campaign, bundle=unit.bundle, number__lt=PERSONAL)
    if _has(annotator, unit, slots):
        raise Conflict(f"{annotator.name} has this example already.")
    free = slots.filter(state=Slot.State.OPEN, reserved_for=None, n_answered=0)
    place = free.select_for_update().order_by("number").first() or _one_more(slots, unit)
    # As far in the order as the person is, so that it is among the next they are given.
    place.reserved_for, place.order = annotator, annotator.reached
    place.save()
    _note(annotator, actor, "reserve example", unit=unit.public_id)


def _has(annotator: Annotator, unit: Unit, slots: QuerySet[Slot]) -> bool:
    theirs = slots.filter(Q(annotator=annotator) | Q(reserved_for=annotator))
    answered = Annotation.objects.filter(annotator=annotator, bundle=unit.bundle)
    return theirs.exists() or answered.exists()


def _one_more(slots: QuerySet[Slot], unit: Unit) -> Slot:
    """Return one more place on an example, which is not stored yet."""
    shown = Unit.objects.filter(campaign=unit.campaign_id, bundle=unit.bundle, twin__isnull=True)
    last = slots.aggregate(last=Max("number"))["last"] or 0
    return Slot(
        campaign_id=unit.campaign_id,
        bundle=unit.bundle,
        number=last + 1,
        order=0,
        n_units=shown.count(),
    )


# Refusals


def _refuse_closed(campaign: Campaign) -> None:
    if campaign.state == Campaign.State.CLOSED:
        raise Conflict("This campaign is closed, so nobody gets a place in it.")


def _refuse_quota(quota: int | None) -> None:
    if quota is not None and not 1 <= quota <= MAX_QUOTA:
        detail = f"A quota is a whole number from 1 to {MAX_QUOTA:,}; left out there is none."
        raise ContentError(detail, errors=[FieldError("quota", "number", detail)])


def _note(annotator: Annotator, actor: Actor, verb: str, **detail: object) -> None:
    campaign = annotator.campaign
    record(
        project=campaign.project,
        actor=actor,
        verb=verb,
        subject=campaign.public_id,
        detail={"annotator": annotator.name, **detail},
    )
