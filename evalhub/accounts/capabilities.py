"""What roles and scopes allow."""

from __future__ import annotations

from enum import StrEnum


class Capability(StrEnum):
    VIEW = "view"  # see datasets, runs, reports
    LABEL = "label"  # answer units of campaigns
    DECIDE = "decide"  # see all answers to a unit of a campaign, and decide where they differ
    SUBMIT = "submit"  # add datasets, runs, outputs, measurements
    LEAD = "lead"  # set up campaigns, see agreement, publish, reopen runs
    OWN = "own"  # members and API keys


ALL = frozenset(Capability)
_OF_ROLE = {
    "owner": ALL,
    "lead": ALL - {Capability.OWN},
    "expert": frozenset({Capability.VIEW, Capability.LABEL, Capability.DECIDE}),
    "annotator": frozenset({Capability.LABEL}),
    "viewer": frozenset({Capability.VIEW}),
}
_OF_SCOPE = {
    "read": frozenset({Capability.VIEW}),
    "submit": frozenset({Capability.SUBMIT}),
    "label": frozenset({Capability.LABEL}),
    # No key reaches members and keys: only a person makes a way in.
    "admin": frozenset({Capability.LEAD, Capability.DECIDE}),
}
SCOPES = tuple(_OF_SCOPE)
# Who leads a project brings in those who label; who owns it, everybody.
_INVITED_BY_LEADS = ("annotator", "expert")

NEEDED = {
    Capability.VIEW: (
        "Your role here is to label; runs and reports stay closed so that labels are blind."
    ),
    Capability.LABEL: "Labeling needs the role annotator, expert, lead or owner.",
    Capability.DECIDE: "Deciding where people differ needs the role expert, lead or owner.",
    Capability.SUBMIT: "Adding datasets and runs needs the role lead or owner.",
    Capability.LEAD: "This needs the role lead or owner.",
    Capability.OWN: "This needs the role owner.",
}


def capabilities_of_role(role: str) -> frozenset[Capability]:
    return _OF_ROLE[role]


def capabilities_of_scopes(scopes: list[str]) -> frozenset[Capability]:
    return frozenset().union(*(_OF_SCOPE[scope] for scope in scopes))


def scopes_of_role(role: str) -> list[str]:
    """Return the scopes that reach no further than the role."""
    allowed = capabilities_of_role(role)
    return [scope for scope, given in _OF_SCOPE.items() if given <= allowed]


def roles_to_invite(capabilities: frozenset[Capability]) -> tuple[str, ...]:
    """Return the roles that somebody with these capabilities may invite people into."""
    if Capability.OWN in capabilities:
        return tuple(_OF_ROLE)
    return _INVITED_BY_LEADS if Capability.LEAD in capabilities else ()


def risen(role: str, offered: str) -> str | None:
    """Return the role that does more, or None where neither does all that the other does."""
    now, then = _OF_ROLE[role], _OF_ROLE[offered]
    if then <= now:
        return role
    return offered if now < then else None
