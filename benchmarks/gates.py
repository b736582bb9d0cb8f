"""How often a gate errs: passes a run that is worse by the margin, or fails one that is not.

No speed: each cell draws paired runs whose true gain is known and asks the gate about them. Four
kinds: worse by exactly the margin on one metric and on all of three (to pass it is an error, and
so is to fail it: it is worse by no more than the margin), worse on one metric of three while the
others are as good (to pass is an error), and as good on all of three (to fail is an error). Ends
with an error where either leaves 5 % by more than the draws themselves can.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from comparisons import Drawn, Rng, corpus, drawn, in_clusters, true_corpus_gain
from results import Results, add_arguments

from metrics.base import Family, Metric
from metrics.overlap.bleu import Bleu
from metrics.overlap.chrf import Chrf
from metrics.statistics import randomization
from metrics.statistics.gating import Answer, Bound, bound, judge
from metrics.statistics.pairs import compare
from metrics.statistics.yardstick import Yardstick

SEED = 20_260_101
LEVEL = 0.05
SIZES = 100, 1_000
# How many standard errors of a simulated share may lie above 5 %: 1 of 1,000 exact cells.
ALLOWED = 3.1
# A comparison under 200 texts or 30 clusters also swaps sides, 10,000 times. A gate's bounds do
# not rest on that, so that here a few do.
SWAPS = 199
EVERY = 1  # so many outputs lack their last word
YES_NO = Yardstick(family=Family.BINARY, low=0.0, high=1.0)
LIKERT = Yardstick(family=Family.MEAN, low=1.0, high=5.0)
SHARE = Yardstick(family=Family.MEAN, low=0.0, high=1.0)
ENDLESS = Yardstick(family=Family.MEAN)

Draw = Callable[[Rng, int, float], Drawn]


def binary(rng: Rng, n: int, gain: float, *, discordance: float) -> Drawn:
    """Draw answers of which a share differs between the sides."""
    kind = rng.random(n)
    lost, won = (discordance - gain) / 2, (discordance + gain) / 2
    alike = (rng.random(n) < 0.7).astype(float)
    before = np.where(kind < lost, 1.0, np.where(kind < lost + won, 0.0, alike))
    return drawn(before, np.where(kind < lost, 0.0, np.where(kind < lost + won, 1.0, alike)))


def likert(rng: Rng, n: int, gain: float) -> Drawn:
    """Draw ratings 1 to 5: a third moves by a point, more of them down than up by the gain."""
    before = rng.choice([2.0, 3.0, 4.0], p=[0.2, 0.3, 0.5], size=n)
    kind = rng.random(n)
    lost, won = (1 / 3 - gain) / 2, (1 / 3 + gain) / 2
    moved = np.where(kind < lost, -1.0, np.where(kind < lost + won, 1.0, 0.0))
    return drawn(before, before + moved)


def likert_spoiled(rng: Rng, n: int, gain: float) -> Drawn:
    """Draw ratings of which a few fall from 5 to 1, and of the others enough rise by a point."""
    falls, rises = 0.05, 0.2 + gain
    kind = rng.random(n)
    fell, rose = kind < falls, kind >= 1 - rises
    return drawn(np.where(fell, 5.0, 4.0), np.where(fell, 1.0, np.where(rose, 5.0, 4.0)))


def continuous(rng: Rng, n: int, gain: float) -> Drawn:
    """Draw skewed scores of 0 to 1 whose differences are symmetric."""
    before = rng.beta(4.0, 2.0, size=n) * 0.5 + 0.25
    return drawn(before, before + rng.normal(gain, 0.06, size=n))


def skewed(rng: Rng, n: int, gain: float, *, shape: float, sign: float) -> Drawn:
    """Draw scores whose differences are skewed as well: by 2 over the root of the shape."""
    before = rng.beta(4.0, 2.0, size=n) * 0.5 + 0.25
    moved = 0.056 * (rng.gamma(shape, size=n) - shape) / math.sqrt(shape)
    return drawn(before, before + sign * moved + gain)


def clustered(
    rng: Rng, n: int, gain: float, *, groups: int, is_binary: bool = False, uneven: float = 0.0
) -> Drawn:
    """Draw examples of documents."""
    return in_clusters(rng, n, groups=groups, gain=gain, is_binary=is_binary, uneven=uneven)


def texts(rng: Rng, n: int, gain: float, *, metric: type[Metric], groups: int = 0) -> Drawn:
    """Draw outputs of two systems, one of which leaves every last word out, or no gain."""
    return corpus(rng, n, metric=metric, is_null=not gain, groups=groups, every=EVERY)


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One kind of metric at one size, and its margin."""

    what: str
    draw: Draw
    yardstick: Yardstick
    n: int
    margin: float

    @property
    def name(self) -> str:
        return f"{self.what}, n = {self.n:,}"


