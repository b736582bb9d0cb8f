"""What labeling hears of accounts: somebody left a project, or was removed for good."""

from __future__ import annotations

from typing import Any

from django.dispatch import receiver

from evalhub.accounts import signals
from evalhub.accounts.models import Project, User
from labeling.services import people


@receiver(signals.member_removed)
def on_member_removed(sender: object, *, project: Project, user: User, **given: Any) -> None:
    people.leave(project=project, user=user)


@receiver(signals.account_removed)
def on_account_removed(sender: object, *, user: User, **given: Any) -> None:
    people.take_name(user)
