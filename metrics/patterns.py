"""Patterns from users, in an engine whose time is linear in the text."""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from typing import Any

import re2

from metrics.fields import MetricParamsError

MAX_PATTERN_CHARACTERS = 1000
# One output costs at most its bytes times the pattern's instructions; measured at the slowest
# patterns, this much is less than half a second.
MAX_WORK = 50_000_000
_MAX_MEMORY = 1 << 20
# What an assertion such as \b or ^ can see on one side: nothing, a line's end, a word, neither.
_SURROUNDINGS = ("", "\n", "a", " ")


class ExtractionLimitError(Exception):
    """The pattern would take too much work on this text."""


class Matcher:
    """Says whether a pattern matches somewhere in a text, or the whole of it."""

    def __init__(self, pattern: str, *, whole: bool) -> None:
        _check_form(pattern, "pattern")
        own = _compiled(pattern, "pattern")
        self._match = own.fullmatch if whole else own.search
        self._instructions = int(own.programsize)

    def matches(self, text: str) -> bool:
        """Return whether the text matches."""
        return self._match(_affordable(text, self._instructions)) is not None


class LastMatch:
    """Finds what a pattern's one group holds in its last match.

    Matches follow one another from the left without overlapping, as in `re.finditer`; of those
    in which the group takes part, the last one counts. Searching for one after the other can take
    quadratic time (`(a)(?:.*b)?` looks to the end from every a), so all are found in one pass: a
    repeated group keeps its last repetition.
    """

    def __init__(self, pattern: str) -> None:
        _check_form(pattern, "extract")
        own = _compiled(pattern, "extract")
        if own.groups != 1:
            raise MetricParamsError(
                f"extract has {own.groups} groups; put exactly one pair of parentheses around "
                "what is the answer, and write other parentheses as (?:...)."
            )
        _check_never_empty(pattern)
        self._whole = _compiled(f"(?:(?s:.*?)(?:{pattern}))+", "extract")
        self._instructions = int(self._whole.programsize)

    def find(self, text: str) -> str | None:
        """Return the group of the last match, or None where nothing matches."""
        match = self._whole.match(_affordable(text, self._instructions))
        group: bytes | None = match[1] if match else None
        return None if group is None else group.decode()


@lru_cache(maxsize=64)
def last_match(pattern: str) -> LastMatch:
    """Return the finder for a pattern; refuse with a sentence what cannot be used."""
    return LastMatch(pattern)


@lru_cache(maxsize=64)
def matcher(pattern: str, *, whole: bool) -> Matcher:
    """Return what tries a pattern on texts; refuse with a sentence what cannot be used."""
    return Matcher(pattern, whole=whole)


def _affordable(text: str, instructions: int) -> bytes:
    """Return the text as RE2 reads it, or raise where it would take too much work."""
    encoded = text.encode()
    if len(encoded) * instructions > MAX_WORK:
        raise ExtractionLimitError
    return encoded


def _check_form(pattern: str, parameter: str) -> None:
    if len(pattern) > MAX_PATTERN_CHARACTERS:
        raise MetricParamsError(
            f"{parameter} is {len(pattern):,} characters long; {MAX_PATTERN_CHARACTERS:,} are "
            "allowed."
        )
    escapes = set()
    after_backslash = False
    for character in pattern:
        if after_backslash:
            escapes.add(character)
        after_backslash = character == "\\" and not after_backslash
    if refused := sorted(escapes & {"C", "Q"}):
        raise MetricParamsError(
            f"{parameter} uses \\{refused[0]}, which is not allowed here: escape single "
            "characters with a backslash, and match any character with a dot."
        )


def _check_never_empty(pattern: str) -> None:
    """Refuse patterns that match nothing at all somewhere inside a text.

    The last match of such a pattern is nearly always the empty one at the end. Whether a pattern
    can match empty text depends only on the kinds of the characters beside it, so sixteen
    trials decide. Matching a wholly empty text is harmless.
    """
    for before, after in product(_SURROUNDINGS, repeat=2):
        trial = _compiled(f"(?s:.{{{len(before)}}})(?:{pattern})(?s:.{{{len(after)}}})", "extract")
        if before + after and trial.fullmatch((before + after).encode()):
            raise MetricParamsError(
                "extract also matches empty text, so its last match would be an empty one: "
                "ask for at least one character, for instance with + instead of *."
            )


def _compiled(pattern: str, parameter: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MAX_MEMORY
    try:
        return re2.compile(pattern.encode(), options)
    except re2.error as error:
        raise MetricParamsError(
            f"{parameter} is not a usable pattern: {_explained(error)}"
        ) from None


def _explained(error: Exception) -> str:
    reason = error.args[0].decode("utf-8", "replace")
    if "(?=" in reason or "(?!" in reason or "(?<" in reason:
        return f"{reason}. Looking ahead or behind is not possible in linear time."
    if reason.startswith("invalid escape sequence"):
        return f"{reason}. Back-references and \\Z do not exist here; the end of the text is $."
    if "too large" in reason or "repetition size" in reason:
        return f"{reason}. Repeat fewer times."
    return f"{reason}."
