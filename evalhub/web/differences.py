"""What differs between two texts, word by word, marked for reading."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from rapidfuzz.distance import LCSseq

from evalhub.web import untrusted

# Scripts without spaces are compared character by character.
_UNSPACED: Final = "\u0e00-\u0eff\u1000-\u109f\u2e80-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
# A word, a character of such a script or a sign, with the white space after it.
_WORD: Final = re.compile(rf"(^\s+|[{_UNSPACED}]|[^\W{_UNSPACED}]+|[^\w\s])(\s*)")
# Under this share of equal words the marks would hide that the texts have little in common.
_LEAST_ALIKE: Final = 0.35
_LONELY: Final = 2  # fewer equal words than this between two changes are part of the change
_AROUND: Final = 8  # words shown on each side of a change
_LONGEST_CHANGE: Final = 60  # words
_MAX_CHARACTERS: Final = 20_000


@dataclass(frozen=True)
class Piece:
    """A stretch of both texts, which have it in common or differ in it."""

    is_equal: bool
    old: list[str]
    new: list[str]


def side_by_side(old: str, new: str, length: int) -> tuple[SafeString, SafeString]:
    """Return the beginnings of both texts, each with the words marked that the other lacks.

    Texts that share little come back unmarked.
    """
    old, new = untrusted.shortened(old, length), untrusted.shortened(new, length)
    return marked(old, new) or (_said([untrusted.spelled(old)]), _said([untrusted.spelled(new)]))


def marked(old: str, new: str) -> tuple[SafeString, SafeString] | None:
    """Return both texts with the words marked that the other lacks; None if they share little.

    Of long texts the beginnings are compared, and the rest is left away.
    """
    old, new = _beginning(old), _beginning(new)
    pieces = pieces_of(old, new)
    if alike(pieces) < _LEAST_ALIKE:
        return None
    return (
        _said(_part(piece.old, "" if piece.is_equal else "del") for piece in pieces),
        _said(_part(piece.new, "" if piece.is_equal else "ins") for piece in pieces),
    )


def _beginning(text: str) -> str:
    return text if len(text) <= _MAX_CHARACTERS else text[:_MAX_CHARACTERS] + "…"


def in_one(old: str, new: str) -> SafeString:
    """Return one text: what went struck out, what came underlined, and some words around both."""
    pieces = pieces_of(old[:_MAX_CHARACTERS], new[:_MAX_CHARACTERS])
    if alike(pieces) < _LEAST_ALIKE:
        pieces = [Piece(is_equal=False, old=words(old), new=words(new))]
    parts: list[SafeString] = []
    for at, piece in enumerate(pieces):
        if piece.is_equal:
            around = _around(piece.new, is_first=at == 0, is_last=at == len(pieces) - 1)
            parts.append(_part(around, ""))
        else:
            parts += [_part(_cut(piece.old), "del"), _part(_cut(piece.new), "ins")]
    return _said(parts)


def pieces_of(old: str, new: str) -> list[Piece]:
    """Cut two texts where they begin or cease to differ."""
    old_words, new_words = words(old), words(new)
    found: list[Piece] = []
    for step in LCSseq.opcodes(
        [word.rstrip() for word in old_words], [word.rstrip() for word in new_words]
    ):
        piece = Piece(
            step.tag == "equal",
            old_words[step.src_start : step.src_end],
            new_words[step.dest_start : step.dest_end],
        )
        _append(found, piece)
    return found


def _append(found: list[Piece], piece: Piece) -> None:
    """Add a piece: changes that touch, or all but touch, are one."""
    if not piece.is_equal:
        if len(found) > 1 and found[-1].is_equal and len(found[-1].old) < _LONELY:
            piece = _joined(found.pop(), piece)
        if found and not found[-1].is_equal:
            piece = _joined(found.pop(), piece)
    found.append(piece)


def _joined(before: Piece, after: Piece) -> Piece:
    return Piece(is_equal=False, old=before.old + after.old, new=before.new + after.new)


def alike(pieces: Iterable[Piece]) -> float:
    """Return the share of words that both texts have in common; 1 for two empty texts."""
    equal = total = 0
    for piece in pieces:
        n = len(piece.old) + len(piece.new)
        total += n
        equal += n if piece.is_equal else 0
    return equal / total if total else 1.0


def words(text: str) -> list[str]:
    """Cut a text into words, each with the white space after it."""
    return [found[0] for found in _WORD.finditer(text)]


def _around(equal: list[str], *, is_first: bool, is_last: bool) -> list[str]:
    head = [] if is_first else equal[:_AROUND]
    tail = [] if is_last else equal[max(len(equal) - _AROUND, len(head)) :]
    if len(head) + len(tail) == len(equal):
        return equal
    while tail and not tail[0][0].isalnum():
        tail = tail[1:]
    return [*head, "… ", *tail]


def _cut(changed: list[str]) -> list[str]:
    if len(changed) <= _LONGEST_CHANGE:
        return changed
    return [*islice(changed, _LONGEST_CHANGE), "…"]


def _part(said: list[str], mark: str) -> SafeString:
    """Write words, marked or not; the white space at their end stays outside of the mark."""
    text = "".join(said)
    kept = text.rstrip()
    if not (mark and kept):
        return untrusted.spelled(text)
    inner, after = untrusted.spelled(kept), text[len(kept) :]
    if mark == "del":
        return format_html("<del>{}</del>{}", inner, after or " ")
    return format_html("<ins>{}</ins>{}", inner, after)


def _said(parts: Iterable[SafeString]) -> SafeString:
    return format_html(
        '<span class="said" dir="auto">{}</span>',
        format_html_join("", "{}", _each(parts)),
    )


def _each(parts: Iterable[SafeString]) -> Iterator[tuple[SafeString]]:
    return ((part,) for part in parts)
