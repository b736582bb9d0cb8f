"""What a version says of its examples as a whole: the types of their members, the levels. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Any, Protocol

import msgspec

from evalhub.datasets.levels import Levels

_TYPES: dict[type, str] = {
    **{str: "string", bool: "boolean", int: "number", float: "number"},
    **{list: "array", dict: "object", type(None): "null"},
}
_ALWAYS = {"references": "array", "context": "array", "relevant": "object"}
_NO_METADATA: dict[str, Any] = {}


class Example(Protocol):
    """An example, of which what is empty or None is absent, but for the input."""

    @property
    def input(self) -> Any: ...
    @property
    def expected_output(self) -> Any: ...
    @property
    def references(self) -> Any: ...
    @property
    def context(self) -> Any: ...
    @property
    def relevant(self) -> Any: ...
    @property
    def metadata(self) -> dict[str, Any] | None: ...


class _Stored(msgspec.Struct):
    """What a summary reads of an example's canonical content."""

    input: Any
    expected_output: Any = None
    references: msgspec.Raw | None = None
    context: msgspec.Raw | None = None
    relevant: msgspec.Raw | None = None
    metadata: dict[str, Any] | None = None


_decode = msgspec.json.Decoder(list[_Stored]).decode


class Summary:
    """Collects what there is to say, in the order of positions."""

    def __init__(self, cluster_field: str) -> None:
        self.cluster_field = cluster_field
        self.levels = Levels(cluster_field=cluster_field)
        self._types: dict[str, set[str]] = {"key": {"string"}, "input": set()}

    def add(self, examples: Sequence[Example]) -> None:
        """Take the next examples."""
        for name in ("input", "expected_output"):
            kinds = set(map(type, map(attrgetter(name), examples)))
            if name == "expected_output":
                kinds.discard(type(None))
            if kinds:
                self._types.setdefault(name, set()).update(_TYPES[kind] for kind in kinds)
        for name, kind in _ALWAYS.items():
            if any(map(attrgetter(name), examples)):
                self._types[name] = {kind}
        metadata = list(map(attrgetter("metadata"), examples))
        if set(map(type, metadata)) != {dict}:
            metadata = [one if isinstance(one, dict) else _NO_METADATA for one in metadata]
        if any(metadata):
            self._types["metadata"] = {"object"}
        self.levels.add(metadata)

    def add_stored(self, contents: Sequence[bytes]) -> None:
        """Take the next examples by their canonical contents."""
        self.add(_decode(b"[" + b",".join(contents) + b"]"))

    def schema(self) -> dict[str, object]:
        """Return the JSON Schema of the examples as they are."""
        return {
            "type": "object",
            "properties": {
                name: {"type": sorted(types)} for name, types in sorted(self._types.items())
            },
            "required": ["input", "key"],
        }
