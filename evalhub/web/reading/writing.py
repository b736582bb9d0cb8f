"""Tokens to HTML: our tags around their text, every text escaped and spelled out.

Nothing is dropped unseen: HTML is text already, images become words, addresses stand beside their
links, names of code fences over their code, and definitions that nothing uses at the end.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from markdown_it.token import Token

from evalhub.web.reading import addresses, wall
from evalhub.web.reading.code import highlighted, language_of
from evalhub.web.untrusted import written

TOP_HEADING: Final = 3  # an h1 of a text, below the page's title and the zone's
CITATION: Final = re.compile(r"\[(\d{1,3}(?:\s?,\s?\d{1,3})*)\]")
_FIXED: Final = {
    "paragraph_open": "<p>",
    "paragraph_close": "</p>",
    "blockquote_open": '<blockquote dir="auto">',
    "blockquote_close": "</blockquote>",
    "bullet_list_open": '<ul dir="auto">',
    "bullet_list_close": "</ul>",
    "ordered_list_close": "</ol>",
    "list_item_open": "<li>",
    "list_item_close": "</li>",
    "hr": "<hr>",
    "table_open": '<div class="tw" tabindex="0" role="group" aria-label="Table">'
    '<table dir="auto">',
    "table_close": "</table></div>",
    "thead_open": "<thead>",
    "thead_close": "</thead>",
    "tbody_open": "<tbody>",
    "tbody_close": "</tbody>",
    "tr_open": "<tr>",
    "tr_close": "</tr>",
    "td_close": "</td>",
    "em_open": "<em>",
    "em_close": "</em>",
    "strong_open": "<strong>",
    "strong_close": "</strong>",
    "s_open": "<s>",
    "s_close": "</s>",
    # Who writes a line break means one, in a prompt, an address, a poem.
    "softbreak": "<br>",
    "hardbreak": "<br>",
}


@dataclass(frozen=True)
class Passages:
    """What citations lead to: `[2]` to the element `#p2`, where n is 2 or more and target is p."""

    n: int = 0
    target: str = "p"


@dataclass
class Writer:
    """Writes one text."""

    passages: Passages = Passages()
    parts: list[str] = field(default_factory=list)
    # Levels of the headings above, as the text has them: none is left out below the page's own.
    headings: list[int] = field(default_factory=list)
    closing: list[str] = field(default_factory=list)  # what ends the open heading and cells
    links: list[Link] = field(default_factory=list)

    def blocks(self, tokens: Sequence[Token], unused: Sequence[str]) -> str:
        """Return HTML for a text, with the definitions that no link uses."""
        for at, token in enumerate(tokens):
            if not token.hidden:
                self.write(token, tokens[at + 1] if at + 1 < len(tokens) else None)
        self.parts += [f'<p class="as-is">{written(lines)}</p>' for lines in unused]
        return "".join(self.parts)

    def write(self, token: Token, after: Token | None) -> None:
        if fixed := _FIXED.get(token.type):
            self.parts.append(fixed)
        elif token.type == "inline":
            for child in token.children or ():
                self.write(child, None)
        else:
            _WRITERS[token.type](self, token, after)

    # Text

    def text(self, token: Token, _after: Token | None) -> None:
        may_cite = self.passages.n and not self.links
        write = self.with_citations if may_cite else written
        self.parts.append(write(token.content))

    def with_citations(self, text: str) -> str:
        parts, plain = [], 0
        for found in CITATION.finditer(text):
            numbers = [int(number) for number in found[1].split(",")]
            if all(1 <= number <= self.passages.n for number in numbers):
                parts.append(written(text[plain : found.start()]))
                parts += [self.citation(number) for number in numbers]
                plain = found.end()
        return "".join([*parts, written(text[plain:])])

    def citation(self, number: int) -> str:
        href = f"#{self.passages.target}{number}"
        return f'<a class="cite" href="{href}" aria-label="passage {number}">{number}</a>'

    def code_in_line(self, token: Token, _after: Token | None) -> None:
        self.parts.append(f"<code>{written(token.content)}</code>")

    def math(self, token: Token, _after: Token | None) -> None:
        self.parts.append(f'<code class="math">{written(token.content)}</code>')

    def code(self, token: Token, _after: Token | None) -> None:
        language = language_of(token.info)
        label = f"{language.name} code" if language else "Code"
        info = token.info.strip()
        said = f'<span class="info">{written(info)}</span>' if info else ""
        colored = highlighted(token.content, language)
        self.parts.append(
            f'<div class="listing">{said}<pre tabindex="0" role="group" aria-label="{label}">'
            f"<code>{colored}</code></pre></div>"
        )

    # Headings, lists, tables

    def heading_open(self, token: Token, after: Token | None) -> None:
        """Write a heading one level below the one above it, however many the text leaves out."""
        if after is None or not after.content.strip():
            self.parts.append(f"<p>{written(token.markup)}")  # a heading needs words
            self.closing.append("</p>")
            return
        level = int(token.tag[1:])
        self.headings = [above for above in self.headings if above < level] + [level]
        tag = f"h{min(TOP_HEADING + len(self.headings) - 1, 6)}"
        self.parts.append(f"<{tag}>")
        self.closing.append(f"</{tag}>")

    def list_open(self, token: Token, _after: Token | None) -> None:
        start = token.attrs.get("start")
        number = "" if start is None else f' start="{int(start)}"'
        self.parts.append(f'<ol dir="auto"{number}>')

    def cell_open(self, token: Token, after: Token | None) -> None:
        is_right = token.attrs.get("style") == "text-align:right"
        kind = ' class="n"' if is_right else ""
        if token.tag == "th" and after is not None and after.content:
            self.parts.append(f'<th scope="col"{kind}>')
            self.closing.append("</th>")
        else:
            self.parts.append(f"<td{kind}>")
            if token.tag == "th":
                self.closing.append("</td>")  # the empty corner of a table is no header

    def close(self, _token: Token, _after: Token | None) -> None:
        self.parts.append(self.closing.pop())

    # Links and images

    def link_open(self, token: Token, _after: Token | None) -> None:
        link = Link.of(token, starts_at=len(self.parts) + 1)
        self.links.append(link)
        self.parts.append(link.opening)

    def link_close(self, _token: Token, _after: Token | None) -> None:
        link = self.links.pop()
        said = "".join(self.parts[link.starts_at :])
        self.parts.append(link.closing(said))

    def image(self, token: Token, _after: Token | None) -> None:
        alt = token.content or "no description"
        address = _named(str(token.attrs["src"]), token.attrs.get("title"))
        self.parts.append(f'<span class="lost">Image, not loaded: {written(alt)} {address}</span>')


@dataclass(frozen=True)
class Link:
    """A link, or what a text means as one and we do not open."""

    written_address: str
    href: str | None
    title: str
    is_bare: bool  # an address between angle brackets, or what looks like one
    starts_at: int

    @classmethod
    def of(cls, token: Token, *, starts_at: int) -> Link:
        address = str(token.attrs.get("href", ""))
        return cls(
            written_address=address,
            href=addresses.opened(address),
            title=str(token.attrs.get("title", "")),
            is_bare=token.info == "auto",
            starts_at=starts_at,
        )

    @property
    def opening(self) -> str:
        if self.href is None:
            return "&lt;" if self.is_bare else ""
        return f'<a href="{written(self.href)}" target="_blank" rel="{wall.REL}">'

    def closing(self, said: str) -> str:
        """Return what ends it, with the address where the words before do not say it."""
        end = "" if self.href is None else "</a>"
        if self.is_bare:
            return "&gt;" if self.href is None else end
        shown = self.written_address if self.href is None else self.href
        if said == written(shown) and not self.title:
            return end
        return f"{end} {_named(shown, self.title)}"


def _named(address: str, title: object) -> str:
    words = addresses.shown(address) + (f" “{title}”" if title else "")
    return f'<span class="address">({written(words)})</span>'


_WRITERS: Final[dict[str, Callable[[Writer, Token, Token | None], None]]] = {
    "text": Writer.text,
    "code_inline": Writer.code_in_line,
    "math": Writer.math,
    "fence": Writer.code,
    "code_block": Writer.code,
    "heading_open": Writer.heading_open,
    "heading_close": Writer.close,
    "ordered_list_open": Writer.list_open,
    "th_open": Writer.cell_open,
    "th_close": Writer.close,
    "td_open": Writer.cell_open,
    "link_open": Writer.link_open,
    "link_close": Writer.link_close,
    "image": Writer.image,
}
