"""The allow-list of what may leave this package as markup.

Everything is escaped where it is written; this is the second wall behind that one, by another
parser. What it lets through is all there is: no style, no id, no image, no address but http,
https and mailto, and links inside the page to a passage.
"""

from __future__ import annotations

import re
from typing import Final

import nh3

REL: Final = "noopener noreferrer nofollow"
SCHEMES: Final = frozenset({"http", "https", "mailto"})
CLASSES: Final = {
    "span": {"ctl", "k", "st", "cm", "address", "lost", "info"},
    "a": {"cite"},
    "code": {"math"},
    "div": {"tw", "listing"},
    "p": {"as-is"},
    "td": {"n"},
    "th": {"n"},
}
TAGS: Final = frozenset(
    {
        *("h2", "h3", "h4", "h5", "h6", "p", "blockquote", "hr", "br", "div", "pre"),
        *("ul", "ol", "li", "table", "thead", "tbody", "tr", "th", "td"),
        *("a", "code", "em", "s", "span", "strong"),
    }
)
# Free values, which are ours: names of languages, of passages, of invisible characters.
ATTRIBUTES: Final = {
    "a": {"href", "aria-label"},
    "div": {"aria-label"},
    "pre": {"aria-label"},
    "span": {"title"},
    "ol": {"start"},
}
VALUES: Final = {
    "a": {"target": {"_blank"}, "rel": {REL}},
    "div": {"tabindex": {"0"}, "role": {"group"}},
    "pre": {"tabindex": {"0"}, "role": {"group"}},
    "blockquote": {"dir": {"auto"}},
    "ul": {"dir": {"auto"}},
    "ol": {"dir": {"auto"}},
    "table": {"dir": {"auto"}},
    "th": {"scope": {"col"}},
}
_INSIDE: Final = re.compile(r"#[a-z][a-z0-9-]*")


def _inside(address: str) -> str | None:
    return address if _INSIDE.fullmatch(address) else None


_CLEANER: Final = nh3.Cleaner(
    tags=TAGS,
    clean_content_tags=set(),
    attributes=ATTRIBUTES,
    tag_attribute_values=VALUES,
    allowed_classes=CLASSES,
    url_schemes=SCHEMES,
    url_relative=_inside,
    link_rel=None,
)


def passed(markup: str) -> str:
    """Return markup without anything that is not on the list."""
    return _CLEANER.clean(markup)
