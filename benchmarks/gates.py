"""How often a gate errs: passes a run that is worse by the margin, or fails one that is not.

No speed: each cell draws paired runs whose true gain is known and asks the gate about them. Three
kinds: worse by exactly the margin on every metric (to pass it is an error, and so is to fail it:
it is worse by no more than the margin), as good as the baseline (to fail it is an error), and
worse by exactly the margin on one metric of three while the others are as good (to pass is an
error). Ends with an error where either leaves 5 % by more than the draws themselves can.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from results import Results, add_arguments

from metrics.base import Family
from metrics.batch import Floats
from metrics.statistics.gating import Answer, bound, judge
from metrics.statistics.pairs import compare
from metrics.statistics.yardstick import Column, Yardstick

MARGIN = 0.05
LEVEL = 0.05
SIZES = 100, 1_000
# How many standard errors of a simulated share may lie above 5 %: 1 of 1,000 exact cells.
ALLOWED = 3.1
YES_NO = Yardstick(family=Family.BINARY, low=0.0, high=1.0)
LIKERT = Yardstick(family=Family.MEAN, low=1.0, high=5.0)
SHARE = Yardstick(family=Family.MEAN, low=0.0, high=1.0)

Draw = Callable[[np.random.Generator, int, float], tuple[Floats, Floats]]


def binary(discordance: float) -> Draw:
    """Draw answers of which a share differs between the sides, the candidate's gain known."""

    def draw(rng: np.random.Generator, n: int, gain: float) -> tuple[Floats, Floats]:
        kind = rng.random(n)
        lost, won = (discordance - gain) / 2, (discordance + gain) / 2
        alike = (rng.random(n) < 0.7).astype(float)
        before = np.where(kind < lost, 1.0, np.where(kind < lost + won, 0.0, alike))
        after = np.where(kind < lost, 0.0, np.where(kind < lost + won, 1.0, alike))
        return before, after

    return draw


def likert(rng: np.random.Generator, n: int, gain: float) -> tuple[Floats, Floats]:
    """Draw ratings 1 to 5: a third moves by a point, more of them down than up by the gain."""
    before = rng.choice([2.0, 3.0, 4.0], p=[0.2, 0.3, 0.5], size=n)
    kind = rng.random(n)
    lost, won = (1 / 3 - gain) / 2, (1 / 3 + gain) / 2
    moved = np.where(kind < lost, -1.0, np.where(kind < lost + won, 1.0, 0.0))
    return before, before + moved


def continuous(rng: np.random.Generator, n: int, gain: float) -> tuple[Floats, Floats]:
    """Draw skewed scores of 0 to 1 whose differences are symmetric."""
    before = rng.beta(4.0, 2.0, size=n) * 0.5 + 0.25
    return before, before + rng.normal(gain, 0.06, size=n)


def skewed(rng: np.random.Generator, n: int, gain: float) -> tuple[Floats, Floats]:
    """Draw scores whose differences are skewed as well, by 1.4."""
    before = rng.beta(4.0, 2.0, size=n) * 0.5 + 0.25
    moved = rng.gamma(2.0, 0.04, size=n) - 0.08
    return before, before + moved + gain


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One kind of metric at one size, and its margin.

    Nothing is promised of differences as skewed as `skewed` draws them: a one-sided t test on
    some hundred of them is off, and the cell says by how much.
    """

    what: str
    draw: Draw
    yardstick: Yardstick
    n: int
    margin: float = MARGIN
    is_promised: bool = True


CELLS = [
    Cell(
        what=what,
        draw=draw,
        yardstick=yardstick,
        n=n,
        margin=margin,
        is_promised=draw is not skewed,
    )
    for n in SIZES
    for what, draw, yardstick, margin in (
        ("binary, 10 % differ", binary(0.1), YES_NO, MARGIN),
        ("binary, 30 % differ", binary(0.3), YES_NO, MARGIN),
        ("Likert", likert, LIKERT, 0.1),
        ("continuous", continuous, SHARE, 0.02),
        ("continuous, differences skewed by 1.4", skewed, SHARE, 0.02),
    )
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    parser.add_argument("--replicates", type=int, default=4_000, help="gates of each cell")
    parser.add_argument("--only", default="", help="cells whose name has this text")
    given = parser.parse_args()
    n = 100 if given.quick else given.replicates
    results = Results(
        "Errors of gates",
        f"{n:,} gates a cell, at most 5 % by promise; one standard error of a share of 5 % is "
        f"{100 * math.sqrt(LEVEL * (1 - LEVEL) / n):.2f} points. Three metrics: independent, with "
        "one margin each.",
    )
    outside = [
        cell.what for cell in CELLS if given.only in cell.what and measure(cell, n, results)
    ]
    results.write(json=given.json, markdown=given.markdown)
    if outside and not given.quick:
        raise SystemExit(f"Above 5 %: {', '.join(outside)}.")


def measure(cell: Cell, replicates: int, results: Results) -> bool:
    """Write down how often a cell's gates err, and tell whether any of it is above 5 %."""
    rng = np.random.Generator(np.random.PCG64(20_260_101))
    kinds = {
        "1 metric worse by the margin": ([-cell.margin], True),
        "3 metrics worse by the margin": ([-cell.margin] * 3, True),
        "1 of 3 metrics worse by the margin": ([-cell.margin, 0.0, 0.0], True),
        "3 metrics as good": ([0.0] * 3, False),
    }
    most = LEVEL + ALLOWED * math.sqrt(LEVEL * (1 - LEVEL) / replicates)
    is_outside = False
    for what, (gains, is_pass_wrong) in kinds.items():
        said = [ask(cell, gains, rng) for _ in range(replicates)]
        passed = said.count(Answer.PASS) / replicates
        failed = said.count(Answer.FAIL) / replicates
        errs = (is_pass_wrong and passed > most) or failed > most
        is_outside |= errs and cell.is_promised
        name = f"{cell.what}, n = {cell.n:,}: {what}"
        note = "" if cell.is_promised else "not promised"
        results.row(
            what=name,
            ours=100 * passed,
            unit="% passed" + (", an error" if is_pass_wrong else ", right"),
            note=note,
        )
        results.row(what=name, ours=100 * failed, unit="% failed, an error", note=note)
    return is_outside


def ask(cell: Cell, gains: list[float], rng: np.random.Generator) -> Answer:
    """Ask a gate of as many metrics as there are gains."""
    bounds = []
    for gain in gains:
        before, after = (Column(values=side) for side in cell.draw(rng, cell.n, gain))
        bounds.append(bound(compare(before, after, cell.yardstick), margin=cell.margin))
    return judge(bounds)[0]


if __name__ == "__main__":
    main()
