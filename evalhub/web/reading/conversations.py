"""What was said, by whom: any JSON value as messages, and their contents as parts.

Roles and parts as the usual interfaces to language models write them: `content` is a text or a
list of parts (`text`, `image_url`, `tool_use`, ...), `tool_calls` stand beside it. What none of
them says is shown as JSON; nothing is left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from evalhub.web.reading.addresses import shown

Form = Literal["text", "json", "note"]
_TEXTS: Final = {"text", "input_text", "output_text", "refusal", "thinking", "reasoning"}
_MEDIA: Final = {
    "image": "Image",
    "image_url": "Image",
    "input_image": "Image",
    "audio": "Audio",
    "input_audio": "Audio",
    "video": "Video",
    "video_url": "Video",
    "file": "File",
    "input_file": "File",
    "document": "File",
}
_ADDRESSES: Final = ("url", "file_id", "filename", "file_data", "data", "path")


@dataclass(frozen=True)
class Part:
    """A text, JSON that is written out, or a note of ours in place of what is not shown."""

    text: str
    form: Form = "text"
    label: str = ""

    @property
    def is_data(self) -> bool:
        return self.form == "json"

    @property
    def n_words(self) -> int:
        return len(self.text.split())

    @classmethod
    def of(cls, value: Any, label: str = "") -> Part:
        """Return a text as it is, and anything else as JSON."""
        if isinstance(value, str):
            return cls(value, label=label)
        return cls(as_json(value), form="json", label=label)


@dataclass(frozen=True)
class Said:
    """One message: who says it (nobody in particular: ""), and its parts in order."""

    parts: tuple[Part, ...]
    who: str = ""

    @property
    def text(self) -> str:
        return "\n\n".join(part.text for part in self.parts)


def conversation(value: Any) -> list[Said]:
    """Return a conversation message by message, and anything else as one."""
    if _is_messages(value):
        return [_message(item) for item in value]
    if isinstance(value, dict) and _is_messages(value.get("messages")):
        rest = {name: each for name, each in value.items() if name != "messages"}
        beside = [Said((Part.of(rest),))] if rest else []
        return [*beside, *conversation(value["messages"])]
    return [Said((Part.of(value),))]


def as_json(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, indent=2)
    except RecursionError:
        return "JSON that nests too deep to be written out"


def _is_messages(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_message, value))


def _is_message(item: Any) -> bool:
    is_role = isinstance(item, dict) and isinstance(item.get("role"), str)
    return is_role and ("content" in item or "tool_calls" in item)


def _message(item: Mapping[str, Any]) -> Said:
    name = item.get("name")
    who = item["role"][:40] + (f" ({name[:40]})" if isinstance(name, str) and name else "")
    return Said(tuple(_parts(item)) or (Part(""),), who=who)


def _parts(item: Mapping[str, Any]) -> Iterator[Part]:
    content = item.get("content")
    if isinstance(content, list):
        for part in content:
            yield from _part(part)
    elif content is not None:
        yield Part.of(content)
    for call in item.get("tool_calls") or ():
        yield _call(call)
    known = {"role", "content", "name", "tool_calls"}
    if rest := {name: each for name, each in item.items() if name not in known and each}:
        yield Part.of(rest, "Also in this message")


def _part(part: Any) -> Iterator[Part]:
    kind = part.get("type") if isinstance(part, dict) else None
    if not isinstance(kind, str):
        yield Part.of(part)
    elif kind in _MEDIA:
        yield Part(_medium(_MEDIA[kind], part.get(kind, part)), form="note")
    elif kind in _TEXTS and isinstance(text := part.get("text", part.get(kind)), str):
        yield Part(text, label="" if kind.endswith("text") else kind.capitalize())
    elif kind in {"tool_use", "function_call"}:
        yield _call(part)
    elif kind == "tool_result":
        yield from _result(part)
    else:
        yield Part.of(part)


def _result(part: Mapping[str, Any]) -> Iterator[Part]:
    content = part.get("content")
    if isinstance(content, list):
        for each in content:
            yield from _part(each)
    else:
        yield Part.of(content, "Tool result")


def _call(call: Any) -> Part:
    """Return a call of a tool as JSON; arguments that are JSON in a string are written out."""
    asked = call.get("function", call) if isinstance(call, dict) else call
    if not isinstance(asked, dict) or not isinstance(asked.get("name"), str):
        return Part.of(call, "Tool call")
    given = asked.get("arguments", asked.get("input"))
    return Part(as_json(_unpacked(given)), "json", f"Tool call: {asked['name'][:80]}")


def _unpacked(given: Any) -> Any:
    if not isinstance(given, str):
        return given
    try:
        return json.loads(given)
    except (ValueError, RecursionError):
        return given


def _medium(kind: str, told: Any) -> str:
    """Name a picture or a sound that is never loaded, with where it is."""
    address = _address(told)
    return f"{kind}, not loaded: {shown(address)}" if address else f"{kind}, not loaded"


def _address(told: Any) -> str:
    if isinstance(told, str):
        return told
    if not isinstance(told, dict):
        return ""
    found = (told[name] for name in _ADDRESSES if isinstance(told.get(name), str))
    source = told.get("source")
    return next(found, _address(source) if isinstance(source, dict) else "")
