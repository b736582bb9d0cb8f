"""What the JSON bodies of the runs interface may say, member by member."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from evalhub.errors import ContentError, FieldError, ShapeError
from evalhub.intake.strict import quoted
from evalhub.runs.waiting import MAX_SECONDS


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


def is_list(value: object) -> bool:
    return isinstance(value, list)


RUN = {
    "dataset": Member("the slug of a dataset", is_name, is_required=True),
    "version": Member(
        "a version's number or tag", lambda value: is_whole(value) or is_name(value)
    ),
    "system": Member("the slug of a system, new or known", is_name, is_required=True),
    "system_version": Member("text", is_text),
    "metrics": Member("a list of metrics", is_list),
    "attempts": Member("a whole number", is_whole),
    "git_commit": Member("text", is_text),
    "params": Member("an object, {…}", lambda value: isinstance(value, dict)),
    "tags": Member(
        "a list of texts", lambda value: isinstance(value, list) and all(map(is_text, value))
    ),
    "external_id": Member("text", is_text),
}
FINISH = {"allow_missing": Member("true or false", lambda value: isinstance(value, bool))}
MEASURE = {"metrics": Member("a list of metrics", is_list, is_required=True)}
RESCORE = {
    **MEASURE,
    "version": RUN["version"],
    "runs": Member(
        "a list of ids of runs",
        lambda value: isinstance(value, list) and bool(value) and all(map(is_text, value)),
    ),
    "again": Member("true or false", lambda value: isinstance(value, bool)),
}


def wait_seconds(given: str | None) -> float:
    """Return how long ?wait= asks to wait, no longer than may be."""
    if given is None:
        return 0.0
    if not given.isascii() or not given.isdigit():
        raise ShapeError("wait is a whole number of seconds, up to 60.")
    return min(float(given[:9]), MAX_SECONDS)


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
