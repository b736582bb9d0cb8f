"""CPU seconds that the agreement of one question takes: 10,000 units, five answers each.

Alpha with its interval over examples stands beside the krippendorff package, which gives the
value alone; then everything else that the page of a question shows, and the memory of both.
"""

from __future__ import annotations

import argparse
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import krippendorff
import numpy as np
from results import Results, add_arguments

from metrics.batch import Floats
from metrics.statistics.agreement import Answers, Level, alpha_of
from metrics.statistics.agreement.annotators import agreeing, habits, option_rates, severity
from metrics.statistics.agreement.coefficients import fleiss_kappa, gwet, percent_agreement
from metrics.statistics.agreement.cohen import cohens_kappas
from metrics.statistics.agreement.consensus import consensus
from metrics.statistics.agreement.distances import Weighing, disagreements
from metrics.statistics.agreement.leaving_out import left_out
from metrics.statistics.agreement.options import confusion
from metrics.statistics.agreement.parts import by_slice, trend

OUTPUTS_PER_EXAMPLE = 3
KINDS = ((Level.NOMINAL, 5), (Level.ORDINAL, 5), (Level.INTERVAL, 5), (Level.INTERVAL, 101))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    parser.add_argument("--annotators", type=int, default=5, help="who share the units")
    given = parser.parse_args()
    units = 500 if given.quick else 10_000
    results = Results(
        "Speed of agreement", f"{units:,} units of {OUTPUTS_PER_EXAMPLE} to an example, 5 answers."
    )
    for level, n_options in KINDS:
        columns = made(units, n_options, given.annotators)
        measure(columns, table(columns, units, given.annotators), level, n_options, results)
    results.write(json=given.json, markdown=given.markdown)


def measure(
    columns: dict[str, Any], package: Floats, level: Level, n_options: int, results: Results
) -> None:
    """Write down what one kind of question takes, in CPU and in memory."""
    name = f"{level.value}, {n_options} values"
    rest = all_else(Answers.of(**columns), level, n_options)

    def ours() -> None:
        alpha_of(Answers.of(**columns), level)

    def reference() -> None:
        krippendorff.alpha(package, level_of_measurement=level.value)

    note = "reference: the krippendorff package, without an interval"
    alpha, by_package = cpu(ours), cpu(reference)
    what = f"{name}: alpha with interval"
    results.row(what=what, ours=alpha, reference=by_package, unit="CPU seconds", note=note)
    results.row(what=f"{name}: all else", ours=sum(map(cpu, rest)), unit="CPU seconds")
    peak, by_package = max(map(memory, [ours, *rest])), memory(reference)
    results.row(what=f"{name}: memory", ours=peak, reference=by_package, unit="MB at most")


def made(units: int, n_options: int, annotators: int) -> dict[str, Any]:
    """Make answers that agree to a degree, in the columns that agreement takes."""
    rng = np.random.default_rng(1)
    felt = rng.normal(size=units) + 0.7 * rng.normal(size=(5, units))
    cuts = np.quantile(felt, np.arange(1, n_options) / n_options)
    unit = np.tile(np.arange(units), 5)
    people = np.argsort(rng.random((units, annotators)), axis=1)[:, :5].T.ravel()
    return {
        "units": unit,
        "annotators": people,
        "values": np.searchsorted(cuts, felt).astype(float).ravel(),
        "groups": unit // OUTPUTS_PER_EXAMPLE,
        "order": rng.permutation(5 * units),
    }


def table(columns: dict[str, Any], units: int, annotators: int) -> Floats:
    """Return annotators by units, as the package takes them."""
    filled = np.full((annotators, units), np.nan)
    filled[columns["annotators"], columns["units"]] = columns["values"]
    return filled


def all_else(answers: Answers, level: Level, n_options: int) -> list[Callable[[], object]]:
    options = np.arange(n_options)
    weighing = Weighing.ALIKE if level is Level.NOMINAL else Weighing.LINEAR
    slices = np.arange(len(answers.unit_ids)) % 5
    by_person: Callable[[], object] = (
        (lambda: option_rates(answers, options))
        if level is Level.NOMINAL
        else (lambda: severity(answers))
    )
    few_options: list[Callable[[], object]] = [
        lambda: confusion(answers, options),
        lambda: consensus(answers, options),
    ]
    return [
        lambda: percent_agreement(answers),
        lambda: fleiss_kappa(answers),
        lambda: gwet(answers, options, weighing),
        lambda: cohens_kappas(answers, weighing),
        lambda: left_out(answers, level),
        by_person,
        lambda: agreeing(answers),
        lambda: habits(answers),
        lambda: disagreements(answers, level),
        lambda: trend(answers, level),
        lambda: by_slice(answers, level, slices),
        *(few_options if n_options < 20 else []),
    ]


def memory(work: Callable[[], object]) -> float:
    """Return the most megabytes that some work holds at once."""
    tracemalloc.start()
    work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 1e6


def cpu(work: Callable[[], object]) -> float:
    """Return the least CPU seconds of three times."""
    taken = []
    for _ in range(3):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return min(taken)


if __name__ == "__main__":
    main()
