"""The words in which REST views describe themselves: one decorator, and shapes of JSON.

Every app says in its own `openapi.py` what its operations take and answer; the document that is
generated from it, and the page made of that, are served by `evalhub.web`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema

F = TypeVar("F", bound=Callable[..., Any])
Shape = dict[str, Any]

JSON = "application/json"
NDJSON = "application/x-ndjson"
CSV = "text/csv"

# --- shapes ---------------------------------------------------------------------------------


def text(meaning: str = "", **more: Any) -> Shape:
    return _of("string", meaning, more)


def number(meaning: str = "", **more: Any) -> Shape:
    return _of("number", meaning, more)


def whole(meaning: str = "", **more: Any) -> Shape:
    return _of("integer", meaning, more)


def flag(meaning: str = "", **more: Any) -> Shape:
    return _of("boolean", meaning, more)


def moment(meaning: str = "") -> Shape:
    return text(meaning, format="date-time")


def anything(meaning: str = "") -> Shape:
    """Return the shape of any JSON value."""
    return {"description": meaning}


def one_of(choices: Sequence[str], meaning: str = "") -> Shape:
    return text(meaning, enum=list(choices))


def nullable(shape: Shape) -> Shape:
    """Return the shape that may also be null."""
    if "$ref" in shape:
        return {"oneOf": [shape, {"type": "null"}]}
    return {**shape, "type": [shape["type"], "null"]}


def listing(of: Shape, meaning: str = "") -> Shape:
    return {**_of("array", meaning, {}), "items": of}


def mapping(of: Shape, meaning: str = "") -> Shape:
    """Return the shape of an object whose names are free."""
    return {**_of("object", meaning, {}), "additionalProperties": of}


def members(meaning: str = "", needed: Sequence[str] = (), /, **shapes: Shape) -> Shape:
    """Return the shape of an object. A name that Python forbids ends in an underscore."""
    named = {name.rstrip("_"): shape for name, shape in shapes.items()}
    wanted = {"required": list(needed)} if needed else {}
    return {**_of("object", meaning, {}), "properties": named, **wanted}


def page_of(of: Shape) -> Shape:
    """Return the shape of a list by cursor."""
    return members(
        data=listing(of),
        next_cursor=nullable(text("For ?cursor= of the next page; null on the last.")),
    )


def component(name: str) -> Shape:
    return {"$ref": f"#/components/schemas/{name}"}


def _of(kind: str, meaning: str, more: Mapping[str, Any]) -> Shape:
    described = {"description": meaning} if meaning else {}
    return {"type": kind, **described, **more}


# --- operations -----------------------------------------------------------------------------

PATH_WORDS = {
    "project": "The project's slug; an API key opens one project.",
    "dataset": "The dataset's slug.",
    "version": "A version's number or tag.",
    "run_id": "The run's id, run_…",
    "comparison_id": "The comparison's id, cmp_…",
    "rescoring_id": "The re-scoring's id, res_…",
    "campaign_id": "The campaign's id, cam_…",
    "answer_id": "The gate answer's id, gat_…",
    "invitation_id": "The invitation's id, inv_…",
}
ERROR_WORDS = {
    400: "The request cannot be read: a wrong header, option or member.",
    401: "No API key, or one that was revoked.",
    403: "The key lacks the scope.",
    404: "There is no such thing, or it is not the key's.",
    409: "The state does not allow it, or the Idempotency-Key was used for something else.",
    413: "The body is too large.",
    422: "The request can be read and says something that cannot be; every fault is named.",
    429: "Too many requests; Retry-After says when to come again.",
    503: "Busy with another write; Retry-After says when to come again.",
}
CURSOR = {
    "limit": whole("How many on a page, 1 to 1,000; 50 by default."),
    "cursor": text("The next_cursor of the page before."),
}
IDEMPOTENCY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description="1 to 200 visible ASCII characters, kept for 24 hours: the same request with the "
    "same key is answered as the first, another one is refused with 409.",
)
ERROR = members(
    "What is wrong, where, and what to do.",
    code=text("Stable, for programs."),
    detail=text("A sentence for people."),
    errors=listing(
        members(
            line=whole("The line of a bulk body, from 1."),
            field=text("The member or option."),
            code=text(),
            detail=text(),
        ),
        "The first 20 faults.",
    ),
    total=whole("How many faults there are; 0 where the sentence says all."),
)


@dataclass(frozen=True, kw_only=True)
class Body:
    """What a request carries: a shape for each media type, in words, and an example."""

    shapes: Mapping[str, Shape]
    words: str = ""
    example: object = None
    is_required: bool = True


def json_body(shape: Shape, *, example: object, words: str = "", required: bool = True) -> Body:
    """Return the body of one object; a member that it does not name is refused."""
    strict = {**shape, "additionalProperties": False}
    return Body(shapes={JSON: strict}, words=words, example=example, is_required=required)


def operation(  # noqa: PLR0913 - the parts of a description
    name: str,
    *,
    tag: str,
    summary: str,
    detail: str = "",
    scope: str,
    path: Sequence[str] = (),
    query: Mapping[str, Shape] | None = None,
    required: Sequence[str] = (),
    body: Body | None = None,
    answers: Mapping[int, tuple[str, Shape]],
    media: Mapping[str, Shape] | None = None,
    errors: Sequence[int] = (),
    is_idempotent: bool = False,
) -> Callable[[F], F]:
    """Describe one method of a REST view. `media` are further forms of the 200 answer."""
    parameters = [
        *(
            OpenApiParameter(one, str, OpenApiParameter.PATH, description=PATH_WORDS[one])
            for one in path
        ),
        *(
            OpenApiParameter(
                one,
                shape,
                OpenApiParameter.QUERY,
                required=one in required,
                description=shape.get("description", ""),
            )
            for one, shape in (query or {}).items()
        ),
        *([IDEMPOTENCY] if is_idempotent else []),
    ]
    responses: dict[Any, Any] = {
        (status, JSON): OpenApiResponse(shape, description=words)
        for status, (words, shape) in answers.items()
    }
    for kind, shape in (media or {}).items():
        responses[200, kind] = OpenApiResponse(shape, description=shape.get("description", ""))
    possible = ((404, path), (413, body), (409, is_idempotent))
    expected = {401, 403, 503, *errors, *(status for status, given in possible if given)}
    for status in sorted(expected):
        responses[status, JSON] = OpenApiResponse(
            component("Error"), description=ERROR_WORDS[status]
        )
    return extend_schema(
        operation_id=name,
        tags=[tag],
        summary=summary,
        description=detail or f"{summary}.",
        parameters=parameters,
        request=dict(body.shapes) if body else None,
        responses=responses,
        extensions={
            "x-scope": scope,
            **({"x-body-words": body.words, "x-example": body.example} if body else {}),
        },
    )
