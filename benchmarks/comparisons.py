"""How often comparisons are right: coverage of their intervals, and rejections of true nulls.

No speed: each cell draws pairs of runs of one kind, compares them as the product does, and counts
how many nominal 95 % intervals hold the true gain and, where there is none, how many p-values are
at most 0.05. The grid is where the product promises it: at least 100 pairs, at least 10 % of a
binary metric's pairs discordant, at least 20 clusters. Conservative cells are listed as they are.
Ends with an error where coverage averages outside 94 to 96 % or a cell lies under 92.5 %, or where
rejections average outside 4 to 6 % or a cell lies over 6 %.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from itertools import product
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from results import Results, add_arguments
from texts import Texts

from metrics.base import Family, Metric
from metrics.batch import Batch, Codes, Floats
from metrics.overlap.bleu import Bleu
from metrics.overlap.chrf import Chrf
from metrics.statistics.pairs import Compared, compare
from metrics.statistics.yardstick import Column, Yardstick

SEED = 20_261_126
SIZES = 100, 1_000
POOL = 4_000  # pairs of outputs, from which corpora are drawn
MANY = 2_000_000  # draws for a true gain that has no formula
COVERAGE, LEAST_COVERAGE = (94.0, 96.0), 92.5
REJECTIONS, MOST_REJECTIONS = (4.0, 6.0), 6.0

Rng = np.random.Generator
BINARY = Yardstick(family=Family.BINARY, low=0.0, high=1.0)
POINTS = Yardstick(family=Family.MEAN, low=1.0, high=5.0)
ENDLESS = Yardstick(family=Family.MEAN)


@dataclass(frozen=True, kw_only=True, eq=False)
class Drawn:
    """Two runs on the same examples."""

    baseline: Column
    candidate: Column
    clusters: Codes | None = None


@dataclass(frozen=True, kw_only=True)
class Kind:
    """Runs of one kind: how they are drawn, how read, and by how much the candidate is better."""

    what: str
    draw: Callable[[Rng, int], Drawn]
    yardstick: Callable[[], Yardstick]
    truth: Callable[[], float]
    is_null: bool


def binary(rng: Rng, n: int, *, discordant: float, gain: float) -> Drawn:
    """Right or wrong: some pairs are won and some lost, and of the rest half are right."""
    chance = rng.random(n)
    lost, won = chance < (discordant - gain) / 2, chance >= 1 - (discordant + gain) / 2
    both = rng.random(n) < 0.5
    return drawn(np.where(lost | won, lost, both), np.where(lost | won, won, both))


def in_clusters(
    rng: Rng, n: int, *, groups: int, gain: float, is_binary: bool, uneven: float = 0.0
) -> Drawn:
    """Examples of documents: what a document is like moves all of its examples.

    `uneven` is how far the logarithms of the documents' expected sizes spread.
    """
    if uneven:
        sizes = np.exp(uneven * rng.normal(size=groups))
        clusters = np.sort(rng.choice(groups, size=n, p=sizes / sizes.sum()))
    else:
        clusters = np.sort(rng.integers(groups, size=n))
    own = rng.normal(size=groups)[clusters]
    if not is_binary:
        baseline = rng.normal(size=n)
        return drawn(baseline, baseline + gain + 0.5 * own + rng.normal(size=n), clusters)
    tilt = np.where(own > 0, 0.1, -0.1)
    chance = rng.random(n)
    lost, won = chance < 0.15 - (gain + tilt) / 2, chance >= 0.85 - (gain + tilt) / 2
    return drawn(lost, won, clusters)


def likert(rng: Rng, n: int, *, shift: float) -> Drawn:
    """Points from 1 to 5: both answers are as good as the example is easy, and then some."""
    easy = rng.normal(size=n)
    felt = [easy + 0.6 * rng.normal(size=n), easy + shift + 0.6 * rng.normal(size=n)]
    old, new = (1.0 + np.searchsorted((-1.5, -0.5, 0.5, 1.5), one) for one in felt)
    return drawn(old, new)


def numbers(rng: Rng, n: int, *, gain: float, noise: Callable[[Rng, int], Floats]) -> Drawn:
    baseline = rng.normal(size=n)
    return drawn(baseline, baseline + gain + noise(rng, n))


def normal(rng: Rng, n: int) -> Floats:
    return rng.normal(size=n)


def skewed(rng: Rng, n: int) -> Floats:
    """Most a little above, some far below."""
    return 1.0 - rng.exponential(size=n)


def heavy(rng: Rng, n: int) -> Floats:
    """Student's t with four degrees of freedom."""
    return rng.standard_t(4, size=n)


