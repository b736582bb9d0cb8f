"""The OpenAPI document of the REST interface, and the same for people to read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator

from evalhub.accounts import openapi as accounts
from evalhub.boards import openapi as boards
from evalhub.datasets import openapi as datasets
from evalhub.gates import openapi as gates
from evalhub.openapi import ERROR, JSON, Shape
from evalhub.reports import openapi as reports
from evalhub.runs import openapi as runs
from evalhub.runs import rescoring_openapi as rescorings
from evalhub.scorers import openapi as scorers
from labeling import deciding_openapi as deciding
from labeling import leading_openapi as leading
from labeling import openapi as labeling

Document = dict[str, Any]

COMPONENTS: Mapping[str, Shape] = {
    "Error": ERROR,
    **datasets.COMPONENTS,
    **scorers.COMPONENTS,
    **runs.COMPONENTS,
    **rescorings.COMPONENTS,
    **reports.COMPONENTS,
    **boards.COMPONENTS,
    **gates.COMPONENTS,
    **labeling.COMPONENTS,
    **deciding.COMPONENTS,
    **leading.COMPONENTS,
    **accounts.COMPONENTS,
}
ABOUT = (
    "Every request bears an API key of one project: Authorization: Bearer <api key>. A key has "
    "scopes: read, submit, label, admin. What is another project's does not exist for it: 404.",
    "Datasets and systems are named by slug, runs, campaigns and comparisons by id. Names are "
    "snake_case, addresses have no slash at the end, times are UTC (RFC 3339).",
    "Lists come in pages: data, and next_cursor for the next one, null on the last.",
    "Errors are {code, detail, errors, total}: a stable code, a sentence, and the first 20 "
    "faults, each with the line or field it is about. A refused request has changed nothing.",
    "JSON is strict: a member that is unknown or stands twice, NaN, NUL, half a surrogate pair, "
    "nesting beyond 64 and whole numbers beyond 64 bits are refused.",
    "A value that does not exist is null, and a reason stands beside it; it is never NaN or 0.",
)


@lru_cache(maxsize=1)
def document() -> Document:
    """Return the OpenAPI document, generated from the views."""
    with GENERATOR_STATS.silence():
        generator = SchemaGenerator()  # type: ignore[no-untyped-call]
        made: Document = generator.get_schema(public=True)  # type: ignore[no-untyped-call]
    made["info"]["description"] = "\n\n".join(ABOUT)
    return made


def complete(result: Document, **_given: Any) -> Document:
    """Add the shapes that operations name, and how callers are known: a hook of the generator."""
    result["components"] = {
        "schemas": dict(COMPONENTS),
        "securitySchemes": {"apiKey": {"type": "http", "scheme": "bearer"}},
    }
    result["security"] = [{"apiKey": []}]
    return result


@dataclass(frozen=True, kw_only=True)
class Line:
    """One member of a body or answer, or one option of an address."""

    name: str
    type: str
    meaning: str
    is_required: bool


@dataclass(frozen=True, kw_only=True)
class Answer:
    status: str
    meaning: str
    type: str


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One operation for people."""

    name: str
    method: str
    path: str
    summary: str
    detail: str
    scope: str
    options: list[Line]
    body_words: str
    body: list[Line]
    answers: list[Answer]
    command: str


@dataclass(frozen=True, kw_only=True)
class Component:
    """A named shape with its members."""

    name: str
    meaning: str
    lines: list[Line]


def entries(address: str) -> dict[str, list[Entry]]:
    """Return the operations by tag; `address` is where the service is, for the commands."""
    by_tag: dict[str, list[Entry]] = {}
    for path, methods in document()["paths"].items():
        for method, operation in methods.items():
            by_tag.setdefault(operation["tags"][0], []).append(
                _entry(path, method, operation, address)
            )
    return by_tag


def components() -> list[Component]:
    """Return the named shapes, in order."""
    return [
        Component(name=name, meaning=shape.get("description", ""), lines=list(_lines(shape)))
        for name, shape in COMPONENTS.items()
    ]


