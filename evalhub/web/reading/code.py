"""Code and JSON in three colors: keywords, strings, comments.

One regular expression a language, each alternative of which always ends, so that a text is read
once from left to right whatever stands in it. (The lexers of Pygments, tried on 4,000 characters
of `.a.b` or of empty lines, took up to 0.7 s.) Languages are those that a fence names; nothing is
guessed.
"""

from __future__ import annotations

from typing import Final

from evalhub.web import untrusted
from evalhub.web.reading.languages import BY_ALIAS, Language

COLORED: Final = 20_000  # characters; what is longer stays in one color


def language_of(info: str) -> Language | None:
    """Return the language that the words after a fence name first, if it is one of ours."""
    first = info.strip().split(maxsplit=1)
    return BY_ALIAS.get(first[0].strip("{}.,:").lower()) if first else None


def highlighted(code: str, language: Language | None) -> str:
    """Return code as HTML: escaped, invisible characters spelled out, words of a kind colored."""
    if language is None or len(code) > COLORED:
        return untrusted.written(code)
    parts: list[str] = []
    plain = 0
    for found in language.found_in(code):
        kind = found.lastgroup
        if kind == "k" and not language.is_keyword(found[0]):
            continue
        start, end = found.span()
        parts.append(untrusted.written(code[plain:start]))
        parts.append(f'<span class="{kind}">{untrusted.written(found[0])}</span>')
        plain = end
    parts.append(untrusted.written(code[plain:]))
    return "".join(parts)
