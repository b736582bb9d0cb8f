"""What of the queue a page shows: filtered, and with what each unit is about."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from evalhub.datasets.models import DatasetVersion, Example
from evalhub.datasets.selectors import Slicing, examples_at_positions, positions_if_any, slicings
from labeling.deciding.queue import Queue, Waiting
from labeling.evidence import asked_of
from labeling.models import Campaign, Unit

SHOWN: Final = 50
WAITING: Final = "waiting"
# What is shown, as the page's filter names it.
SHOWS: Final = {
    WAITING: "waiting for a decision",
    "flagged": "flagged",
    "decided": "decided",
    "all": "all of these",
}


@dataclass(frozen=True, kw_only=True)
class Filters:
    """Which units of the queue are wanted."""

    show: str = WAITING
    question: str = ""
    slice: str = ""

    @classmethod
    def of(cls, query: Mapping[str, str], campaign: Campaign) -> Filters:
        """Read the query of a page; what it does not know filters nothing."""
        show, question = query.get("show", ""), query.get("question", "")
        return cls(
            show=show if show in SHOWS else WAITING,
            question=question if question in {each.name for each in campaign.asked} else "",
            slice=query.get("slice", "")[:500],
        )

    @property
    def query(self) -> str:
        """The same as a query, with what is unusual alone; empty where nothing is."""
        return self.with_query({}).rstrip("?")

    def with_query(self, more: Mapping[str, str]) -> str:
        given = {"show": self.show, "question": self.question, "slice": self.slice}
        usual = {"show": WAITING, "question": "", "slice": ""}
        changed = {name: value for name, value in given.items() if value != usual[name]}
        return f"?{urlencode({**changed, **more})}"

    def wants(self, row: Waiting) -> bool:
        if self.question and self.question not in row.differing:
            return False
        if self.show == "flagged":
            return row.n_flags > 0
        if self.show == "decided":
            return row.is_decided
        return row.waits if self.show == WAITING else True


def filtered(campaign: Campaign, queue: Queue, filters: Filters) -> list[Waiting]:
    rows = [row for row in queue.rows if filters.wants(row)]
    if not filters.slice:
        return rows
    inside = _units_in(campaign, filters.slice)
    return [row for row in rows if row.unit in inside]


def slices_of(campaign: Campaign) -> list[Slicing]:
    """Return the slices that all versions of the campaign's runs have."""
    by_version = [{each.field: each for each in slicings(one)} for one in _versions(campaign)]
    first, *others = by_version or [{}]
    return [each for name, each in first.items() if all(name in other for other in others)]


def _units_in(campaign: Campaign, given: str) -> set[int]:
    inside: set[int] = set()
    for version in _versions(campaign):
        positions = set(positions_if_any(version, given).tolist())
        units = Unit.objects.filter(campaign=campaign, run__version=version)
        inside |= {pk for pk, at in units.values_list("pk", "position") if at in positions}
    return inside


def _versions(campaign: Campaign) -> list[DatasetVersion]:
    return list(DatasetVersion.objects.filter(runs__campaigns=campaign).distinct().order_by("pk"))


@dataclass(frozen=True)
class ShownUnit:
    """A unit of the queue, with what its system was asked; who gave the output is not said."""

    row: Waiting
    unit: Unit
    key: str
    asked: str


def shown_units(rows: Sequence[Waiting]) -> list[ShownUnit]:
    units = Unit.objects.select_related("run__version").in_bulk([row.unit for row in rows])
    examples = examples_of(units.values())
    return [
        ShownUnit(
            row, units[row.unit], examples[row.unit].key, asked_of(examples[row.unit].fields)
        )
        for row in rows
    ]


def examples_of(units: Iterable[Unit]) -> dict[int, Example]:
    """Return what some units are about, by their keys; runs and versions were read with them."""
    by_version: defaultdict[DatasetVersion, list[Unit]] = defaultdict(list)
    for unit in units:
        by_version[unit.run.version].append(unit)
    found: dict[int, Example] = {}
    for version, its_units in by_version.items():
        examples = examples_at_positions(version, [unit.position for unit in its_units])
        found |= {unit.pk: examples[unit.position] for unit in its_units}
    return found