def corpus(
    rng: Rng, n: int, *, metric: type[Metric], is_null: bool, groups: int = 0, every: int = 3
) -> Drawn:
    """Draw pairs of outputs with their statistics; without a gain the sides are tossed for."""
    before, after = pool(metric, every)
    rows = rng.integers(POOL, size=n)
    clusters = None
    unit = np.arange(n)
    if groups:  # outputs of a document lie near each other in the pool, which is in order of gain
        clusters = unit = np.sort(rng.integers(groups, size=n))
        rows = (rng.integers(POOL, size=groups)[clusters] + rng.integers(200, size=n)) % POOL
    old, new = before[rows], after[rows]
    if is_null:
        is_swapped = (rng.random(n) < 0.5)[unit][:, None]
        old, new = np.where(is_swapped, new, old), np.where(is_swapped, old, new)
    blank = np.zeros(n)
    return Drawn(
        baseline=Column(values=blank, statistics=old),
        candidate=Column(values=blank, statistics=new),
        clusters=clusters,
    )


@cache
def pool(metric: type[Metric], every: int) -> tuple[Floats, Floats]:
    """Return the statistics of two systems' outputs, in the order of the sentences' gains.

    The second leaves the last word of `every` so many outputs out.
    """
    sides = []
    for system in (0, 1):
        texts = Texts.of(POOL, seed=1, system=system)
        sides.append(
            metric().score(
                Batch(
                    outputs=_worse(texts.outputs, every) if system else texts.outputs,
                    expected_outputs=texts.expected,
                    references=[()] * POOL,
                )
            )
        )
    order = np.argsort(sides[1].values - sides[0].values, kind="stable")
    first, second = (np.asarray(side.statistics, dtype=np.float64)[order] for side in sides)
    return first, second


def _worse(outputs: Any, every: int) -> list[str]:
    return [text if at % every else text.rpartition(" ")[0] for at, text in enumerate(outputs)]


def true_corpus_gain(metric: type[Metric], every: int = 3) -> float:
    before, after = pool(metric, every)
    yardstick = Yardstick.of(metric())
    old, new = (yardstick.corpus_values(side.sum(axis=0)) for side in (before, after))
    return yardstick.oriented(float(new) - float(old))


def true_likert_gain(shift: float) -> float:
    many = likert(np.random.Generator(np.random.PCG64(SEED)), MANY, shift=shift)
    return float(many.candidate.values.mean() - many.baseline.values.mean())


def drawn(baseline: Any, candidate: Any, clusters: Codes | None = None) -> Drawn:
    old, new = (Column(values=np.asarray(one, dtype=np.float64)) for one in (baseline, candidate))
    return Drawn(baseline=old, candidate=new, clusters=clusters)


def _kinds() -> list[Kind]:
    found = []
    for discordant, gain in product((0.1, 0.2, 0.4), (0.0, 0.04)):
        found.append(
            _kind(
                f"binary, {discordant:.0%} discordant",
                partial(binary, discordant=discordant, gain=gain),
                BINARY,
                gain,
            )
        )
    for shift in (0.0, 0.2):
        truth = partial(true_likert_gain, shift) if shift else float
        found.append(_kind("five points", partial(likert, shift=shift), POINTS, shift, truth))
    for noise, gain in product((normal, skewed, heavy), (0.0, 0.2)):
        found.append(
            _kind(
                f"a number, {noise.__name__} differences",
                partial(numbers, gain=gain, noise=noise),
                ENDLESS,
                gain,
            )
        )
    for groups, gain, is_binary in product((20, 50), (0.0, 0.05), (True, False)):
        what = "binary" if is_binary else "a number"
        draw = partial(in_clusters, groups=groups, gain=gain, is_binary=is_binary)
        yardstick = BINARY if is_binary else ENDLESS
        found.append(_kind(f"{what}, {groups} clusters", draw, yardstick, gain))
    for metric, is_null, groups in product((Bleu, Chrf), (True, False), (0, 30)):
        where = f", {groups} clusters" if groups else ""
        found.append(
            Kind(
                what=f"{metric.name}{where}" + ("" if is_null else ", a gain"),
                draw=partial(corpus, metric=metric, is_null=is_null, groups=groups),
                yardstick=partial(Yardstick.of, metric()),
                truth=float if is_null else partial(true_corpus_gain, metric),
                is_null=is_null,
            )
        )
    return [*found, *_uneven_kinds()]


def _uneven_kinds() -> list[Kind]:
    return [
        _kind(
            f"{'binary' if is_binary else 'a number'}, {groups} clusters of very uneven size",
            partial(in_clusters, groups=groups, gain=gain, is_binary=is_binary, uneven=0.8),
            BINARY if is_binary else ENDLESS,
            gain,
        )
        for groups, gain, is_binary in product((20, 50), (0.0, 0.05), (True, False))
    ]


def _kind(
    what: str,
    draw: Callable[[Rng, int], Drawn],
    yardstick: Yardstick,
    gain: float,
    truth: Callable[[], float] | None = None,
) -> Kind:
    return Kind(
        what=what + (", a gain" if gain else ""),
        draw=draw,
        yardstick=partial(_same, yardstick),
        truth=truth or partial(_same, gain),
        is_null=not gain,
    )


def _same(value: Any) -> Any:
    return value


