"""The units of a campaign by what the lines of a file call them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias, TypeVar

import msgspec

from evalhub.datasets.keys import positions_of
from evalhub.intake.lines import ErrorCollector
from evalhub.intake.rows import AnnotationRow, DecisionRow, KnownRow
from evalhub.runs.models import Run
from labeling.models import Campaign, Question, Unit
from labeling.questions import mirrored

R = TypeVar("R", AnnotationRow, DecisionRow, KnownRow)
# Run, position and attempt of the output, or of the first of two; run and attempt of the second.
_Place: TypeAlias = tuple[int, int, int, int, int]
_NO_SECOND: Final = (0, 0)
# A line, and what its names lead to: a run, and the second output of a pair.
_ByOutputs: TypeAlias = tuple[int, R, Run, tuple[int, int]]


class Found(NamedTuple):
    """The unit that a line is about."""

    pk: int
    bundle: int
    is_turned: bool = False  # the line names the two outputs of a pair the other way round


@dataclass(frozen=True)
class _Units:
    """The units of a campaign by their ids and by their outputs, and its runs by their names."""

    by_run: Mapping[str, Run]
    by_system: Mapping[str, Sequence[Run]]
    by_place: Mapping[_Place, Found]
    by_id: Mapping[str, Found]

    @classmethod
    def of(cls, campaign: Campaign) -> _Units:
        by_run: dict[str, Run] = {}
        by_system: dict[str, list[Run]] = {}
        for run in campaign.runs.select_related("version", "system_version__system"):
            by_run[run.public_id] = run
            for name in {run.system_version.system.slug, str(run.system_version)}:
                by_system.setdefault(name, []).append(run)
        by_place: dict[_Place, Found] = {}
        by_id: dict[str, Found] = {}
        rows = Unit.objects.filter(campaign=campaign).values_list(
            *("public_id", "pk", "bundle", "run_id", "position", "attempt"),
            *("second_run_id", "second_position", "second_attempt"),
        )
        for public_id, pk, bundle, run_id, position, attempt, second, there, at in rows:
            by_id[public_id] = found = Found(pk, bundle)
            by_place[run_id, position, attempt, second or 0, at or 0] = found
            if second is not None:
                turned = Found(pk, bundle, is_turned=True)
                by_place.setdefault((second, there, at, run_id, attempt), turned)
        return cls(by_run, by_system, by_place, by_id)

    def run_of(self, row: R, line: int, errors: ErrorCollector) -> Run | None:
        if row.run is not None:
            return self._named(row.run, line, errors, "run")
        return self._of_system(row.system or "", line, errors, "system")

    def second_of(self, row: R, line: int, errors: ErrorCollector) -> tuple[int, int] | None:
        """Return run and attempt of the second output of a pair."""
        if row.second_run is not None:
            run = self._named(row.second_run, line, errors, "second_run")
        elif row.second_system is not None:
            run = self._of_system(row.second_system, line, errors, "second_system")
        else:
            return _NO_SECOND
        return None if run is None else (run.pk, row.second_attempt)

    def _of_system(self, name: str, line: int, errors: ErrorCollector, field: str) -> Run | None:
        runs = self.by_system.get(name, [])
        if not runs:
            errors.add(line, "system", f"No run of the campaign is of {name[:100]!r}.", field)
        elif len(runs) > 1:
            detail = f"{name[:100]!r} names {len(runs)} runs of this campaign; name the run."
            errors.add(line, "ambiguous", detail, field)
        return runs[0] if len(runs) == 1 else None

    def _named(self, name: str, line: int, errors: ErrorCollector, field: str) -> Run | None:
        if name not in self.by_run:
            errors.add(line, "run", f"The campaign has no run {name[:40]!r}.", field)
        return self.by_run.get(name)


def with_units(
    campaign: Campaign, rows: Iterable[tuple[int, R]], errors: ErrorCollector
) -> Iterator[tuple[int, R, Found]]:
    """Yield every line with its unit; keys are looked up for all lines of a run at once.

    Where a line names a pair the other way round, its preferences are turned with it.
    """
    units = _Units.of(campaign)
    preferences = {one.name for one in campaign.asked if one.kind == Question.Kind.PREFERENCE}
    by_outputs: list[_ByOutputs[R]] = []
    for line, row in rows:
        if row.unit is not None:
            found = units.by_id.get(row.unit)
            if found is None:
                detail = f"The campaign has no unit {row.unit[:40]!r}."
                errors.add(line, "unit", detail, "unit")
            else:
                yield line, row, found
            continue
        run = units.run_of(row, line, errors)
        other = units.second_of(row, line, errors)
        if run is not None and other is not None:
            by_outputs.append((line, row, run, other))
    positions = _positions(by_outputs)
    for each in by_outputs:
        place = _placed(campaign, units, each, positions, errors)
        if place is not None:
            yield each[0], _turned(each[1], preferences) if place.is_turned else each[1], place


def _turned(row: R, preferences: Set[str]) -> R:
    """Return a line with its preferences as they are when the two outputs change sides."""
    answers = {
        name: mirrored(answer) if name in preferences else answer
        for name, answer in row.answers.items()
    }
    return msgspec.structs.replace(row, answers=answers)


def _placed(
    campaign: Campaign,
    units: _Units,
    named: _ByOutputs[R],
    positions: Mapping[tuple[int, str], int],
    errors: ErrorCollector,
) -> Found | None:
    line, row, run, (other, at) = named
    key = row.key or ""
    position = positions[run.version_id, key]
    if position < 0:
        detail = f"The dataset version of this run has no key {key[:100]!r}."
        errors.add(line, "key", detail, "key")
        return None
    found = units.by_place.get((run.pk, position, row.attempt, other, at))
    if found is None:
        errors.add(line, "key", _missing(campaign, key, row), "key")
    return found


def _missing(campaign: Campaign, key: str, row: R) -> str:
    if campaign.is_of_pairs:
        return (
            f"The campaign has no such pair for key {key[:100]!r}: name one output by run "
            "and attempt, and the other by second_run or second_system and second_attempt."
        )
    return (
        f"The campaign has no output for key {key[:100]!r}, attempt {row.attempt}: "
        "it is missing, an error, or was not drawn."
    )


def _positions(named: Sequence[_ByOutputs[R]]) -> dict[tuple[int, str], int]:
    keys: dict[int, set[str]] = {}
    versions = {}
    for _, row, run, _ in named:
        versions[run.version_id] = run.version
        keys.setdefault(run.version_id, set()).add(row.key or "")
    positions = {}
    for version_id, version in versions.items():
        wanted = list(keys[version_id])
        found = positions_of(version, wanted).tolist()
        positions.update({(version_id, key): at for key, at in zip(wanted, found, strict=True)})
    return positions