def cells() -> list[Cell]:
    kinds: list[tuple[str, Draw, Yardstick, float]] = [
        ("binary, 10 % differ", partial(binary, discordance=0.1), YES_NO, 0.05),
        ("binary, 30 % differ", partial(binary, discordance=0.3), YES_NO, 0.05),
        ("Likert", likert, LIKERT, 0.1),
        ("Likert, a few spoiled", likert_spoiled, LIKERT, 0.1),
        ("continuous", continuous, SHARE, 0.02),
        *(_skewed(shape, sign) for shape in (2.0, 1.0) for sign in (1.0, -1.0)),
        ("a number, 20 clusters", partial(clustered, groups=20), ENDLESS, 0.3),
        ("a number, 50 clusters", partial(clustered, groups=50), ENDLESS, 0.3),
        ("binary, 50 clusters", partial(clustered, groups=50, is_binary=True), YES_NO, 0.05),
        (
            "a number, 50 clusters of very uneven size",
            partial(clustered, groups=50, uneven=0.8),
            ENDLESS,
            0.3,
        ),
    ]
    of_examples = [
        Cell(
            what=what,
            draw=draw,
            yardstick=yardstick,
            n=n,
            margin=margin,
        )
        for n in SIZES
        for what, draw, yardstick, margin in kinds
    ]
    return of_examples + [
        _of_texts(metric, n, groups)
        for n in SIZES
        for metric in (Bleu, Chrf)
        for groups in (0, 30)
    ]


def _skewed(shape: float, sign: float) -> tuple[str, Draw, Yardstick, float]:
    what = f"continuous, differences skewed by {sign * 2 / math.sqrt(shape):.1f}"
    return what, partial(skewed, shape=shape, sign=sign), SHARE, 0.02


def _of_texts(metric: type[Metric], n: int, groups: int) -> Cell:
    return Cell(
        what=metric.name + (f", {groups} clusters" if groups else ""),
        draw=partial(texts, metric=metric, groups=groups),
        yardstick=Yardstick.of(metric()),
        n=n,
        margin=abs(true_corpus_gain(metric, EVERY)),
    )


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What gates of one kind said."""

    kind: str
    n: int
    n_passed: int
    n_failed: int
    is_pass_wrong: bool

    @property
    def is_outside(self) -> bool:
        """Whether an error is above 5 % by more than the draws can explain."""
        most = self.n * (LEVEL + ALLOWED * math.sqrt(LEVEL * (1 - LEVEL) / self.n))
        return self.n_failed > most or (self.is_pass_wrong and self.n_passed > most)


def measure(cell: Cell, replicates: int) -> list[Asked]:
    """Ask gates about one kind of metric: each time about six, three of them worse."""
    randomization.FLIPS = SWAPS
    rng = np.random.Generator(np.random.PCG64([SEED, *cell.name.encode()]))
    said: dict[str, list[Answer]] = {}
    for _ in range(replicates):
        worse, good = ([_bound(cell, gain, rng) for _ in range(3)] for gain in (-cell.margin, 0.0))
        for kind, bounds in {
            "1 metric worse by the margin": worse[:1],
            "3 metrics worse by the margin": worse,
            "1 of 3 metrics worse by the margin": [*worse[:1], *good[:2]],
            "3 metrics as good": good,
        }.items():
            said.setdefault(kind, []).append(judge(bounds)[0])
    return [
        Asked(
            kind=kind,
            n=replicates,
            n_passed=answers.count(Answer.PASS),
            n_failed=answers.count(Answer.FAIL),
            is_pass_wrong="worse" in kind,
        )
        for kind, answers in said.items()
    ]


def _bound(cell: Cell, gain: float, rng: Rng) -> Bound:
    two = cell.draw(rng, cell.n, gain)
    compared = compare(two.baseline, two.candidate, cell.yardstick, clusters=two.clusters)
    return bound(compared, margin=cell.margin)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    parser.add_argument("--replicates", type=int, default=4_000, help="gates of each cell")
    parser.add_argument("--only", default="", help="cells whose name has this text")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    given = parser.parse_args()
    chosen = [cell for cell in cells() if given.only in cell.name]
    replicates = 30 if given.quick else given.replicates
    error = 100 * math.sqrt(LEVEL * (1 - LEVEL) / replicates)
    results = Results(
        "Errors of gates",
        f"{replicates:,} gates a cell, 5 % at most by promise; the standard error of 5 % is "
        f"{error:.2f} points. Three metrics: independent, with one margin each.",
    )
    with ProcessPoolExecutor(given.processes) as pool:
        waiting = [pool.submit(measure, cell, replicates) for cell in chosen]
        outside = [
            cell.name
            for cell, one in zip(chosen, waiting, strict=True)
            if tell(cell, one.result(), results)
        ]
    results.write(json=given.json, markdown=given.markdown)
    if outside and not given.quick:
        raise SystemExit(f"Above 5 %: {', '.join(outside)}.")


def tell(cell: Cell, found: Sequence[Asked], results: Results) -> bool:
    """Write down how often a cell's gates err, and tell whether any of it is above 5 %."""
    for asked in found:
        what = f"{cell.name}: {asked.kind}"
        note = f"{asked.n:,} gates"
        right = "an error" if asked.is_pass_wrong else "right"
        results.row(
            what=what,
            ours=100 * asked.n_passed / asked.n,
            unit=f"% passed, {right}",
            note=note,
        )
        results.row(
            what=what, ours=100 * asked.n_failed / asked.n, unit="% failed, an error", note=note
        )
    return any(asked.is_outside for asked in found)


if __name__ == "__main__":
    main()
