"""JSON Schemas from users, in a validator whose time and reach are bounded.

The validator is jsonschema-rs. Its patterns run in linear time, nothing is fetched, and what it
found of a recursive definition it remembers. Schemas that would still send it over the same value
exponentially often, or without end, are refused before it sees them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from graphlib import CycleError, TopologicalSorter
from typing import Any, NoReturn

import jsonschema_rs

from metrics.batch import Json
from metrics.fields import MetricParamsError
from metrics.structured.strict_json import canonical

MAX_SCHEMA_CHARACTERS = 20_000
# How many schemas a value and its parts meet, each reference followed; ordinary ones: some dozens.
MAX_EXPANSIONS = 1_000
_MAX_MEMORY = 1 << 20

# Where schemas stand in a schema: under a keyword, in its list, or in its members. Those of the
# second group meet a part of the value, so that a reference back from there comes to an end.
_IN_PLACE = frozenset(
    ("allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas", "dependencies")
)
_INWARD = frozenset(
    (
        *("items", "prefixItems", "additionalItems", "unevaluatedItems", "contains"),
        *("properties", "patternProperties", "additionalProperties", "unevaluatedProperties"),
        "propertyNames",
    )
)
_WITH_MEMBERS = frozenset(("properties", "patternProperties", "dependentSchemas", "dependencies"))
_REFUSED = ("$dynamicRef", "$recursiveRef")


class Schema:
    """Says whether a value is valid under one JSON Schema."""

    def __init__(self, text: str) -> None:
        if len(text) > MAX_SCHEMA_CHARACTERS:
            raise MetricParamsError(
                f"schema is {len(text):,} characters long; {MAX_SCHEMA_CHARACTERS:,} are allowed."
            )
        schema = json.loads(text)
        if not isinstance(schema, dict):
            raise MetricParamsError("schema is not an object.")
        _refuse_endless(schema)
        try:
            validator = jsonschema_rs.validator_for(
                schema,
                retriever=_fetch_nothing,
                validate_formats=False,
                pattern_options=jsonschema_rs.RegexOptions(
                    size_limit=_MAX_MEMORY, dfa_size_limit=_MAX_MEMORY
                ),
            )
        except (ValueError, jsonschema_rs.ReferencingError) as error:
            reason = str(error).partition("\n")[0].removesuffix(".")
            raise MetricParamsError(f"schema is not a usable JSON Schema: {reason}.") from None
        self._is_valid = validator.is_valid

    def accepts(self, value: Json) -> bool:
        """Return whether a value is valid."""
        return bool(self._is_valid(value))


def schema_of(value: Json) -> Schema:
    """Return the validator of a schema; refuse with a sentence what cannot be used."""
    return _remembered(canonical(value))


@lru_cache(maxsize=64)
def _remembered(text: str) -> Schema:
    return Schema(text)


def _fetch_nothing(uri: str) -> NoReturn:
    raise ValueError(f"nothing is fetched, and {uri} is not part of it")


def _refuse_endless(root: Any) -> None:
    edges = _edges_of_all(root)
    in_place = {
        here: [there for is_inward, there in found if not is_inward]
        for here, found in edges.items()
    }
    try:
        TopologicalSorter(in_place).prepare()
        expansions = _expansions(id(root), edges, {})
    except CycleError:
        raise MetricParamsError(
            "schema has a $ref that leads back to itself for the same value, so it has no end."
        ) from None
    except RecursionError:
        raise MetricParamsError("schema is nested too deep.") from None
    if expansions > MAX_EXPANSIONS:
        raise MetricParamsError(
            f"schema is more than {MAX_EXPANSIONS:,} schemas once each $ref is followed; refer to "
            "the same definition less often."
        )


_Edges = dict[int, list[tuple[bool, int]]]


def _edges_of_all(root: Any) -> _Edges:
    """Return for each schema that can be reached those that it leads to: inward?, and which."""
    edges: _Edges = {}
    waiting = [root]
    while waiting:
        schema = waiting.pop()
        if not isinstance(schema, dict) or id(schema) in edges:
            continue
        if schema is not root and any(isinstance(schema.get(name), str) for name in ("$id", "id")):
            raise MetricParamsError("schema has an inner $id; only its outermost may have one.")
        found = [pair for pair in _inside(schema, root) if isinstance(pair[1], dict)]
        edges[id(schema)] = [(is_inward, id(inner)) for is_inward, inner in found]
        waiting += (inner for _, inner in found)
    return edges


def _inside(schema: Mapping[str, Any], root: Any) -> Iterator[tuple[bool, Any]]:
    for keyword, value in schema.items():
        if keyword in _REFUSED:
            raise MetricParamsError(f"schema uses {keyword}, which is not supported; use $ref.")
        if keyword == "$ref" and isinstance(value, str):
            yield False, _target(value, root)
        elif keyword in _IN_PLACE or keyword in _INWARD:
            is_inward = keyword in _INWARD
            if isinstance(value, list):
                yield from ((is_inward, one) for one in value)
            elif isinstance(value, dict) and keyword in _WITH_MEMBERS:
                yield from ((is_inward, one) for one in value.values())
            else:
                yield is_inward, value


def _target(reference: str, root: Any) -> Any:
    """Return what a reference points to, None where nothing stands: the validator says so."""
    if "%" in reference or not (reference == "#" or reference.startswith("#/")):
        raise MetricParamsError(
            f"schema refers to {reference[:60]!r}: only references within it are followed, such "
            "as #/$defs/item, and without a percent sign."
        )
    found = root
    for part in reference.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(found, dict):
            found = found.get(name)
        elif isinstance(found, list) and name.isascii() and name.isdigit():
            found = found[int(name)] if int(name) < len(found) else None
        else:
            return None
    return found


def _expansions(here: int, edges: _Edges, known: dict[int, int]) -> int:
    """Return how many schemas one becomes with its references followed, each cycle once."""
    if here not in known:
        known[here] = 1
        known[here] = 1 + sum(_expansions(there, edges, known) for _, there in edges[here])
    return known[here]
