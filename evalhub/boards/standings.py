"""A leaderboard of the systems on a dataset version: which run speaks for each, and the ranks."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.core.cache import cache
from django.db.models import Max

from evalhub.boards import pairs
from evalhub.boards.pairs import MOST_BYTES, UnfinishedError, all_pairs, side_of
from evalhub.datasets.models import DatasetVersion
from evalhub.datasets.selectors import clusters
from evalhub.runs.columns import in_blocks_together, read_together
from evalhub.runs.listing import Record, records, with_names
from evalhub.runs.models import Measurement, Run, ScoreColumn
from evalhub.runs.sealing import yardstick_of
from metrics.fields import MetricParamsError
from metrics.statistics.boards import Board, Entry, Match, Place, leaderboard
from metrics.statistics.yardstick import Yardstick

# Every two systems are compared: 30 are 435 pairs.
MOST_SYSTEMS = 30
# How many of the newest runs on a version are looked at.
MOST_RUNS = 1_000
# Raise it whenever the same scores can give another board.
METHOD = 3
# Bytes of scores times systems squared, from which on pairs are compared some at a time: about
# a second of a processor (benchmarks/leaderboards.py).
LARGE = 200_000_000
_SEED = 0
_KEPT = 24 * 3_600


@dataclass(frozen=True)
class Line:
    """A run on the board; its measurement is None where it was not measured by the metric."""

    run: Run
    measurement: Measurement | None
    place: Place


@dataclass(frozen=True)
class Pair:
    """Two ranked runs and how they compare."""

    first: Line
    second: Line
    match: Match

    @property
    def question(self) -> str:
        """Return the query that asks for the comparison of the two, the second as baseline."""
        sides = {"baseline": self.second.run.public_id, "candidate": self.first.run.public_id}
        return urlencode(sides)


@dataclass(frozen=True)
class Standings:
    """The board of one metric, and the metrics there are to choose.

    `unfinished` is how far it is while its pairs are being compared, some at a time.
    """

    version: DatasetVersion
    metric: str
    metrics: list[str]
    signature: str
    lines: list[Line]
    pairs: list[Pair]
    reason: str = ""
    unfinished: UnfinishedError | None = None


def standings_of(
    version: DatasetVersion, *, metric: str = "", seconds: float | None = None
) -> Standings:
    """Return the leaderboard of a dataset version by one metric, the newest run's first without.

    A large one is compared for so many seconds, `pairs.SECONDS` without, and the next look goes
    on from there.

    For each system version its newest complete, scored run under the signature that most have
    speaks; a newer one that cannot be ranked is listed with the reason.
    """
    runs = with_names(Run.objects.filter(version=version)).order_by("-created_at", "-pk")
    found = records(list(runs[:MOST_RUNS]))
    metrics = list(dict.fromkeys(one.name for record in found for one in record.measurements))
    shown = metric or next(iter(metrics), "")
    candidates = [Line(one.run, _measured(one, shown), Place(system=one.run.pk)) for one in found]
    signature = _signature(candidates)
    spoken, outside = _chosen(candidates, signature)
    seconds = pairs.SECONDS if seconds is None else seconds
    board, unfinished = _board(version, spoken, outside, seconds)
    by_run = {line.run.pk: line for line in (*spoken, *(line for line, _ in outside))}
    lines = [
        Line(by_run[place.system].run, by_run[place.system].measurement, place)
        for place in board.places
    ]
    placed = {line.run.pk: line for line in lines}
    return Standings(
        version=version,
        metric=shown,
        metrics=metrics,
        signature=signature,
        lines=lines,
        pairs=[Pair(placed[one.first], placed[one.second], one) for one in board.matches],
        reason=board.reason,
        unfinished=unfinished,
    )


def _measured(record: Record, metric: str) -> Measurement | None:
    return next((one for one in record.measurements if one.name == metric), None)


def _signature(lines: Sequence[Line]) -> str:
    """Return the signature that most system versions could be ranked by; of equals the newest."""
    seen = dict.fromkeys(
        (line.run.system_version_id, line.measurement.signature)
        for line in lines
        if line.measurement and not _why_not(line, line.measurement.signature)
    )
    counted = Counter(signature for _, signature in seen)
    return max(counted, key=lambda one: counted[one], default="")


def _chosen(lines: Sequence[Line], signature: str) -> tuple[list[Line], list[tuple[Line, str]]]:
    """Return the run that speaks for each system version, and newer ones that cannot, with why."""
    spoken: dict[int, Line] = {}
    outside: dict[int, tuple[Line, str]] = {}
    for line in lines:
        key = line.run.system_version_id
        if key in spoken:
            continue
        why = _why_not(line, signature)
        if not why and len(spoken) == MOST_SYSTEMS:
            why = f"The board compares the {MOST_SYSTEMS} system versions that were run last."
        if why:
            outside.setdefault(key, (line, why))
        else:
            spoken[key] = line
    return list(spoken.values()), list(outside.values())


_STOPPED = {
    Run.State.OPEN: "The run is still open: finish it to have it scored.",
    Run.State.SCORING: "The run is still being scored.",
    Run.State.FAILED: "The run failed.",
    Run.State.CANCELLED: "The run was cancelled.",
}


def _why_not(line: Line, signature: str) -> str:
    """Say why a run cannot be ranked; empty where it can."""
    run, measurement = line.run, line.measurement
    missing = run.n_expected - run.n_outputs
    if said := _STOPPED.get(Run.State(run.state)):
        return f"{said} {measurement.problem if measurement else ''}".strip()
    if missing > 0:
        return f"The run is partial: {missing:,} of {run.n_expected:,} outputs are missing."
    if measurement is None:
        return "The run was not measured with this metric: score it to have it ranked."
    if measurement.state == Measurement.State.FAILED:
        return f"The metric failed on it. {measurement.problem}".strip()
    if measurement.state != Measurement.State.SCORED:
        return "The metric is not scored on it yet."
    if measurement.signature != signature:
        return "It was scored under another signature: score it again to have it ranked."
    return ""


def _board(
    version: DatasetVersion,
    spoken: Sequence[Line],
    outside: Sequence[tuple[Line, str]],
    seconds: float,
) -> tuple[Board, UnfinishedError | None]:
    """Rank the runs that speak; the same scores are compared once and remembered."""
    key, unfinished = _key(version, spoken), None
    ranked: Board | None = cache.get(key)
    if ranked is None:
        try:
            ranked = _compared(version, spoken, seconds)
        except UnfinishedError as exc:
            ranked, unfinished = _unfinished(spoken, exc.sentence), exc
        else:
            cache.set(key, ranked, _KEPT)
    listed = tuple(Place(system=line.run.pk, reason=why) for line, why in outside)
    board = Board(places=(*ranked.places, *listed), matches=ranked.matches, reason=ranked.reason)
    return board, unfinished


def _compared(version: DatasetVersion, spoken: Sequence[Line], seconds: float) -> Board:
    measured = [(line.run.pk, one) for line in spoken if (one := line.measurement)]
    if not measured:
        return Board(places=(), reason="No run of this version can be ranked by this metric.")
    try:
        yardstick = yardstick_of(measured[0][1])
    except MetricParamsError as exc:  # of a value over the whole run, and no longer installed
        places = tuple(Place(system=run, reason=str(exc)) for run, _ in measured)
        return Board(
            places=places, reason="The metric can no longer be read, so nothing is ranked."
        )
    measured.sort(key=lambda one: _best_first(one[1]))  # as on the board
    runs, measurements = [run for run, _ in measured], [one for _, one in measured]
    groups = clusters(version)
    n_bytes = _bytes_of(measurements, yardstick)
    known = {}
    if n_bytes * len(runs) ** 2 > LARGE:
        found = all_pairs(
            measurements,
            yardstick,
            n_bytes=n_bytes,
            clusters=groups,
            seed=_SEED,
            seconds=seconds,
        )
        known = {(runs[one], runs[other]): how for (one, other), how in found.items()}
    in_memory = yardstick.additive is not None and n_bytes * len(runs) <= MOST_BYTES
    scores = read_together(measurements) if in_memory else in_blocks_together(measurements)
    sides = [side_of(side, yardstick) for side in scores]
    entries = [
        Entry(system=run, column=column, asked=asked)
        for run, (column, asked) in zip(runs, sides, strict=True)
    ]
    return leaderboard(entries, yardstick, clusters=groups, seed=_SEED, known=known)


def _best_first(measurement: Measurement) -> float:
    value = measurement.value or 0.0
    return value if measurement.higher_is_better is False else -value


def _bytes_of(measurements: Sequence[Measurement], yardstick: Yardstick) -> int:
    """Return what the scores of the largest measurement take in memory."""
    columns = ScoreColumn.objects.filter(measurement__in=measurements)
    n_statistics = 0
    if yardstick.additive is not None:
        n_statistics = columns.aggregate(most=Max("n_statistics"))["most"] or 0
    run = measurements[0].run
    return 8 * (1 + n_statistics) * run.version.n_examples * run.attempts


def _unfinished(spoken: Sequence[Line], reason: str) -> Board:
    """Return a board without ranks, best value first, while its pairs are being compared."""
    measured = [(line.run.pk, one) for line in spoken if (one := line.measurement)]
    places = (
        Place(system=run, n_scored=one.n_scored, value=one.value)
        for run, one in sorted(measured, key=lambda one: _best_first(one[1]))
    )
    return Board(places=tuple(places), reason=reason)


def _key(version: DatasetVersion, spoken: Sequence[Line]) -> str:
    """Name what a board depends on: the version's clusters and the measurements as they stand."""
    content = [
        METHOD,
        version.digest,
        [
            (line.run.pk, one.public_id, str(one.scored_at), one.value, one.n_scored)
            for line in spoken
            if (one := line.measurement)
        ],
    ]
    digest = hashlib.sha256(json.dumps(content).encode()).hexdigest()
    return f"boards:{digest}"
