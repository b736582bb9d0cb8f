"""The members of small JSON bodies: what each must be, and every fault named at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from evalhub.errors import ContentError, FieldError, ShapeError
from evalhub.intake.strict import quoted


@dataclass(frozen=True)
class Member:
    """What one member of a body must be: in words, and as a test of its value."""

    must: str
    fits: Callable[[object], bool]
    is_required: bool = False


def is_text(value: object) -> bool:
    return isinstance(value, str)


def is_name(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_truth(value: object) -> bool:
    return isinstance(value, bool)


def is_list(value: object) -> bool:
    return isinstance(value, list)


def members_of(body: Mapping[str, object], members: Mapping[str, Member]) -> dict[str, object]:
    """Return the members that say something; name every one that is unknown, wrong or missing.

    An optional member that is null is as good as left out.
    """
    unknown = sorted(body.keys() - members.keys())
    if unknown:
        known = f"the members are {', '.join(members)}" if members else "it is empty"
        raise ShapeError(
            f"The body has no member {quoted(unknown[0])}; {known}.",
            errors=[FieldError(name[:100], "unknown_member", "is not known") for name in unknown],
        )
    given = {name: value for name, value in body.items() if value is not None}
    faults = [
        *(
            FieldError(name, "missing", f"{name} is missing; it is {member.must}.")
            for name, member in members.items()
            if member.is_required and name not in given
        ),
        *(
            FieldError(name, "type", f"{name} must be {members[name].must}.")
            for name, value in given.items()
            if not members[name].fits(value)
        ),
    ]
    if faults:
        raise ContentError(faults[0].detail, errors=faults)
    return given
