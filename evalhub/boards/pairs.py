"""The pairs of a large board: compared some at a time, within bounds of memory and time.

A corpus metric needs the statistics of both sides, and 30 systems are 435 pairs. So pairs are
compared in tiles of a few systems that are in memory together; what was compared is kept, and each
look at the board carries on from there, one at a time.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Iterator, Sequence, Set
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from itertools import combinations, product
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from numpy.typing import NDArray

from evalhub.boards.models import KeptPair, Turn
from evalhub.runs.columns import StoredScores, scores_in_blocks
from evalhub.runs.models import Measurement
from metrics.base import Family
from metrics.statistics.boards import Met, Side, meet
from metrics.statistics.findings import Gaps
from metrics.statistics.pairs import Compared
from metrics.statistics.yardstick import Yardstick

# Raise it whenever the same scores can compare otherwise.
METHOD = 1
# How long one look at a board compares, in seconds, and how long a turn lasts at most.
SECONDS, TURN = 2.0, timedelta(seconds=30)
# Statistics that are in memory at once, in bytes.
MOST_BYTES = 120_000_000
_AT_ONCE = 400

Pair = tuple[int, int]


class UnfinishedError(Exception):
    """Some pairs are left to compare: `done` of `total` are."""

    def __init__(self, done: int, total: int) -> None:
        super().__init__(f"{done} of {total}")
        self.done, self.total = done, total

    @property
    def sentence(self) -> str:
        return (
            f"{self.done:,} of {self.total:,} pairs of systems are compared so far: so many "
            "examples take a while. Look again in a few seconds; each look carries on from there."
        )


def all_pairs(
    measurements: Sequence[Measurement],
    yardstick: Yardstick,
    *,
    n_bytes: int,
    clusters: NDArray[Any] | None,
    seed: int,
    seconds: float,
) -> dict[Pair, Met]:
    """Return how every two compare, the second as baseline, by their places in the sequence.

    `n_bytes` is what the statistics of one take. Raises UnfinishedError when this look of so many
    seconds is over before all are compared, or somebody else's look is comparing them. One of 0
    seconds compares nothing.
    """
    digests = {
        pair: _digest(measurements[pair[0]], measurements[pair[1]], seed)
        for pair in combinations(range(len(measurements)), 2)
    }
    known = _kept(digests)
    if len(known) == len(digests):
        return known
    if not seconds:
        raise UnfinishedError(len(known), len(digests))
    board = hashlib.sha256("".join(sorted(digests.values())).encode()).hexdigest()
    with _turn(board) as is_mine:
        if is_mine:
            ask = _Asking(measurements, yardstick, clusters, seed, seconds)
            for found in ask.some(_tiles(len(measurements), n_bytes), known.keys()):
                _keep(found, digests, measurements)
                known |= found
    if len(known) < len(digests):
        raise UnfinishedError(len(known), len(digests))
    return known


def _tiles(n: int, n_bytes: int) -> Iterator[list[Pair]]:
    """Yield all pairs, in parts that need no more systems in memory than there is room for."""
    size = max(1, MOST_BYTES // max(1, 2 * n_bytes))
    blocks = [range(start, min(start + size, n)) for start in range(0, n, size)]
    for at, block in enumerate(blocks):
        yield list(combinations(block, 2))
        for other in blocks[at + 1 :]:
            yield list(product(block, other))


@dataclass(frozen=True, eq=False)
class _Asking:
    """Compares pairs until its time is over."""

    measurements: Sequence[Measurement]
    yardstick: Yardstick
    clusters: NDArray[Any] | None
    seed: int
    seconds: float
    _whole: dict[int, Side] = field(default_factory=dict)

    def some(self, tiles: Iterable[list[Pair]], known: Set[Pair]) -> Iterator[dict[Pair, Met]]:
        """Yield what was compared of each tile; at least one pair, if any is left."""
        until = time.monotonic() + self.seconds
        for tile in tiles:
            if left := [pair for pair in tile if pair not in known]:
                yield self._tile(left, until)
                if time.monotonic() > until:
                    return

    def _tile(self, pairs: Sequence[Pair], until: float) -> dict[Pair, Met]:
        columns = self._whole.copy()
        found: dict[Pair, Met] = {}
        for pair in pairs:
            for place in pair:
                if place not in columns:
                    columns[place] = self._column(place)
            first, second = (columns[place] for place in pair)
            found[pair] = meet(
                second, first, self.yardstick, clusters=self.clusters, seed=self.seed
            )
            if time.monotonic() > until:
                break
        return found

    def _column(self, place: int) -> Side:
        """Read a system: its statistics only as often as they are summed, where none lacks.

        Then it meets all others with the same sums. Otherwise these depend on whom it meets, and
        the statistics are held in memory as long as the tile is compared.
        """
        scores = scores_in_blocks(self.measurements[place])
        if self.yardstick.additive is None or not is_whole(scores):
            return side_of(scores.in_memory(), self.yardstick)
        self._whole[place] = side_of(scores, self.yardstick)
        return self._whole[place]


def is_whole(scores: StoredScores) -> bool:
    """Tell whether every example has all its scores."""
    return not scores.reasons.any()


def side_of(scores: StoredScores, yardstick: Yardstick) -> Side:
    """Return a system as it meets others; what all of its pairs need is made once."""
    column = scores.column(yardstick)
    has_one = column.attempts == 1 and yardstick.family is not Family.QUANTILE
    return column.folded() if has_one else column, scores.asked


def _digest(first: Measurement, second: Measurement, seed: int) -> str:
    content = [METHOD, seed, [[one.public_id, str(one.scored_at)] for one in (first, second)]]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _kept(digests: dict[Pair, str]) -> dict[Pair, Met]:
    pairs = {digest: pair for pair, digest in digests.items()}
    names = list(pairs)
    found: dict[Pair, Met] = {}
    for at in range(0, len(names), _AT_ONCE):
        rows = KeptPair.objects.filter(digest__in=names[at : at + _AT_ONCE])
        for digest, answer in rows.values_list("digest", "answer"):
            found[pairs[digest]] = _read(answer)
    return found


def _read(answer: str) -> Met:
    compared, gaps = json.loads(answer)
    filled = {side: gaps[side] and Compared(**gaps[side]) for side in ("best", "worst")}
    return Compared(**compared), Gaps(**{**gaps, **filled})


def _keep(
    found: dict[Pair, Met], digests: dict[Pair, str], measurements: Sequence[Measurement]
) -> None:
    rows = [
        KeptPair(
            first=measurements[pair[0]],
            second=measurements[pair[1]],
            digest=digests[pair],
            answer=json.dumps([asdict(one) for one in met]),
        )
        for pair, met in found.items()
    ]
    KeptPair.objects.bulk_create(rows, ignore_conflicts=True)


@contextmanager
def _turn(board: str) -> Iterator[bool]:
    """Take the turn of computing a board; False where somebody has it."""
    until = timezone.now() + TURN
    is_mine = _taken(board, until)
    try:
        yield is_mine
    finally:
        if is_mine:  # still: whoever overruns a turn leaves the next one's
            Turn.objects.filter(board=board, until=until).delete()


def _taken(board: str, until: datetime) -> bool:
    try:
        with transaction.atomic():
            Turn.objects.create(board=board, until=until)
    except IntegrityError:  # a process that died with the turn leaves it behind
        over = Turn.objects.filter(board=board, until__lt=timezone.now())
        return bool(over.update(until=until))
    return True
