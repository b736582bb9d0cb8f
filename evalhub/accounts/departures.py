"""People leave: a project, or EvalHub as a whole. What they said stays.

Whoever leaves a project loses every way into it that they had or made: the membership, the API
keys whose secrets they saw, the invitations whose links they know. An account that is removed is
emptied instead of deleted, so that answers, runs and the audit log go on pointing at somebody.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from evalhub.accounts import signals
from evalhub.accounts.models import (
    ApiKey,
    Invitation,
    Membership,
    PasswordLink,
    Project,
    User,
)
from evalhub.accounts.services import (
    Actor,
    keep_an_owner,
    record,
    revoke_api_key,
    revoke_invitations,
)
from evalhub.errors import Conflict, NotAllowed

NEUTRAL = "removed person"  # no name that people may choose has a space


@dataclass(frozen=True)
class Left:
    """The name that stays, what ended, and which links would still let the person in."""

    name: str
    keys: int
    open_links: list[Invitation]


@transaction.atomic
def remove_member(*, project: Project, user: User, actor: Actor) -> Left:
    """Take somebody out of a project, with every way into it. Answers stay under their name."""
    keep_an_owner(project=project, user=user, role="")
    Membership.objects.filter(project=project, user=user).delete()
    n_keys = _end_ways_in(user, actor, project=project)
    record(project=project, actor=actor, verb="remove member", subject=user.username)
    signals.member_removed.send(Membership, project=project, user=user)
    still_open = Invitation.objects.open_at(timezone.now())
    came_by = still_open.filter(project=project, used_by__user=user).order_by("pk")
    return Left(user.username, n_keys, list(came_by))


def _end_ways_in(user: User, actor: Actor, **where: Project) -> int:
    """Revoke keys and links that a person made or knows, and return how many keys those were."""
    keys = list(ApiKey.objects.usable().filter(created_by=user, **where).select_related("project"))
    for key in keys:
        revoke_api_key(key=key, actor=actor)
    revoke_invitations(Invitation.objects.filter(created_by=user, **where), actor=actor)
    now = timezone.now()
    links = PasswordLink.objects.open_at(now).filter(Q(user=user) | Q(created_by=user), **where)
    links.update(revoked_at=now)
    return len(keys)


@transaction.atomic
def remove_account(*, user: User, actor: Actor) -> Left:
    """End an account for good; its answers stay under the neutral name that is returned.

    Every session ends, as sessions hang on the password and on the account being active. An
    owner ends the accounts in their reach; the command line, any.
    """
    if user.username.startswith(NEUTRAL):
        raise Conflict(f"There is nothing left of this account but its name, {user.username}.")
    if actor.user is not None:
        refuse_out_of_reach(actor.user, user)
    projects = list(Project.objects.for_member(user).order_by("slug"))
    left = [_remove_from(project, user, actor) for project in projects]
    n_keys = sum(one.keys for one in left) + _end_ways_in(user, actor)  # of projects left before
    user.username = _neutral_name()
    user.first_name = user.last_name = user.email = ""
    user.is_active, user.last_login = False, None
    user.set_unusable_password()
    user.save()
    for project in projects:
        record(project=project, actor=actor, verb="remove account", subject=user.username)
    signals.account_removed.send(User, user=user)
    return Left(
        name=user.username,
        keys=n_keys,
        open_links=[link for one in left for link in one.open_links],
    )


def _remove_from(project: Project, user: User, actor: Actor) -> Left:
    try:
        return remove_member(project=project, user=user, actor=actor)
    except Conflict:
        raise Conflict(
            f"{user.username} is the only owner of {project.slug}. "
            "Make somebody else owner there first."
        ) from None


def _neutral_name() -> str:
    """Return a name like `removed person 3f2a` that nobody has."""
    for length in (2, 2, 2, 4, 8):
        name = f"{NEUTRAL} {secrets.token_hex(length)}"
        if not User.objects.filter(username=name).exists():
            break
    return name


def out_of_reach(owner: User, users: Collection[User]) -> dict[int, str]:
    """Return by id whose account is not an owner's to end or to open anew, and why.

    An account opens every project it belongs to, and anybody may open a project and add others
    to it. So in reach is an account that was made in a project of the owner's, belongs to no
    project of others, and owns none.
    """
    owned = set(
        owner.memberships.filter(role=Membership.Role.OWNER).values_list("project", flat=True)
    )
    theirs = Membership.objects.filter(user__in=users)
    owners = set(theirs.filter(role=Membership.Role.OWNER).values_list("user", flat=True))
    elsewhere = set(theirs.exclude(project__in=owned).values_list("user", flat=True))
    reasons = {}
    for user in users:
        if user.pk in owners:
            reasons[user.pk] = "is an owner"
        elif user.pk in elsewhere:
            reasons[user.pk] = "also belongs to a project that is not yours"
        elif user.made_in_id not in owned:
            reasons[user.pk] = "has an account that was not made in a project of yours"
    return reasons


def refuse_out_of_reach(owner: User, user: User) -> None:
    """Raise an error that says why an account is not this owner's to end or to open anew."""
    if why := out_of_reach(owner, [user]).get(user.pk):
        raise NotAllowed(
            f"{user.username} {why}, so this account is not yours to open or to end. "
            "Whoever runs EvalHub can."
        )
