"""Template tags for texts that others wrote, rendered for reading. See evalhub.web.reading."""

from __future__ import annotations

from django import template
from django.utils.safestring import SafeString

from evalhub.web import reading

register = template.Library()


@register.simple_tag
def reads(
    what: str | reading.Part | reading.Said, cites: int = 0, target: str = "p"
) -> SafeString:
    """Write a text, a part or a message: `{% reads answer cites=3 target="p" %}`."""
    return reading.reads(what, cites=cites, target=target)


@register.filter
def rendered(text: str | None) -> SafeString:
    """Write a short text as Markdown, inside of an element with the class `read`."""
    return reading.rendered(text or "")
