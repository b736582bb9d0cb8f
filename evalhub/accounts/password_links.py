"""A forgotten password is replaced by a link that an owner makes: once, within a day."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from evalhub.accounts.departures import out_of_reach, refuse_out_of_reach
from evalhub.accounts.links import digest_of_token, new_token
from evalhub.accounts.models import Membership, PasswordLink, Project, User
from evalhub.accounts.services import Actor, check_password, forget_failed_logins, record
from evalhub.errors import NotFound

LASTS = timedelta(hours=24)
CLOSED = (
    "There is no such link, or it was used, replaced by a newer one, or has expired. "
    "Ask an owner of your project for a new one."
)


@transaction.atomic
def make_password_link(*, project: Project, user: User, owner: User) -> tuple[PasswordLink, str]:
    """Make the link for a member and return it with its token; an earlier one ends with it.

    Whoever sets a password can log in with it, so the account must be in the owner's reach.
    """
    refuse_out_of_reach(owner, user)
    now = timezone.now()
    PasswordLink.objects.open_at(now).filter(user=user).update(revoked_at=now)
    token, digest = new_token()
    link = PasswordLink.objects.create(
        project=project,
        user=user,
        digest=digest,
        created_by=owner,
        created_at=now,
        expires_at=now + LASTS,
    )
    record(
        project=project, actor=Actor(user=owner), verb="make password link", subject=user.username
    )
    return link, token


def password_link_of(token: str) -> PasswordLink:
    """Return the link of a token while it opens something, or say that it does not.

    The account must still be in reach of who made the link: it may have joined another project.
    """
    digest = digest_of_token(token)
    rows = PasswordLink.objects.open_at(timezone.now()).select_related("user", "project")
    link = rows.filter(digest=digest, user__is_active=True).first() if digest else None
    if link is None or not _holds(link):
        raise NotFound(CLOSED)
    return link


def _holds(link: PasswordLink) -> bool:
    maker, user = link.created_by, link.user
    if maker is None or not Membership.objects.filter(user=user, project=link.project).exists():
        return False
    return not out_of_reach(maker, [user])


@transaction.atomic
def set_password(*, link: PasswordLink, password: str) -> User:
    """Set the password; every session of the account ends, and so does its wait at the login."""
    user = link.user
    check_password(password, user)
    now = timezone.now()
    if not PasswordLink.objects.open_at(now).filter(pk=link.pk).update(used_at=now):
        raise NotFound(CLOSED)
    user.set_password(password)
    user.save(update_fields=["password"])
    forget_failed_logins(username=user.username)
    record(
        project=link.project,
        actor=Actor(user=user),
        verb="set password by link",
        subject=user.username,
    )
    return user
