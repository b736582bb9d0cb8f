"""Texts that others wrote, made for reading: Markdown, code, JSON, conversations.

How to use it, in a template:

    {% load reading %}
    {% reads text %}                           a text as Markdown, with what it says as written
    {% reads text cites=3 target="p" %}        [2] becomes a link to #p2, if 2 <= cites
    {% reads said %}                           one message (Said) of a conversation, part by part
    {{ campaign.guidelines|rendered }}         a short text, rendered, in one form only

and in Python:

    reading.conversation(value)                any JSON value as messages: list[Said]
    reading.cited(text, n)                     whether an answer cites one of n passages

Both forms of a text stand in the page where they differ. Which one is seen is an attribute of any
element around them: `data-raw` shows texts as written, its absence shows them rendered. So one
attribute toggles a page, a zone or one answer, without a request.

Nothing that a text says becomes markup of ours: see `wall`, the allow-list that all of it passes.
"""

from evalhub.web.reading.conversations import Part, Said, as_json, conversation
from evalhub.web.reading.texts import AT_ONCE, cited, reads, rendered

__all__ = ["AT_ONCE", "Part", "Said", "as_json", "cited", "conversation", "reads", "rendered"]
