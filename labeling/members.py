"""The members of a body that asks for something, read one by one: what is wrong is collected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from evalhub.errors import FieldError
from labeling.questions import is_number

T = TypeVar("T", bound=str)


def text(
    body: Mapping[str, object],
    member: str,
    errors: list[FieldError],
    *,
    most: int,
    least: int = 0,
) -> str:
    given = body.get(member)
    said = "" if given is None else given.strip() if isinstance(given, str) else None
    if said is None or not least <= len(said) <= most:
        detail = f"{member} must be text of {least} to {most:,} characters."
        errors.append(FieldError(member, "text", detail))
        return ""
    return said


def whole(
    body: Mapping[str, object],
    member: str,
    errors: list[FieldError],
    *,
    most: int,
    least: int = 1,
) -> int | None:
    """Return a whole number, or None where there is none or it does not work."""
    given = body.get(member)
    if given is None:
        return None
    if type(given) is not int or not least <= given <= most:
        detail = f"{member} must be a whole number from {least} to {most:,}."
        errors.append(FieldError(member, "number", detail))
        return None
    return given


def share(
    body: Mapping[str, object],
    member: str,
    errors: list[FieldError],
    *,
    most: float,
    may_be_none: bool,
) -> float | None:
    """Return a share, from 0 (or above it, where none at all is no share) to the most."""
    given = body.get(member)
    if given is None:
        return None
    fits = is_number(given) and given <= most and (given >= 0 if may_be_none else given > 0)
    if not fits or not is_number(given):
        low = "from 0" if may_be_none else "above 0 and up"
        detail = f"{member} must be a share {low} to {most:g}, as in 0.05 for one in twenty."
        errors.append(FieldError(member, "share", detail))
        return None
    return float(given)


def truth(body: Mapping[str, object], member: str, errors: list[FieldError]) -> bool:
    given = body.get(member)
    if given is None:
        return False
    if not isinstance(given, bool):
        errors.append(FieldError(member, "type", f"{member} is true or false."))
        return False
    return given


def one_of(
    body: Mapping[str, object],
    member: str,
    errors: list[FieldError],
    *,
    values: Sequence[T],
) -> T:
    """Return one of some words; the first one is the default."""
    given = body.get(member)
    if given is None:
        return values[0]
    if given not in values:
        detail = f"{member} must be one of {', '.join(values)}."
        errors.append(FieldError(member, "word", detail))
        return values[0]
    return values[list(values).index(given)]  # type: ignore[arg-type]
