"""The outputs table of a run page: what it shows, in what order, and where its links lead."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from django.http import QueryDict
from django.urls import reverse

from evalhub.datasets.selectors import Slicing, positions_if_any
from evalhub.runs import places
from evalhub.runs.models import Measurement, Output, Run
from evalhub.runs.scores import Score
from evalhub.web.formatting import digits_of, number
from evalhub.web.marks import span_of
from metrics.base import Family
from metrics.reasons import Reason

PAGE = 50
SHOWN_FIELDS = 2
OVER = (Run.State.SCORING, Run.State.SCORED, Run.State.FAILED)
_OF_STATE = {
    "waiting": "The run is not finished yet.",
    "scoring": "This metric is being scored.",
    "measurement_failed": "This metric could not be computed on this run.",
    "cancelled": "The scoring was cancelled.",
}


@dataclass(frozen=True)
class Wish:
    """What somebody asked of the outputs table, as its addresses say it."""

    order: str = ""
    direction: str = "asc"
    slice: str = ""
    show: str = ""
    start: int = 0

    @classmethod
    def of(cls, query: QueryDict) -> Wish:
        """Read a query string; what cannot be read is as good as left out."""
        start = query.get("from", "")
        show, direction = query.get("show", ""), query.get("direction", "")
        return cls(
            order=query.get("order", "")[:100],
            direction=direction if direction in ("asc", "desc") else "asc",
            slice=query.get("slice", "")[:1_000],
            show=show if show in places.SHOWN else "",
            start=int(start[:9]) if start.isascii() and start.isdigit() else 0,
        )

    def query(self, **changes: Any) -> str:
        """Return the query string that asks for this, with some changes."""
        wish = replace(self, **changes)
        said = {
            "order": wish.order,
            "direction": wish.direction if wish.order else "",
            "slice": wish.slice,
            "show": wish.show,
            "from": wish.start or "",
        }
        return urlencode({name: value for name, value in said.items() if value})


def measurement_of(wish: Wish, measurements: Sequence[Measurement]) -> Measurement | None:
    """Return the measurement to sort by, if it is there and scored."""
    scored = (one for one in measurements if one.state == Measurement.State.SCORED)
    return next((one for one in scored if one.name == wish.order), None)


def order_of(run: Run, wish: Wish, measurements: Sequence[Measurement]) -> places.Ordered:
    """Return all places that are asked for, in their order."""
    order = measurement_of(wish, measurements)
    return places.ordered(
        places.Asked(
            run=run,
            order=order,
            is_descending=order is not None and wish.direction == "desc",
            within=positions_if_any(run.version, wish.slice) if wish.slice else None,
            show=wish.show or ("all" if run.state in OVER else "received"),
        )
    )


@dataclass(frozen=True)
class Heading:
    """The head of a metric's column, and where a click on it leads."""

    name: str
    query: str
    sorted: str  # ascending, descending, or empty; what aria-sort says
    is_sortable: bool


@dataclass(frozen=True)
class Cell:
    """One score: as text, or the reason why there is none."""

    name: str
    text: str
    code: str = ""
    sentence: str = ""


@dataclass(frozen=True)
class Line:
    """One output of the table."""

    key: str
    attempt: int
    url: str
    input: str | None
    output: str | None
    error: str | None
    is_missing: bool
    cells: list[Cell]
    levels: list[str]


def table(
    run: Run, wish: Wish, measurements: Sequence[Measurement], slicings: Sequence[Slicing]
) -> dict[str, Any]:
    """Return the context of `runs/_outputs.html`."""
    found = order_of(run, wish, measurements)
    start = wish.start if wish.start < len(found) else 0
    stop = start + PAGE
    rows = places.rows_at(run, found.places[start:stop].tolist(), measurements)
    sorted_by = measurement_of(wish, measurements)
    shown = f"{start + 1:,}–{min(stop, len(found)):,} of {len(found):,}" if rows else ""
    return {
        "wish": wish,
        "headings": [_heading(one, wish, sorted_by) for one in measurements],
        "fields": [slicing.field for slicing in slicings[:SHOWN_FIELDS]],
        "lines": [_line(run, row, wish, measurements, slicings) for row in rows],
        "n_found": len(found),
        "slicings": slicings,
        "sorted_by": sorted_by,
        "pagination": {
            "shown": shown.replace(",", " "),
            "previous": _page(wish, max(0, start - PAGE)) if start else "",
            "next": _page(wish, stop) if stop < len(found) else "",
        },
    }


def _page(wish: Wish, start: int) -> str:
    return f"?{wish.query(start=start)}#outputs"


def _heading(measurement: Measurement, wish: Wish, sorted_by: Measurement | None) -> Heading:
    is_chosen = measurement == sorted_by
    turned = "desc" if is_chosen and wish.direction == "asc" else "asc"
    direction = {"asc": "ascending", "desc": "descending"}[wish.direction]
    return Heading(
        name=measurement.name,
        query=wish.query(order=measurement.name, direction=turned, start=0),
        sorted=direction if is_chosen else "",
        is_sortable=measurement.state == Measurement.State.SCORED,
    )


def _line(
    run: Run,
    row: places.Row,
    wish: Wish,
    measurements: Sequence[Measurement],
    slicings: Sequence[Slicing],
) -> Line:
    output = row.output
    return Line(
        key=row.example.key,
        attempt=row.attempt,
        url=address(run, row.place, wish),
        input=as_text(row.example.fields.get("input")),
        output=text_of(output),
        error=output.error if output else None,
        is_missing=output is None,
        cells=cells(row.scores, measurements),
        levels=[level_at(slicing, row.position) for slicing in slicings[:SHOWN_FIELDS]],
    )


def address(run: Run, place: int, wish: Wish) -> str:
    """Return the address of one output's page, which remembers the table's order."""
    position, attempt = divmod(place, run.attempts)
    url = reverse("runs:output", args=[run.public_id, position, attempt + 1])
    query = wish.query(start=0)
    return f"{url}?{query}" if query else url


def level_at(slicing: Slicing, position: int) -> str:
    code = slicing.codes[position]
    return slicing.levels[code] if code >= 0 else ""


def text_of(output: Output | None) -> str | None:
    """Return an output as text; JSON as it is written."""
    if output is None or output.error is not None:
        return None
    return output.data if output.text is None else output.text


def as_text(value: object) -> str | None:
    """Return a text as it is, and any other JSON as it is written."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, indent=2)


def cells(scores: Mapping[str, Score], measurements: Sequence[Measurement]) -> list[Cell]:
    """Return one output's scores as the page writes them."""
    return [_cell(one, scores[one.name]) for one in measurements]


def _cell(measurement: Measurement, score: Score) -> Cell:
    if score.value is None:
        words = score.unscored.replace("_", " ")
        return Cell(measurement.name, words, score.unscored, sentence_of(score.unscored))
    is_yes_or_no = measurement.family == Family.BINARY and score.value in (0.0, 1.0)
    digits = 0 if is_yes_or_no else digits_of(score.value, span_of(measurement))
    return Cell(measurement.name, number(score.value, digits))


def sentence_of(code: str) -> str:
    """Return what a person reads of the reason why there is no score."""
    return _OF_STATE[code] if code in _OF_STATE else Reason[code.upper()].sentence