def _entry(path: str, method: str, operation: Mapping[str, Any], address: str) -> Entry:
    return Entry(
        name=operation["operationId"],
        method=method.upper(),
        path=path,
        summary=operation["summary"],
        detail=operation["description"].removeprefix(f"{operation['summary']}."),
        scope=operation["x-scope"],
        options=[_option(one) for one in _in_order(operation.get("parameters", ()))],
        body_words=operation.get("x-body-words", ""),
        body=list(_body_lines(operation)),
        answers=list(_answers(operation)),
        command=_command(path, method, operation, address),
    )


def _in_order(parameters: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the parts of the address first, headers last."""
    return sorted(parameters, key=lambda one: ("path", "query", "header").index(one["in"]))


def _option(parameter: Mapping[str, Any]) -> Line:
    kind = parameter["in"]
    choices = parameter["schema"].get("enum")
    return Line(
        name=f"?{parameter['name']}=" if kind == "query" else parameter["name"],
        type=" | ".join(choices) if choices else kind,
        meaning=parameter.get("description", ""),
        is_required=parameter.get("required", False),
    )


def _body_lines(operation: Mapping[str, Any]) -> Iterator[Line]:
    content = operation.get("requestBody", {}).get("content", {})
    for media in content.values():
        if "properties" in media["schema"]:
            yield from _lines(media["schema"])


def _lines(shape: Mapping[str, Any]) -> Iterator[Line]:
    """Yield the members of an object, or of those objects that a shape has among its forms."""
    for form in shape.get("oneOf", ()):
        yield from _lines(form)
    for name, member in shape.get("properties", {}).items():
        yield Line(
            name=name,
            type=_type(member),
            meaning=member.get("description", ""),
            is_required=name in shape.get("required", ()),
        )


def _type(shape: Mapping[str, Any]) -> str:
    """Return a shape in a few words: `string or null`, `list of Run`."""
    if "$ref" in shape:
        return str(shape["$ref"].rpartition("/")[2])
    if "oneOf" in shape:
        return " or ".join(dict.fromkeys(map(_type, shape["oneOf"])))
    if "enum" in shape:
        return " | ".join(shape["enum"])
    kinds = shape.get("type", "any JSON")
    words = [_word(kind, shape) for kind in ([kinds] if isinstance(kinds, str) else kinds)]
    return " or ".join(words)


def _word(kind: str, shape: Mapping[str, Any]) -> str:
    if kind == "array":
        return f"list of {_type(shape['items'])}"
    if kind == "object" and "additionalProperties" in shape:
        return f"object of {_type(shape['additionalProperties'])}"
    if kind == "object" and "properties" in shape:
        return "{" + ", ".join(shape["properties"]) + "}"
    names = {"string": "text", "integer": "whole number", "boolean": "true or false"}
    return "time" if shape.get("format") == "date-time" else names.get(kind, kind)


def _answers(operation: Mapping[str, Any]) -> Iterator[Answer]:
    for status, response in operation["responses"].items():
        for media, content in response.get("content", {}).items():
            said = _type(content["schema"])
            yield Answer(
                status=status,
                meaning=response.get("description", ""),
                type=said if media == JSON else f"{media}: {said}",
            )


def _command(path: str, method: str, operation: Mapping[str, Any], address: str) -> str:
    """Return a curl command for a POST; names in braces are the caller's to fill in."""
    if method != "post":
        return ""
    lines = [f"curl -sS {address}{path} \\", '  -H "Authorization: Bearer $KEY"']
    example = operation.get("x-example")
    if example is None:
        lines[0] = lines[0].replace("curl -sS", "curl -sS -X POST")
        return "\n".join(lines)
    rows = example if isinstance(example, list) else [example]
    media = next(iter(operation["requestBody"]["content"]))
    body = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    option = "-d" if media == JSON else "--data-binary"
    lines[-1] += f' -H "Content-Type: {media}" \\'
    return "\n".join([*lines, f"  {option} '{body}'"])
