"""How often a human score's interval holds the mean that other annotators would give too.

No speed: each cell makes answers of a panel drawn from endlessly many annotators, some severer
than others, and counts the nominal 95 % intervals "for annotators like these" that hold the mean
of all of them; beside it the intervals that speak for the panel alone. Ends with an error under
93 %: where annotators differ little the interval is careful.
"""

from __future__ import annotations

import argparse
import sys
from itertools import product
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from results import Results, Row, add_arguments
from scipy import special

from metrics.batch import Floats
from metrics.statistics.two_way import TwoWayMean, two_way_mean

LEAST = 93.0
EXAMPLES = 60
ANNOTATORS, OVERLAPS, SEVERITIES = (5, 8, 20), (2, 5), (0.0, 0.3, 1.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    parser.add_argument("--replicates", type=int, default=2_000, help="panels of each cell")
    given = parser.parse_args()
    n = 50 if given.quick else given.replicates
    results = Results(
        "Coverage of human scores for annotators like these",
        f"{EXAMPLES} examples, {n:,} panels a cell, nominal 95 %; outputs and single answers vary "
        "with a standard deviation of 1, annotators with their severity. The reference is the "
        "interval of the panel.",
    )
    found = [measure(*cell, n, results).ours for cell in product(ANNOTATORS, OVERLAPS, SEVERITIES)]
    results.write(json=given.json, markdown=given.markdown)
    if min(found) < LEAST and not given.quick:
        raise SystemExit(f"A cell covers only {min(found):.1f} %.")


def measure(annotators: int, overlap: int, severity: float, n: int, results: Results) -> Row:
    """Write down how many intervals of a cell hold the mean, which is 0."""
    rng = np.random.Generator(np.random.PCG64(20_260_102))
    panels = [two_way_mean(**_answers(rng, annotators, overlap, severity)) for _ in range(n)]
    return results.row(
        what=f"{annotators} annotators, {overlap} for each output, severity {severity:g}",
        ours=100 * np.mean([panel.low <= 0.0 <= panel.high for panel in panels]).item(),
        reference=100 * np.mean([_is_held_by_panel(panel) for panel in panels]).item(),
        unit="% of intervals",
        note=f"the larger way alone in {100 * np.mean([bool(p.note) for p in panels]):.0f} %",
    )


def _answers(
    rng: np.random.Generator, annotators: int, overlap: int, severity: float
) -> dict[str, Floats]:
    people = rng.permuted(np.tile(np.arange(annotators), (EXAMPLES, 1)), axis=1)[:, :overlap]
    people = people.ravel()
    examples = np.repeat(np.arange(EXAMPLES), overlap)
    values = rng.normal(0, 1, EXAMPLES)[examples] + rng.normal(0, 1, len(examples))
    values += rng.normal(0, severity, annotators)[people]
    return {"values": values, "units": examples, "examples": examples, "annotators": people}


def _is_held_by_panel(found: TwoWayMean) -> bool:
    reach = special.stdtrit(EXAMPLES - 1, 0.975) * found.panel_error
    return bool(abs(found.value) <= reach)


if __name__ == "__main__":
    main()
