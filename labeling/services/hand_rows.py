"""The one statement that reads what a person has in hand.

It is written out: every request at a desk asks it, and the ORM takes several times as long to put
it together as a database to answer it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from django.db import connection

from evalhub.datasets.models import DatasetVersion
from evalhub.prepared import prepared
from evalhub.runs.models import Run
from labeling.models import Annotator, Draft, Unit
from labeling.services.slots import Place

_UNIT: Final = (
    *("id", "campaign_id", "public_id", "purpose", "bundle", "run_id", "position", "attempt"),
    *("second_run_id", "second_position", "second_attempt"),
)
_DRAFT: Final = (
    *("id", "question_set_id", "is_swapped", "fields", "before", "number", "seconds"),
    "is_between",
)
_SQL: Final = f"""
SELECT slot.id, slot.bundle, slot.number, slot."order", slot.priority, slot.purpose,
       slot.n_units, slot.n_answered, slot.lease_until,
       said.slot_id, said.annotator_id, said.state, said.at,
       run.version_id, second_run.version_id,
       {", ".join(f"unit.{name}" for name in _UNIT)},
       {", ".join(f"drawn.{name}" for name in _DRAFT)}, drawn.saved_at
  FROM labeling_slot slot
 CROSS JOIN labeling_unit unit
  JOIN runs_run run ON run.id = unit.run_id
  LEFT JOIN runs_run second_run ON second_run.id = unit.second_run_id
  LEFT JOIN labeling_annotation said ON said.unit_id = unit.id
       AND (said.slot_id = slot.id OR said.annotator_id = %s)
  LEFT JOIN labeling_draft drawn ON drawn.unit_id = unit.id AND drawn.annotator_id = %s
"""  # noqa: S608 - names of this file
# SQLite takes a cross join in the order in which it is written, from few places to their units.
# Left to itself it begins with every unit that is no twin.
_SHOWN: Final = """
 WHERE unit.campaign_id = slot.campaign_id AND unit.bundle = slot.bundle AND unit.twin_id IS NULL
"""
_HELD: Final = f"{_SHOWN} AND slot.annotator_id = %s AND slot.state = 'leased'"
_ONE: Final = f"{_SHOWN} AND slot.id = %s"
_IN_ORDER: Final = 'ORDER BY slot."order", slot.number, slot.id, unit.id'


@dataclass(slots=True)
class Known:
    """A unit as it was read, and the person's draft of it, if any."""

    values: dict[str, Any]
    version: int
    second_version: int | None
    draft: Draft | None

    @property
    def unit(self) -> Unit:
        """The unit with its runs, of which no more than their versions are known."""
        unit = Unit(**self.values)
        unit.run = _run(unit.run_id, self.version)
        if unit.second_run_id is not None and self.second_version is not None:
            unit.second_run = _run(unit.second_run_id, self.second_version)
        return unit

    @property
    def runs(self) -> tuple[int, int | None]:
        """The runs whose outputs it shows."""
        return self.values["run_id"], self.values["second_run_id"]


def _run(pk: int, version: int) -> Run:
    run = Run(pk=pk, version_id=version)
    run.version = DatasetVersion(pk=version)
    return run


class HandRow(NamedTuple):
    """A unit in a place, with one answer that stands there or is the person's own, if any."""

    place: Place
    unit: int
    known: Known
    said_slot: int | None
    said_by: int | None
    said_state: str | None
    said_at: datetime | None


def rows_held_by(annotator: Annotator) -> list[HandRow]:
    """Read all that a person holds, and lock these places."""
    return _read(annotator, _HELD, annotator.pk)


def rows_of_slot(annotator: Annotator, slot: int) -> list[HandRow]:
    """Read one place as a person finds it."""
    return _read(annotator, _ONE, slot)


def _read(annotator: Annotator, where: str, key: int) -> list[HandRow]:
    lock = ""
    if connection.features.has_select_for_update:
        lock = "FOR NO KEY UPDATE OF slot"
    with prepared() as cursor:
        cursor.execute(f"{_SQL} {where} {_IN_ORDER} {lock}", [annotator.pk, annotator.pk, key])
        return [_row(annotator, row) for row in cursor.fetchall()]


def _row(annotator: Annotator, row: tuple[Any, ...]) -> HandRow:
    place = Place._make((*row[:8], _moment(row[8])))
    slot, by, state, at, *versions = row[9:15]
    values = dict(zip(_UNIT, row[15 : 15 + len(_UNIT)], strict=True))
    draft = _draft(annotator, values["id"], row[15 + len(_UNIT) :])
    known = Known(values, versions[0], versions[1], draft)
    return HandRow(place, values["id"], known, slot, by, state, _moment(at))


def _draft(annotator: Annotator, unit: int, row: tuple[Any, ...]) -> Draft | None:
    if row[0] is None:
        return None
    values = dict(zip(_DRAFT, row, strict=False))
    for name in ("fields", "before"):
        values[name] = json.loads(values[name])
    for name in ("is_swapped", "is_between"):
        values[name] = bool(values[name])
    draft = Draft(unit_id=unit, saved_at=_moment(row[-1]), **values)
    draft.annotator = annotator
    return draft


def _moment(stored: datetime | None) -> datetime | None:
    """Return a time with its zone: SQLite keeps times in UTC and does not say so."""
    return stored.replace(tzinfo=UTC) if stored is not None and stored.tzinfo is None else stored
