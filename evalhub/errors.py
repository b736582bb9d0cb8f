"""What can be wrong with a request: one family, rendered once by REST and once by the pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

# An answer names the first twenty faults and says how many there are.
SHOWN_ERRORS = 20


@dataclass(frozen=True, slots=True)
class FieldError:
    """One fault of one field; `code` is stable, `detail` is a sentence for people."""

    field: str
    code: str
    detail: str

    def as_dict(self) -> dict[str, str | int]:
        return {"field": self.field, "code": self.code, "detail": self.detail}


@dataclass(frozen=True, slots=True)
class LineError:
    """One fault of one line (from 1) of a bulk body, with the field where there is one."""

    line: int
    code: str
    detail: str
    field: str | None = None

    def as_dict(self) -> dict[str, str | int]:
        field = {} if self.field is None else {"field": self.field}
        return {"line": self.line, **field, "code": self.code, "detail": self.detail}


def error_body(
    code: str, detail: str, errors: Sequence[Mapping[str, object]] = (), *, total: int = 0
) -> dict[str, object]:
    """Return what every refusal answers, with the same members whatever went wrong."""
    return {"code": code, "detail": detail, "errors": list(errors), "total": total}


class DomainError(Exception):
    """A request that cannot be done, said in a sentence; each subclass is one HTTP status."""

    status: ClassVar[int] = 400
    default_code: ClassVar[str] = "error"

    def __init__(
        self,
        detail: str,
        *,
        code: str | None = None,
        errors: Sequence[LineError | FieldError] = (),
        total: int | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = self.default_code if code is None else code
        self.errors = list(errors[:SHOWN_ERRORS])
        self.total = len(errors) if total is None else total

    def as_dict(self) -> dict[str, object]:
        """Return the body of the answer: ``errors`` are the first twenty of ``total``."""
        faults = [error.as_dict() for error in self.errors]
        return error_body(self.code, self.detail, faults, total=self.total)


class ShapeError(DomainError):
    """The request cannot be read as what it should be."""

    status = 400
    default_code = "shape"


class NotAllowed(DomainError):
    """A member asks for what their role or key does not cover."""

    status = 403
    default_code = "not_allowed"


class NotFound(DomainError):
    """There is no such thing, or not for this person."""

    status = 404
    default_code = "not_found"


class Conflict(DomainError):
    """The thing is in a state that does not allow this."""

    status = 409
    default_code = "conflict"


class Gone(DomainError):
    """There was such a thing, and its time is over."""

    status = 410
    default_code = "gone"


class TooLarge(DomainError):
    """The request is larger than this door lets in."""

    status = 413
    default_code = "too_large"


class ContentError(DomainError):
    """The request can be read, and says something that cannot be."""

    status = 422
    default_code = "content"


class _RetryLater(DomainError):
    """Not now: the same request may succeed after `retry_after` seconds."""

    def __init__(self, detail: str, *, retry_after: int = 1, code: str | None = None) -> None:
        super().__init__(detail, code=code)
        self.retry_after = retry_after


class NotYet(_RetryLater):
    """The request is taken, and workers have to do something first: no refusal.

    `location` is where to ask or look again.
    """

    status = 202
    default_code = "not_yet"
    location = ""


class TooMany(_RetryLater):
    """This caller has asked too often."""

    status = 429
    default_code = "too_many"


class Busy(_RetryLater):
    """The service cannot take the request just now."""

    status = 503
    default_code = "busy"
