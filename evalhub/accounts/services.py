"""Everything that changes accounts, projects and keys."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from evalhub.accounts.capabilities import SCOPES
from evalhub.accounts.keys import digest_of, new_key
from evalhub.accounts.models import (
    ApiKey,
    AuditEvent,
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


def create_user(*, username: str, password: str) -> User:
    """Add an account; a weak password is refused with the reason."""
    user = User(username=username)
    try:
        validate_password(password, user)
    except ValidationError as exc:
        raise ContentError(" ".join(exc.messages), code=WEAK_PASSWORD) from exc
    user.set_password(password)
    try:
        user.full_clean(exclude=["password"])
    except ValidationError as exc:
        raise ContentError(" ".join(exc.messages)) from exc
    try:
        with transaction.atomic():
            user.save()
    except IntegrityError as exc:
        raise Conflict(f"There is an account {username!r} already.") from exc
    return user


@transaction.atomic
def set_role(
    *, project: Project, user: User, role: str, actor: Actor = COMMAND_LINE
) -> Membership:
    """Make someone a member, or change what they are. The last owner stays owner."""
    _keep_an_owner(project=project, user=user, role=role)
    membership, _ = Membership.objects.update_or_create(
        project=project,
        user=user,
        defaults={"role": role},
        create_defaults={"role": role, "created_at": timezone.now()},
    )
    record(
        project=project, actor=actor, verb="set role", subject=user.username, detail={"role": role}
    )
    return membership


@transaction.atomic
def remove_member(*, project: Project, user: User, actor: Actor) -> None:
    _keep_an_owner(project=project, user=user, role="")
    Membership.objects.filter(project=project, user=user).delete()
    record(project=project, actor=actor, verb="remove member", subject=user.username)


def _keep_an_owner(*, project: Project, user: User, role: str) -> None:
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


def is_login_blocked(*, username: str) -> bool:
    """Say whether a name has failed too often lately; the failures of others do not count."""
    since = timezone.now() - FAILURES_WITHIN
    failures = LoginFailure.objects.filter(username_digest=_name_digest(username), at__gte=since)
    return failures.count() >= MAX_FAILURES


def forget_failed_logins(*, username: str) -> None:
    old = timezone.now() - FAILURES_WITHIN
    LoginFailure.objects.filter(username_digest=_name_digest(username)).delete()
    LoginFailure.objects.filter(at__lt=old).delete()


def _name_digest(username: str) -> str:
    return hashlib.sha256(username.lower().encode("utf-8", "replace")).hexdigest()
