"""How often the intervals of a ranking by preferences hold the truth, where examples repeat.

No speed: each cell makes campaigns whose truth is known, ranks their systems, and counts how many
nominal 95 % intervals hold it. One example yields several preferences that depend on each other:
every system's output of it is better or worse than the system's usual, for all who judge it and
in all its pairs. The truth is what endless preferences of the cell's kind would lead to, by
Gauss-Hermite quadrature. Ends with an error where coverage leaves 93 to 97 %.
"""

from __future__ import annotations

import argparse
import math
import sys
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from numpy.polynomial.hermite_e import hermegauss
from results import Results, add_arguments
from scipy import special

from metrics.batch import Floats
from metrics.statistics.bradley_terry import Fit, fit, maximum
from metrics.statistics.preferences import tally
from metrics.statistics.ranking import rank_systems
from metrics.statistics.standings import Linkage, Ranking

BAND = 93.0, 97.0
UNIT = "% of intervals"
NORMAL = 1.959964


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One kind of campaign.

    `spread` is how far the best system is above the worst, and `noise` the standard deviation of
    an output around its system's strength, both in log odds. A pair of one example is shown to
    `people` with the chance `shown`; with `uneven` to one up to twice as many. The last system is
    in the part `newcomer` of the examples.
    """

    what: str
    systems: int
    examples: int
    people: int = 2
    spread: float = 1.5
    noise: float = 1.0
    ties: float = 0.2
    shown: float = 1.0
    uneven: bool = False
    newcomer: float = 1.0

    @property
    def strengths(self) -> Floats:
        return np.linspace(self.spread / 2, -self.spread / 2, self.systems)

    @property
    def pairs(self) -> Floats:
        return np.array(list(combinations(range(self.systems), 2)))

    def expected(self) -> tuple[Floats, Floats]:
        """Return the expected points and preferences of every pair: (systems, systems) each."""
        nodes, weights = hermegauss(80)
        low, high = self.pairs.T
        gaps = (self.strengths[low] - self.strengths[high])[:, None]
        chances = special.expit(gaps + math.sqrt(2) * self.noise * nodes)
        wins = self.ties / 2 + (1 - self.ties) * (chances * weights).sum(1) / weights.sum()
        points, played = np.zeros((2, self.systems, self.systems))
        share = np.where(high == self.systems - 1, self.newcomer, 1.0)
        points[low, high], points[high, low] = share * wins, share * (1 - wins)
        played[low, high] = played[high, low] = share
        return points, played

    def drawn(self, rng: np.random.Generator) -> dict[str, Floats]:
        """Return the columns of one campaign."""
        low, high = self.pairs.T
        outputs = self.strengths + rng.normal(0, self.noise, (self.examples, self.systems))
        gaps = outputs[:, low] - outputs[:, high]
        most = 2 * self.people if self.uneven else self.people
        people = np.arange(most) < (
            rng.integers(1, most + 1, (self.examples, 1, 1)) if self.uneven else most
        )
        newcomers = rng.random((self.examples, 1)) < self.newcomer
        are_met = (rng.random(gaps.shape) < self.shown) & (newcomers | (high < self.systems - 1))
        given = np.broadcast_to(are_met[:, :, None] & people, (*gaps.shape, most))
        outcomes = (rng.random(given.shape) < special.expit(gaps)[:, :, None]).astype(float)
        outcomes[rng.random(given.shape) < self.ties] = 0.5
        example, pair, _ = np.nonzero(given)
        return {
            "first": low[pair],
            "second": high[pair],
            "outcomes": outcomes[given],
            "groups": example,
        }


CELLS = (
    Cell(what="2 systems", systems=2, examples=50),
    Cell(what="2 systems, far apart", systems=2, examples=50, spread=3.0),
    Cell(what="2 systems, 20 examples", systems=2, examples=20, people=3),
    Cell(what="3 systems, many ties", systems=3, examples=30, ties=0.6),
    Cell(what="4 systems, 10 examples", systems=4, examples=10),
    Cell(what="4 systems", systems=4, examples=50, noise=2.0, people=3),
    Cell(what="4 systems, all alike", systems=4, examples=50, spread=0.0),
    Cell(what="4 systems, a third of the pairs", systems=4, examples=60, shown=1 / 3),
    Cell(what="4 systems, uneven examples", systems=4, examples=40, uneven=True),
    Cell(what="4 systems, one in a fifth", systems=4, examples=60, newcomer=0.2),
    Cell(what="6 systems", systems=6, examples=100, people=1, spread=2.5),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    parser.add_argument("--replicates", type=int, default=2_000, help="campaigns of each cell")
    parser.add_argument("--only", default="", help="cells whose name has this text")
    given = parser.parse_args()
    n = 50 if given.quick else given.replicates
    results = Results(
        "Coverage of rankings by preferences",
        f"{n:,} campaigns a cell, nominal 95 %; the reference takes all preferences of an example "
        "for independent.",
    )
    outside = [
        cell.what for cell in CELLS if given.only in cell.what and measure(cell, n, results)
    ]
    results.write(json=given.json, markdown=given.markdown)
    if outside and not given.quick:
        raise SystemExit(f"Outside {BAND[0]:.0f} to {BAND[1]:.0f} %: {', '.join(outside)}.")


@dataclass
class Held:
    """How many intervals of each kind held the truth, of how many."""

    counts: dict[str, list[int]]

    def add(self, kind: str, *, held: int, of: int) -> None:
        count = self.counts.setdefault(kind, [0, 0])
        count[0] += held
        count[1] += of

    def percent(self, kind: str) -> float:
        held, of = self.counts[kind]
        return 100 * held / of


def measure(cell: Cell, n: int, results: Results) -> bool:
    """Write down a cell's coverage, and tell whether any of it is out of the band."""
    points, played = cell.expected()
    truth, shares = maximum(points, played), points.sum(1) / played.sum(1)
    rng = np.random.Generator(np.random.PCG64(20_260_101))
    held, one_way = Held({}), 0
    for _ in range(n):
        columns = cell.drawn(rng)
        ranking = rank_systems(**columns)
        if ranking.linkage is not Linkage.WHOLE:
            one_way += 1
            continue
        _count(ranking, truth, shares, held)
        alone = columns | {"groups": np.arange(len(columns["groups"]))}
        _count_independent(fit(tally(**alone)), truth, held)
    note = f"{one_way} campaigns in which wins led one way" if one_way else ""
    for kind in ("probability", "strength", "share"):
        results.row(
            what=f"{cell.what}: {kind}",
            ours=held.percent(kind),
            reference=held.percent("independent") if kind == "probability" else None,
            unit=UNIT,
            note=note,
        )
    results.row(
        what=f"{cell.what}: all ranks",
        ours=held.percent("ranks"),
        unit="% of campaigns",
        note=note,
    )
    inside = [
        BAND[0] <= held.percent(kind) <= BAND[1] for kind in ("probability", "strength", "share")
    ]
    return not all(inside) or held.percent("ranks") < BAND[0]


