"""What labeling hears of accounts: somebody enters, came by an invitation, left, was removed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.dispatch import receiver
from django.urls import reverse

from evalhub.accounts import signals
from evalhub.accounts.capabilities import Capability
from evalhub.accounts.models import Invitation, Membership, Project, User
from labeling.services import people, placing
from labeling.sight import withheld_from


@receiver(signals.capabilities_asked)
def on_capabilities_asked(
    sender: object, *, membership: Membership, **given: Any
) -> Mapping[Capability, str]:
    return withheld_from(membership)


@receiver(signals.invitation_accepted)
def on_invitation_accepted(
    sender: object, *, invitation: Invitation, user: User, **given: Any
) -> str:
    campaign = placing.seat_invited(invitation=invitation, user=user)
    return "" if campaign is None else reverse("labeling:desk", args=[campaign.public_id])


@receiver(signals.member_removed)
def on_member_removed(sender: object, *, project: Project, user: User, **given: Any) -> None:
    people.leave(project=project, user=user)


@receiver(signals.account_removed)
def on_account_removed(sender: object, *, user: User, **given: Any) -> None:
    people.take_name(user)
