"""Everything that changes accounts, projects and keys."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from evalhub.accounts.capabilities import SCOPES, capabilities_of_role, roles_to_invite
from evalhub.accounts.keys import digest_of, new_key
from evalhub.accounts.models import (
    ApiKey,
    AuditEvent,
    Invitation,
    LoginFailure,
    Membership,
    Project,
    User,
    valid_slug,
)
from evalhub.errors import Conflict, ContentError

MAX_NAME = 100
MAX_SUBJECT = 200
MAX_FAILURES = 10
WEAK_PASSWORD = "weak_password"  # noqa: S105 - the code of an error
NAME_TAKEN = "name_taken"
FAILURES_WITHIN = timedelta(minutes=15)


@dataclass(frozen=True)
class Actor:
    """Who does something: a person, a program with a key, or the command line."""

    user: User | None = None
    api_key: ApiKey | None = None


COMMAND_LINE = Actor()


def record(
    *,
    project: Project,
    actor: Actor,
    verb: str,
    subject: str,
    detail: dict[str, object] | None = None,
) -> None:
    """Add a line to the audit log."""
    AuditEvent.objects.create(
        project=project,
        user=actor.user,
        api_key=actor.api_key,
        verb=verb,
        subject=subject[:MAX_SUBJECT],
        detail=detail or {},
        at=timezone.now(),
    )


@transaction.atomic
def create_project(
    *, slug: str, name: str, owner: User | None, description: str = "", actor: Actor = COMMAND_LINE
) -> Project:
    """Open a project; its owner may do everything in it."""
    try:
        valid_slug(slug)
    except ValidationError as exc:
        raise ContentError(f"The slug {slug!r} does not work. {exc.message}") from exc
    try:
        with transaction.atomic():
            project = Project.objects.create(
                slug=slug, name=name, description=description, created_at=timezone.now()
            )
    except IntegrityError as exc:
        raise Conflict(f"There is a project {slug!r} already.") from exc
    if owner is not None:
        set_role(project=project, user=owner, role=Membership.Role.OWNER, actor=actor)
    record(project=project, actor=actor, verb="create project", subject=slug)
    return project


def create_user(*, username: str, password: str, made_in: Project | None = None) -> User:
    """Add an account; a weak password is refused with the reason.

    Two names never differ by capitals alone, or one could pass for the other.
    """
    user = User(username=User.normalize_username(username), made_in=made_in)
    try:
        user.clean_fields(exclude=["password"])
    except ValidationError as exc:
        raise ContentError(" ".join(exc.messages)) from exc
    if User.objects.filter(username__iexact=user.username).exists():
        raise _name_taken(username)
    check_password(password, user)
    user.set_password(password)
    try:
        with transaction.atomic():
            user.save()
    except IntegrityError as exc:
        raise _name_taken(username) from exc
    return user


def _name_taken(username: str) -> Conflict:
    return Conflict(f"There is an account {username!r} already.", code=NAME_TAKEN)


def check_password(password: str, user: User) -> None:
    """Refuse a weak password with the reason."""
    try:
        validate_password(password, user)
    except ValidationError as exc:
        raise ContentError(" ".join(exc.messages), code=WEAK_PASSWORD) from exc


@transaction.atomic
def set_role(
    *,
    project: Project,
    user: User,
    role: str,
    is_limited: bool = False,
    actor: Actor = COMMAND_LINE,
) -> Membership:
    """Make someone a member, or change what they are. The last owner stays owner.

    A limited annotator sees the campaigns that have a place for them. Invitations that somebody
    made and could no longer make are revoked with the change.
    """
    keep_an_owner(project=project, user=user, role=role)
    given = {"role": role, "is_limited": is_limited}
    membership, _ = Membership.objects.update_or_create(
        project=project,
        user=user,
        defaults=given,
        create_defaults={**given, "created_at": timezone.now()},
    )
    made = Invitation.objects.filter(project=project, created_by=user)
    beyond = made.exclude(role__in=roles_to_invite(capabilities_of_role(role)))
    revoke_invitations(beyond, actor=actor)
    detail: dict[str, object] = {"role": role, **({"is_limited": True} if is_limited else {})}
    record(project=project, actor=actor, verb="set role", subject=user.username, detail=detail)
    return membership


def revoke_invitations(invitations: QuerySet[Invitation], *, actor: Actor) -> int:
    """End those that are still open, at once and for good, and return how many those were."""
    now, ended = timezone.now(), 0
    for one in invitations.select_related("project"):
        if Invitation.objects.open_at(now).filter(pk=one.pk).update(revoked_at=now):
            record(project=one.project, actor=actor, verb="revoke invitation", subject=str(one))
            ended += 1
    return ended


def keep_an_owner(*, project: Project, user: User, role: str) -> None:
    """Refuse to leave a project without an owner."""
    owners = (
        Membership.objects.select_for_update()
        .filter(project=project, role=Membership.Role.OWNER)
        .order_by("pk")
    )
    ids = {member.user_id for member in owners}
    if ids == {user.pk} and role != Membership.Role.OWNER:
        raise Conflict("A project keeps at least one owner. Make somebody else owner first.")


@transaction.atomic
def issue_api_key(
    *, project: Project, name: str, scopes: list[str], actor: Actor = COMMAND_LINE
) -> tuple[ApiKey, str]:
    """Make a key and return it with its secret, which is not kept and never shown again."""
    if not 1 <= len(name.strip()) <= MAX_NAME or not name.isprintable():
        raise ContentError("A key needs a name of 1 to 100 printable characters.")
    if not scopes or set(scopes) - set(SCOPES):
        raise ContentError(f"A key needs one or more of the scopes {', '.join(SCOPES)}.")
    prefix, secret = new_key()
    key = ApiKey.objects.create(
        project=project,
        name=name.strip(),
        prefix=prefix,
        digest=digest_of(secret),
        scopes=[scope for scope in SCOPES if scope in scopes],
        created_by=actor.user,
        created_at=timezone.now(),
    )
    record(project=project, actor=actor, verb="issue key", subject=prefix, detail={"name": name})
    return key, secret


@transaction.atomic
def revoke_api_key(*, key: ApiKey, actor: Actor) -> None:
    """Stop a key from working, at once and for good."""
    if ApiKey.objects.usable().filter(pk=key.pk).update(revoked_at=timezone.now()):
        record(project=key.project, actor=actor, verb="revoke key", subject=key.prefix)


def note_failed_login(*, username: str) -> None:
    LoginFailure.objects.create(username_digest=_name_digest(username), at=timezone.now())


def is_login_blocked(*, username: str, most: int = MAX_FAILURES) -> bool:
    """Say whether a name has failed too often lately; the failures of others do not count."""
    since = timezone.now() - FAILURES_WITHIN
    failures = LoginFailure.objects.filter(username_digest=_name_digest(username), at__gte=since)
    return failures.count() >= most


def forget_failed_logins(*, username: str) -> None:
    old = timezone.now() - FAILURES_WITHIN
    LoginFailure.objects.filter(username_digest=_name_digest(username)).delete()
    LoginFailure.objects.filter(at__lt=old).delete()


def _name_digest(username: str) -> str:
    return hashlib.sha256(username.lower().encode("utf-8", "replace")).hexdigest()
