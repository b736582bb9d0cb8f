"""What the REST interface of invitations takes and answers."""

from __future__ import annotations

from evalhub.accounts.invitations import DAYS, MAX_DAYS, MAX_NOTE, MAX_USES
from evalhub.accounts.models import Membership
from evalhub.openapi import (
    CURSOR,
    component,
    flag,
    json_body,
    members,
    moment,
    nullable,
    one_of,
    operation,
    page_of,
    text,
    whole,
)

TAG = "Invitations"
_LIMITED = "An annotator who sees only the campaigns that have a place for them."

_INVITATION = members(
    "A link that makes whoever has it a member of the project.",
    id=text("inv_…"),
    role=one_of(Membership.Role.values),
    is_limited=flag(_LIMITED),
    note=text("For whom; who opens the link does not see it."),
    state=one_of(["open", "used", "expired", "revoked"]),
    uses=whole("How many people came in by it."),
    max_uses=whole("How many may."),
    created_by=nullable(text("A user name; null for the command line and keys that it made.")),
    created_at=moment(),
    expires_at=moment(),
    revoked_at=nullable({**moment()}),
)
COMPONENTS = {
    "Invitation": _INVITATION,
    "NewInvitation": {
        **_INVITATION,
        "description": "An invitation with its link.",
        "properties": {
            **_INVITATION["properties"],
            "link": nullable(
                text(
                    "The address to send, in this answer alone: only a digest of it is kept. "
                    "Null where an Idempotency-Key repeats the answer."
                )
            ),
        },
    },
}

list_invitations = operation(
    "list_invitations",
    tag=TAG,
    summary="List the invitations of a project",
    detail="Newest first, the closed ones too. Their links are not kept.",
    scope="admin",
    path=["project"],
    query=CURSOR,
    answers={200: ("The invitations.", page_of(component("Invitation")))},
    errors=[400],
)
invite = operation(
    "invite",
    tag=TAG,
    summary="Invite people by a link",
    detail="Whoever opens the link accepts with their account, or makes one. No mail is sent. A "
    "key reaches as far as a lead: it invites annotators and experts, other roles need an owner "
    "and the page.",
    scope="admin",
    path=["project"],
    body=json_body(
        members(
            "",
            ["role"],
            role=one_of(["annotator", "expert"]),
            is_limited=flag(f"{_LIMITED} false by default."),
            note=text(f"For whom, up to {MAX_NOTE} printable characters."),
            max_uses=whole(f"How many people may come in by it, 1 to {MAX_USES}; 1 by default."),
            days=whole(f"For how long it is open, 1 to {MAX_DAYS}; {DAYS} by default."),
        ),
        example={"role": "annotator", "note": "the evening shift", "max_uses": 20},
    ),
    answers={201: ("The invitation and its link.", component("NewInvitation"))},
    errors=[400, 422],
    is_idempotent=True,
)
revoke_invitation = operation(
    "revoke_invitation",
    tag=TAG,
    summary="Revoke an invitation",
    detail="The link lets nobody in from now on; who came in by it stays a member. One that is "
    "closed already stays as it is.",
    scope="admin",
    path=["project", "invitation_id"],
    body=json_body(
        members("No member."), example=None, required=False, words="None, or an empty object."
    ),
    answers={200: ("The invitation as it is now.", component("Invitation"))},
    errors=[400],
)
