"""How often a history of runs shows a change of level that is not there, and one that is.

No speed: each cell makes histories of 50 runs. In flat ones only chance moves the values, with
standard errors that are equal or of very different size, known or not; the others have one step.
Ends with an error where flat histories are flagged more often than 1 in 100.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from results import Results, add_arguments

from metrics.batch import Floats
from metrics.statistics.change_points import LEVEL, change_points

RUNS, ERROR, MOST = 50, 0.01, 1.0
# How many examples a run has, as its error: one size, drawn sizes, and two that alternate.
ERRORS = ("alike", "drawn", "two sizes")
STEPS, PLACES = (1.5, 2.0, 3.0, 4.0), (25, 40, 46)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    parser.add_argument("--replicates", type=int, default=1_000, help="histories of each cell")
    given = parser.parse_args()
    n = 20 if given.quick else given.replicates
    results = Results(
        "Changes of level in histories of runs",
        f"{RUNS} runs, {n:,} histories a cell, level {100 * LEVEL:g} % for a whole history. "
        "Steps are in standard errors of one run; found is a flag within two runs of the step.",
    )
    flat = [
        _flat(kind, known=known, n=n, results=results)
        for kind in ERRORS
        for known in (True, False)
    ]
    for step in STEPS:
        for place in PLACES:
            _stepped(step, place, n, results)
    results.write(json=given.json, markdown=given.markdown)
    if max(flat) > MOST and not given.quick:
        raise SystemExit(f"Flat histories are flagged in {max(flat):.1f} %.")


def _flat(kind: str, *, known: bool, n: int, results: Results) -> float:
    rng = np.random.Generator(np.random.PCG64(20_261_126))
    flagged = 0
    for seed in range(n):
        errors = _errors(kind, rng)
        values = 0.7 + rng.normal(0, errors)
        flagged += bool(change_points(values, errors if known else None, seed=seed).points)
    return results.row(
        what=f"no step, errors {kind}, {'known' if known else 'not known'}",
        ours=100 * flagged / n,
        unit="% of histories flagged",
    ).ours


def _errors(kind: str, rng: np.random.Generator) -> Floats:
    if kind == "alike":
        return np.full(RUNS, ERROR)
    if kind == "drawn":
        return rng.uniform(ERROR / 2, 2 * ERROR, RUNS)
    return np.where(rng.random(RUNS) < 0.5, ERROR, 4 * ERROR)


def _stepped(step: float, place: int, n: int, results: Results) -> None:
    rng = np.random.Generator(np.random.PCG64(20_261_127))
    found = several = 0
    for seed in range(n):
        values = np.where(np.arange(RUNS) < place, 0.7, 0.7 - step * ERROR)
        values += rng.normal(0, ERROR, RUNS)
        at = [point.at for point in change_points(values, seed=seed).points]
        found += any(abs(one - place) <= 2 for one in at)
        several += len(at) > 1
    results.row(
        what=f"a step of {step:g} before run {place + 1}",
        ours=100 * found / n,
        unit="% of steps found",
        note=f"more than one flag in {100 * several / n:.1f} %",
    )


if __name__ == "__main__":
    main()
