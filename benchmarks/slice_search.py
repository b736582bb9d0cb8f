"""How often the search over slices finds something: where there is nothing, and where there is.

No speed: each cell makes gains of one kind on examples with five metadata fields (2 to 8 levels,
so about two hundred slices of one and two fields; in clusters every other field is the cluster's
and the others are the example's), searches them as a comparison does, and counts
the searches that find a slice. Clusters are of ten examples each, or as few as are searched at
all, and of very uneven size. Then one slice of two fields is worse by a number of standard
deviations. Ends with an error where more than 5 % of searches of null data find something, by more
than chance allows.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from results import Results, add_arguments

from metrics.batch import Codes, Floats
from metrics.statistics.searching import Field, search_slices

SEED = 20_261_127
LEVELS = 4, 6, 3, 8, 2
SIZES = 200, 1_000, 5_000
IN_A_CLUSTER = 10
# The fewest clusters that are searched, and how far the logarithms of their expected sizes spread.
FEW, UNEVEN = 20, 0.8
# In clusters this share of examples moves as its cluster does.
ALIKE = 0.4
LEVEL = 0.05
APART, OF_TEN, OF_UNEVEN_SIZE = 0, 1, 2
WHERE = {
    APART: "",
    OF_TEN: f", clusters of {IN_A_CLUSTER}",
    OF_UNEVEN_SIZE: f", {FEW} clusters of very uneven size",
}

Rng = np.random.Generator
Draw = Callable[[Rng, int], Floats]
Cell = tuple[str, int, int, float]  # gains, examples, how they lie in clusters, what is lost


def balanced(rng: Rng, n: int) -> Floats:
    """One in ten moves, as often up as down."""
    return np.where(rng.random(n) < 0.1, rng.choice([-1.0, 1.0], n), 0.0)


def won_only(rng: Rng, n: int) -> Floats:
    """One in twenty is won, and none is lost."""
    return -lost_only(rng, n)


def mostly_won(rng: Rng, n: int) -> Floats:
    """Six in a hundred are won, two are lost."""
    return flips(rng, n, won=0.06, lost=0.02)


def more_won(rng: Rng, n: int) -> Floats:
    """One in ten is won, one in twenty is lost."""
    return flips(rng, n, won=0.1, lost=0.05)


def flips(rng: Rng, n: int, *, won: float, lost: float) -> Floats:
    drawn = rng.random(n)
    return np.where(drawn < won, 1.0, np.where(drawn < won + lost, -1.0, 0.0))


def lost_only(rng: Rng, n: int) -> Floats:
    """One in twenty is lost, and none is won."""
    return np.where(rng.random(n) < 0.05, -1.0, 0.0)


def mostly_lost(rng: Rng, n: int) -> Floats:
    """One in ten moves, four times in five down."""
    return np.where(rng.random(n) < 0.1, np.where(rng.random(n) < 0.8, -1.0, 1.0), 0.0)


def normal(rng: Rng, n: int) -> Floats:
    return rng.normal(0.3, 1.0, n)


def skewed(rng: Rng, n: int) -> Floats:
    return 1.0 - rng.exponential(size=n)


def skewed_up(rng: Rng, n: int) -> Floats:
    return -skewed(rng, n)


def very_skewed(rng: Rng, n: int) -> Floats:
    return 1.0 - rng.lognormal(size=n)


def very_skewed_up(rng: Rng, n: int) -> Floats:
    return -very_skewed(rng, n)


def heavy(rng: Rng, n: int) -> Floats:
    return rng.standard_t(3, size=n)


KINDS: dict[str, Draw] = {
    "balanced flips": balanced,
    "losses alone": lost_only,
    "mostly losses": mostly_lost,
    "wins alone": won_only,
    "mostly wins": mostly_won,
    "two wins to a loss": more_won,
    "normal": normal,
    "skewed": skewed,
    "skewed to wins": skewed_up,
    "very skewed": very_skewed,
    "very skewed to wins": very_skewed_up,
    "heavy tails": heavy,
}


def share_found(kind: str, n: int, replicates: int, *, groups: int, loss: float) -> float:
    """Return the share of searches that find a slice, the one that is worse if there is one."""
    rng = np.random.Generator(np.random.PCG64([SEED, [*KINDS].index(kind), n, groups]))
    found = 0
    for seed in range(replicates):
        clusters = _clusters(rng, n, groups)
        fields = _fields(rng, clusters)
        gains = KINDS[kind](rng, n)
        if groups:
            fields[1::2] = _fields(rng, np.arange(n))[1::2]
            of_cluster = KINDS[kind](rng, int(clusters.max()) + 1)[clusters]
            gains = np.where(rng.random(n) < ALIKE, of_cluster, gains)
        inside = (fields[0].codes == 0) & (fields[2].codes == 0)
        gains = gains - loss * np.std(gains) * inside
        searched = search_slices(gains, fields, clusters=clusters if groups else None, seed=seed)
        worse = [one for one in searched.found if not loss or one.levels[0] == "a0"]
        found += bool(worse)
    return found / replicates


def _clusters(rng: Rng, n: int, groups: int) -> Codes:
    """Return the cluster of each example; none of them is empty."""
    if groups == OF_UNEVEN_SIZE:
        sizes = np.exp(UNEVEN * rng.normal(size=FEW))
        others = rng.choice(FEW, size=n - FEW, p=sizes / sizes.sum())
        return np.sort(np.concatenate([np.arange(FEW), others]))
    return np.arange(n) // IN_A_CLUSTER if groups else np.arange(n)


def _fields(rng: Rng, clusters: Codes) -> list[Field]:
    """Draw the metadata: that of a cluster is the same for all of its examples."""
    n = int(clusters.max()) + 1
    return [
        Field(
            name="abcde"[at],
            levels=[f"{'abcde'[at]}{level}" for level in range(size)],
            codes=rng.integers(size, size=n)[clusters],
        )
        for at, size in enumerate(LEVELS)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    parser.add_argument("--replicates", type=int, default=1_000, help="searches of each cell")
    parser.add_argument("--only", default="", help="cells whose name has this text")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    given = parser.parse_args()
    replicates = 20 if given.quick else given.replicates
    results = Results("Search over slices", f"{replicates:,} searches a cell")
    nulls = [(kind, n, groups, 0.0) for groups in WHERE for kind in KINDS for n in SIZES]
    real = [("normal", n, APART, loss) for n in SIZES[1:] for loss in (0.5, 1.0)]
    cells = [cell for cell in [*nulls, *real] if given.only in name_of(cell)]
    with ProcessPoolExecutor(given.processes) as pool:
        waiting = [pool.submit(_share, cell, replicates) for cell in cells]
        shares = [
            tell(cell, one.result(), results) for cell, one in zip(cells, waiting, strict=True)
        ]
    results.write(json=given.json, markdown=given.markdown)
    most = LEVEL + 3 * math.sqrt(LEVEL * (1 - LEVEL) / replicates)
    wrong = [
        name_of(cell)
        for cell, share in zip(cells, shares, strict=True)
        if cell in nulls and share > most
    ]
    if wrong and not given.quick:
        raise SystemExit(f"Too much is found where there is nothing: {'; '.join(wrong)}.")


def name_of(cell: Cell) -> str:
    kind, n, groups, loss = cell
    where = WHERE[groups]
    what = f"one slice worse by {loss:g} standard deviations" if loss else "nothing to find"
    return f"{kind}{where}, {n:,} examples: {what}"


def tell(cell: Cell, share: float, results: Results) -> float:
    """Write down how often a cell's searches find something, and return it."""
    loss = cell[3]
    results.row(
        what=name_of(cell),
        ours=100 * share,
        reference=None if loss else 100 * LEVEL,
        unit="% of searches find " + ("it" if loss else "something; the reference is the most"),
    )
    return share


def _share(cell: Cell, replicates: int) -> float:
    kind, n, groups, loss = cell
    return share_found(kind, n, replicates, groups=groups, loss=loss)


if __name__ == "__main__":
    main()
