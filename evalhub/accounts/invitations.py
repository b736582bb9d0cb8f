"""People are invited by a link, without a mail server: made, accepted, revoked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import NoReturn

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from evalhub.accounts import signals
from evalhub.accounts.capabilities import Capability, risen, roles_to_invite
from evalhub.accounts.links import digest_of_token, new_token
from evalhub.accounts.models import Invitation, InvitationUse, Membership, Project, User
from evalhub.accounts.services import (
    MAX_FAILURES,
    NAME_TAKEN,
    Actor,
    create_user,
    is_login_blocked,
    note_failed_login,
    record,
    revoke_invitations,
)
from evalhub.errors import Conflict, ContentError, FieldError, Gone, NotAllowed, NotFound, TooMany

DAYS, MAX_DAYS = 14, 90
MAX_USES = 200
MAX_NOTE = 100
_WAIT = 15 * 60  # seconds, as long as a name waits that failed to log in too often
_ASK = "Ask whoever sent it for a new one."


@dataclass(frozen=True, kw_only=True)
class Offer:
    """What an invitation offers, to how many people and for how many days."""

    role: str
    is_limited: bool = False
    note: str = ""
    max_uses: int = 1
    days: int = DAYS


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """What came of an acceptance; `landing` is an address, or empty where no app gave one."""

    membership: Membership
    landing: str
    was_member: bool


@transaction.atomic
def invite(
    *, project: Project, offer: Offer, actor: Actor, capabilities: frozenset[Capability]
) -> tuple[Invitation, str]:
    """Make an invitation and return it with its token, which is not kept and never shown again.

    `capabilities` are those of whoever invites: owners invite into every role, leads those who
    label.
    """
    _refuse_faults(offer)
    if offer.role not in roles_to_invite(capabilities):
        raise NotAllowed("Leads invite annotators and experts; other roles need an owner.")
    token, digest = new_token()
    now = timezone.now()
    invitation = Invitation.objects.create(
        project=project,
        digest=digest,
        role=offer.role,
        is_limited=offer.is_limited,
        note=offer.note.strip(),
        max_uses=offer.max_uses,
        created_by=actor.user,
        created_at=now,
        expires_at=now + timedelta(days=offer.days),
    )
    detail: dict[str, object] = {
        "role": offer.role,
        "is_limited": offer.is_limited,
        "max_uses": offer.max_uses,
    }
    record(project=project, actor=actor, verb="invite", subject=str(invitation), detail=detail)
    return invitation, token


def _refuse_faults(offer: Offer) -> None:
    roles = Membership.Role.values
    sentences = {
        "role": offer.role not in roles and f"role is one of {', '.join(roles)}.",
        "is_limited": offer.is_limited
        and offer.role != Membership.Role.ANNOTATOR
        and "Only annotators are limited to the campaigns that have a place for them.",
        "note": not (len(offer.note) <= MAX_NOTE and (offer.note + "_").isprintable())
        and f"note is at most {MAX_NOTE} printable characters.",
        "max_uses": not 1 <= offer.max_uses <= MAX_USES and f"max_uses is from 1 to {MAX_USES}.",
        "days": not 1 <= offer.days <= MAX_DAYS and f"days is from 1 to {MAX_DAYS}.",
    }
    faults = [FieldError(name, "value", said) for name, said in sentences.items() if said]
    if faults:
        raise ContentError(faults[0].detail, errors=faults)


def revoke(*, invitation: Invitation, actor: Actor) -> None:
    """Close an invitation, at once and for good. One that is closed already stays as it is."""
    revoke_invitations(Invitation.objects.filter(pk=invitation.pk), actor=actor)


def invitation_of(token: str, *, user: User | None = None) -> Invitation:
    """Return the invitation that a link opens, to this user or to somebody without account.

    Who came in by it finds it open for good, so that a second click is no error. To all others
    it is unknown (404, as are withdrawn ones), used up or expired (410).
    """
    digest = digest_of_token(token)
    rows = Invitation.objects.select_related("project", "created_by")
    invitation = rows.filter(digest=digest).first() if digest else None
    if invitation is None:
        raise NotFound(f"There is no such invitation, or it was withdrawn. {_ASK}")
    if invitation.state != "open" and not (user and _is_in_by(invitation, user)):
        _refuse_closed(invitation)
    return invitation


def _is_in_by(invitation: Invitation, user: User) -> bool:
    uses = InvitationUse.objects.filter(invitation=invitation, user=user)
    return uses.filter(user__memberships__project=invitation.project_id).exists()


def _refuse_closed(invitation: Invitation) -> NoReturn:
    if invitation.state == "used":
        raise Gone(f"This invitation was used already. {_ASK} Who came in by it logs in.")
    if invitation.state == "expired":
        raise Gone(f"This invitation has expired. {_ASK}")
    raise NotFound(f"There is no such invitation, or it was withdrawn. {_ASK}")


def join(*, invitation: Invitation, username: str, password: str) -> Accepted:
    """Make an account for somebody who has the link, and accept for them.

    Whoever has a link could ask it which names are taken. So it waits after some of those: as
    many as a login, and one more for each place that is left.
    """
    name = f"invitation {invitation}"  # no user name has a space
    most = MAX_FAILURES + invitation.max_uses - invitation.uses
    if is_login_blocked(username=name, most=most):
        raise TooMany(
            "This link was tried with too many names that are taken. Try again in 15 minutes.",
            retry_after=_WAIT,
        )
    try:
        with transaction.atomic():
            user = create_user(username=username, password=password, made_in=invitation.project)
            return accept(invitation=invitation, user=user)
    except Conflict as exc:
        if exc.code == NAME_TAKEN:
            note_failed_login(username=name)
        raise


@transaction.atomic
def accept(*, invitation: Invitation, user: User) -> Accepted:
    """Make a user what the invitation offers. A member keeps the role that does more.

    A place is taken by everybody whom the invitation gave something: a membership, another role,
    or what an app above keeps with it. Accepting again gives the same and takes no place.
    """
    uses = InvitationUse.objects.filter(invitation=invitation, user=user)
    is_repeated = uses.exists()
    if not is_repeated and invitation.state != "open":
        _refuse_closed(invitation)
    # Who is a member already is locked, so that a role given meanwhile is not lost.
    membership, is_new = Membership.objects.select_for_update().get_or_create(
        project=invitation.project,
        user=user,
        defaults={
            "role": invitation.role,
            "is_limited": invitation.is_limited,
            "created_at": timezone.now(),
        },
    )
    if is_repeated and is_new:
        raise NotAllowed(
            f"You were taken out of {invitation.project.name}, and this invitation does not lead "
            "back. An owner can add you again."
        )
    changes = is_new or _rises(membership, invitation)
    landing = _landing(invitation, user, membership)
    if not is_repeated and (changes or landing):
        _take_a_place(invitation, user)
    return Accepted(membership=membership, landing=landing, was_member=not is_new)


def _rises(membership: Membership, invitation: Invitation) -> bool:
    """Give a member what the invitation offers beyond their role, and say whether it does."""
    role = risen(membership.role, invitation.role)
    if role is None:
        raise Conflict(
            f"You are {membership.role} of {invitation.project.name}, and this invites you as "
            f"{invitation.role}. Annotators label blind, so nobody is both; an owner can change "
            "your role."
        )
    stays_annotator = role == Membership.Role.ANNOTATOR
    is_limited = stays_annotator and membership.is_limited and invitation.is_limited
    if (membership.role, membership.is_limited) == (role, is_limited):
        return False
    membership.role, membership.is_limited = role, is_limited
    membership.save(update_fields=["role", "is_limited"])
    return True


def _landing(invitation: Invitation, user: User, membership: Membership) -> str:
    answers = signals.invitation_accepted.send(
        Invitation, invitation=invitation, user=user, membership=membership
    )
    return next((str(address) for _, address in answers if address), "")


def _take_a_place(invitation: Invitation, user: User) -> None:
    """Count one more use by one conditional UPDATE: of two who want the last place one gets it."""
    now = timezone.now()
    _, is_first = InvitationUse.objects.get_or_create(
        invitation=invitation, user=user, defaults={"at": now}
    )
    if not is_first:
        return  # a second click was faster
    still_open = Invitation.objects.open_at(now).filter(pk=invitation.pk)
    if not still_open.update(uses=F("uses") + 1):
        invitation.refresh_from_db()
        _refuse_closed(invitation)
    record(
        project=invitation.project,
        actor=Actor(user=user),
        verb="accept invitation",
        subject=str(invitation),
        detail={"role": invitation.role},
    )
