"""A text in the form that reads best, and as it was written where that differs; made once.

The digest of a text and what its citations lead to is the key, so several people who read the
same text, and a page that is fetched ahead, cost one rendering a process.
"""

from __future__ import annotations

import hashlib
import logging
import re
from typing import Final

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from markdown_it.token import Token

from evalhub.web import untrusted
from evalhub.web.reading import wall
from evalhub.web.reading.cache import BoundedCache
from evalhub.web.reading.code import highlighted, language_of
from evalhub.web.reading.conversations import Part, Said
from evalhub.web.reading.indenting import indented
from evalhub.web.reading.parsing import TooCostly, parsed
from evalhub.web.reading.writing import CITATION, Passages, Writer

AT_ONCE: Final = 20_000  # characters of a text in one piece; the rest opens on request, as written
MOST_SHOWN: Final = 500_000  # characters
SPACE: Final = " \t\r\n"  # what nobody sees at the ends of a text
_CACHE: Final = BoundedCache(8 * 1024**2)
_EMPTY: Final = SafeString('<span class="muted">empty text</span>')
_JSON: Final = language_of("json")
_BLANK_LINES: Final = re.compile(r"[ \t]*\n(?:[ \t]*\n)+")
logger = logging.getLogger(__name__)


def reads(what: str | Part | Said, *, cites: int = 0, target: str = "p") -> SafeString:
    """Return all that the page needs to show a text, part of a message, or message.

    With `cites`, a number in square brackets up to it leads to the element with the identifier
    target + number.
    """
    if isinstance(what, Said):
        each = ((reads(part, cites=cites, target=target),) for part in what.parts)
        return format_html_join("", "{}", each)
    part = Part(what) if isinstance(what, str) else what
    body = _once(part, Passages(cites, target))
    label = untrusted.spelled(part.label)
    return format_html('<p class="part">{}</p>{}', label, body) if label else body


def rendered(text: str) -> SafeString:
    """Return a text as Markdown in one form, for a place that has its own `.read` around it."""
    if not text.strip(SPACE):
        return _EMPTY
    key = ("rendered", _digest(text))
    return mark_safe(_CACHE.get(key, lambda: _one_form(text)))  # noqa: S308


def cited(text: str, n: int) -> bool:
    """Tell whether a text cites one of n passages by its number."""
    numbers = (int(number) for found in CITATION.finditer(text) for number in found[1].split(","))
    return any(1 <= number <= n for number in numbers)


def _once(part: Part, passages: Passages) -> SafeString:
    key = (part.form, passages.n, passages.target, _digest(part.text))
    return mark_safe(_CACHE.get(key, lambda: _forms(part, passages)))  # noqa: S308


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _forms(part: Part, passages: Passages) -> str:
    cut = _cut(part.text)
    text, rest = part.text[:cut], part.text[cut:]
    if not part.text.strip(SPACE):
        return f'<div class="read">{_EMPTY}</div>'
    if part.form == "note":
        return f'<div class="read"><span class="lost">{untrusted.written(text)}</span></div>'
    if part.form == "json":
        return _json(text) + _rest(rest)
    shown, is_as_written = _markdown(text, passages)
    if is_as_written:
        return f'<div class="read">{shown}</div>{_rest(rest)}'
    written = untrusted.readable(text)
    return (
        f'<div class="forms"><div class="read">{shown}</div>'
        f'<div class="read as-written">{written}</div></div>{_rest(rest)}'
    )


def _one_form(text: str) -> str:
    cut = _cut(text)
    shown, _ = _markdown(text[:cut], Passages())
    return shown + _rest(text[cut:])


def _markdown(text: str, passages: Passages) -> tuple[str, bool]:
    """Return a text as HTML, and whether it says the same as written."""
    if (pretty := indented(text)) is not None:
        return _json(pretty), pretty == text
    try:
        tokens, unused = parsed(text)
        shown = wall.passed(Writer(passages).blocks(tokens, unused))
    except TooCostly:
        return _as_written(text, "rendering its Markdown would take too long"), True
    except Exception:
        logger.warning("a text could not be read as Markdown", exc_info=True)
        return _as_written(text, "rendering its Markdown failed"), True
    return shown, not unused and _is_plain(tokens, text)


def _as_written(text: str, why: str) -> str:
    return f'<p class="hint">Shown as written: {why}.</p>{untrusted.readable(text)}'


def _is_plain(tokens: list[Token], text: str) -> bool:
    """Tell whether a text is nothing but paragraphs, so that rendering changes nothing in it."""
    if any(token.type not in {"paragraph_open", "inline", "paragraph_close"} for token in tokens):
        return False
    inlines = [token for token in tokens if token.type == "inline"]
    children = [child for inline in inlines for child in inline.children or ()]
    if any(child.type not in {"text", "softbreak"} for child in children):
        return False
    said = "\n\n".join(
        "".join(child.content or "\n" for child in inline.children or ()) for inline in inlines
    )
    if "  " in said or "\t" in said:
        return False
    return said == _BLANK_LINES.sub("\n\n", text.replace("\r\n", "\n").strip(SPACE))


def _json(text: str) -> str:
    colored = highlighted(text, _JSON)
    return (
        '<div class="listing"><pre tabindex="0" role="group" aria-label="JSON"><code>'
        f"{colored}</code></pre></div>"
    )


def _cut(text: str) -> int:
    """Return where to cut a long text: between paragraphs, lines or words, if some end nearby."""
    if len(text) <= AT_ONCE:
        return len(text)
    for gap, near in (("\n\n", 2_000), ("\n", 500), (" ", 100)):
        at = text.rfind(gap, AT_ONCE - near, AT_ONCE)
        if at >= 0:
            return at + len(gap)
    return AT_ONCE


def _rest(rest: str) -> str:
    if not rest:
        return ""
    missing = len(rest) - MOST_SHOWN
    over = f'<p class="hint">{missing:,} more characters are not shown.</p>' if missing > 0 else ""
    return (
        '<details class="fold"><summary>'
        f"Show the rest, as written: {len(rest):,} more characters</summary>"
        f'<div class="read">{untrusted.readable(rest[:MOST_SHOWN])}</div>{over}</details>'
    )
