"""Read a body line by line, and collect what is wrong with it instead of stopping at the first."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Generic, Protocol, TypeVar

from evalhub.errors import SHOWN_ERRORS, ContentError, LineError, ShapeError
from evalhub.intake import strict

# The line a row starts in (from 1), and its members or cells by name.
Rows = Iterator[tuple[int, dict[str, object]]]

# Whoever sends a million bad lines learns no more from the rest of them.
MAX_COUNTED_FAULTS = 10_000


class ErrorCollector:
    """The faults of one body: the first twenty, and how many there are.

    A caller writes nothing before `raise_if_any()` has let it pass: all or nothing.
    """

    def __init__(self, *, stop_at: int = MAX_COUNTED_FAULTS) -> None:
        self.errors: list[LineError] = []
        self.total = 0
        self._stop_at = stop_at

    def add(self, line: int, code: str, detail: str, field: str | None = None) -> None:
        """Take one fault; past `stop_at` the body is refused without reading on."""
        self.total += 1
        if len(self.errors) < SHOWN_ERRORS:
            self.errors.append(LineError(line, code, detail, field))
        if self.total >= self._stop_at:
            self.raise_if_any()

    def raise_if_any(self) -> None:
        """Raise ContentError when there is any fault."""
        if not self.total:
            return
        first = self.errors[0]
        sentence = f"Line {first.line:,}: {first.detail}"
        if self.total >= self._stop_at:
            sentence = f"{self.total:,} faults, and reading stopped. The first: {sentence}"
        elif self.total > 1:
            sentence = f"{self.total:,} faults. The first: {sentence}"
        raise ContentError(
            f"{sentence} Nothing was stored.", code="lines", errors=self.errors, total=self.total
        )


Place = TypeVar("Place", bound=Hashable)


Taken_contra = TypeVar("Taken_contra", bound=Hashable, contravariant=True)


class Lines(Protocol[Taken_contra]):
    """Places and the lines that claim them; a dict does, where there are not millions."""

    def setdefault(self, place: Taken_contra, line: int, /) -> int: ...


class Repeats(Generic[Place]):
    """Finds rows of one body that claim the same place; `say` puts a place into words."""

    def __init__(
        self,
        errors: ErrorCollector,
        say: Callable[[Place], str],
        lines: Lines[Place] | None = None,
    ) -> None:
        self._errors = errors
        self._say = say
        self._lines: Lines[Place] = {} if lines is None else lines

    def is_new(self, place: Place, line: int) -> bool:
        """Return whether nobody has this place yet; otherwise add a fault naming both lines."""
        first = self._lines.setdefault(place, line)
        if first != line:
            detail = f"{self._say(place)} stands in line {first:,} already; keep one of the two."
            self._errors.add(line, "repeated", detail, "key")
        return first == line


def json_lines(lines: Iterable[bytes], errors: ErrorCollector, *, first: int = 1) -> Rows:
    """Yield the number (from `first` on) and object of each good line; the others go to `errors`.

    Blank lines are passed over and still count, so that numbers are those of an editor. A byte
    order mark may start line 1. A body with nothing but blank lines is empty: ShapeError.
    """
    is_empty = True
    for line, raw in enumerate(lines, start=first):
        if raw.isspace():
            continue
        text = raw.removeprefix(strict.BOM) if line == 1 else raw
        is_empty = False
        try:
            value = strict.decode(text)
        except ShapeError as error:
            field = next((one.field for one in error.errors), None)
            errors.add(line, error.code, error.detail, field)
            continue
        if isinstance(value, dict):
            yield line, value
        else:
            kind = "a list" if isinstance(value, list) else "a single value"
            errors.add(line, "not_object", f"A line is one JSON object, {{…}}; this is {kind}.")
    if is_empty:
        raise ShapeError("The body has no rows; send one JSON object a line.", code="empty")