def _count(ranking: Ranking, truth: Floats, shares: Floats, held: Held) -> None:
    duels, standings = ranking.duels, ranking.standings
    chances = [special.expit(truth[duel.first] - truth[duel.second]) for duel in duels]
    ours = zip(duels, chances, strict=True)
    n_held = sum(duel.probability.low <= p <= duel.probability.high for duel, p in ours)
    held.add("probability", held=n_held, of=len(duels))
    for kind, values in (("strength", truth), ("share", shares)):
        bounds = [(getattr(one, kind), values[one.system]) for one in standings]
        n_held = sum(bound.low <= value <= bound.high for bound, value in bounds)
        held.add(kind, held=n_held, of=len(bounds))
    above = [1 + int((truth > truth[one.system] + 1e-9).sum()) for one in standings]
    alike = [int((np.abs(truth - truth[one.system]) <= 1e-9).sum()) - 1 for one in standings]
    all_held = all(
        one.best_rank <= best and best + ties <= one.worst_rank
        for one, best, ties in zip(standings, above, alike, strict=True)
    )
    held.add("ranks", held=int(all_held), of=1)


def _count_independent(plain: Fit, truth: Floats, held: Held) -> None:
    for one, other in combinations(range(len(truth)), 2):
        gap, error = plain.difference(one, other)
        is_held = abs(gap - (truth[one] - truth[other])) <= NORMAL * error
        held.add("independent", held=int(is_held), of=1)


if __name__ == "__main__":
    main()