@dataclass(frozen=True, kw_only=True)
class Counted:
    """What became of a cell's comparisons."""

    n: int
    n_held: int
    n_rejected: int
    n_without: int
    n_flat: int
    truth: float
    width: float


def measure(kind: Kind, at: int, n: int, replicates: int) -> Counted:
    """Compare runs of one kind and size again and again."""
    rng = np.random.Generator(np.random.PCG64([SEED, at, n]))
    yardstick, truth = kind.yardstick(), kind.truth()
    held = rejected = without = flat = 0
    widths = []
    for seed in range(replicates):
        two = kind.draw(rng, n)
        found: Compared = compare(
            two.baseline, two.candidate, yardstick, clusters=two.clusters, seed=seed
        )
        if found.low is None or found.high is None or found.p_value is None:
            without += 1
            continue
        held += found.low <= truth <= found.high
        rejected += found.p_value <= 0.05
        flat += found.low == found.high
        widths.append(found.high - found.low)
    return Counted(
        n=replicates - without,
        n_held=held,
        n_rejected=rejected,
        n_without=without,
        n_flat=flat,
        truth=truth,
        width=float(np.mean(widths)),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    parser.add_argument("--replicates", type=int, default=4_000, help="comparisons of each cell")
    parser.add_argument("--only", default="", help="cells whose name has this text")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    given = parser.parse_args()
    replicates = 40 if given.quick else given.replicates
    results = Results(
        "Coverage of comparisons",
        f"{replicates:,} pairs of runs a cell, nominal 95 %; as the product compares them.",
    )
    cells = [
        (at, kind, n)
        for at, kind in enumerate(_kinds())
        for n in SIZES
        if given.only in f"{kind.what}, {n:,} pairs"
    ]
    with ProcessPoolExecutor(given.processes) as pool:
        waiting = [pool.submit(measure, kind, at, n, replicates) for at, kind, n in cells]
        found = [
            tell(kind, n, one.result(), results)
            for (_, kind, n), one in zip(cells, waiting, strict=True)
        ]
    tell_all(cells, found, results)
    wrong = faults(cells, found)
    results.write(json=given.json, markdown=given.markdown)
    if wrong and not given.quick:
        raise SystemExit(" ".join(wrong))


def tell(kind: Kind, n: int, counted: Counted, results: Results) -> Counted:
    """Write down what became of a cell, as soon as it is known."""
    missing = f"; {counted.n_without} without an interval" if counted.n_without else ""
    rejected = f"; p at most 0.05 in {_rejections(counted):.2f} %" if kind.is_null else ""
    results.row(
        what=f"{kind.what}, {n:,} pairs",
        ours=_coverage(counted),
        unit="% of intervals hold the gain",
        note=f"gain {counted.truth:.4g}, mean width {counted.width:.3g}{rejected}{missing}",
    )
    return counted


def tell_all(cells: list[tuple[int, Kind, int]], found: list[Counted], results: Results) -> None:
    nulls = [
        _rejections(one) for (_, kind, _), one in zip(cells, found, strict=True) if kind.is_null
    ]
    results.row(
        what="All cells: coverage",
        ours=float(np.mean([_coverage(one) for one in found])),
        unit="%, the mean of the cells",
        note=f"from {min(map(_coverage, found)):.1f} to {max(map(_coverage, found)):.1f}",
    )
    if nulls:
        results.row(
            what="All true nulls: p at most 0.05",
            ours=float(np.mean(nulls)),
            unit="%, the mean of the cells",
            note=f"from {min(nulls):.1f} to {max(nulls):.1f}",
        )


def faults(cells: list[tuple[int, Kind, int]], found: list[Counted]) -> list[str]:
    """Return what breaks the promise, in sentences."""
    coverage = [_coverage(one) for one in found]
    nulls = [
        _rejections(one) for (_, kind, _), one in zip(cells, found, strict=True) if kind.is_null
    ]
    wrong = []
    if not COVERAGE[0] <= np.mean(coverage) <= COVERAGE[1]:
        wrong.append(f"Coverage averages {np.mean(coverage):.2f} %.")
    if nulls and not REJECTIONS[0] <= np.mean(nulls) <= REJECTIONS[1]:
        wrong.append(f"Rejections average {np.mean(nulls):.2f} %.")
    for (_, kind, n), one in zip(cells, found, strict=True):
        name = f"{kind.what}, {n:,} pairs"
        if _coverage(one) < LEAST_COVERAGE:
            wrong.append(f"{name}: coverage {_coverage(one):.2f} %.")
        if kind.is_null and _rejections(one) > MOST_REJECTIONS:
            wrong.append(f"{name}: {_rejections(one):.2f} % rejected.")
        if one.n_flat:
            wrong.append(f"{name}: {one.n_flat} intervals of width 0.")
    return wrong


def _coverage(counted: Counted) -> float:
    return 100 * counted.n_held / counted.n


def _rejections(counted: Counted) -> float:
    return 100 * counted.n_rejected / counted.n


if __name__ == "__main__":
    main()
