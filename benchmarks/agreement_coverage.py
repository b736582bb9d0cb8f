"""How often alpha's interval holds the truth, where outputs of one example resemble each other.

No speed: each cell makes campaigns of one kind, takes alpha of them with its interval over
examples (or clusters), and counts how many nominal 95 % intervals hold the truth, which is alpha
of a campaign of 200,000 examples. Three of five people answer all outputs of an example; examples
differ in what is right, in how hard they are, and people in how severe. The same for Cohen's kappa
of two people, beside the interval that is usually printed. Ends with an error where coverage
leaves 93 to 97 %.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from results import Results, add_arguments

from metrics.batch import Codes, Floats
from metrics.statistics.agreement import Answers, Level
from metrics.statistics.agreement.cohen import PairKappa, cohens_kappas
from metrics.statistics.agreement.coincidences import alphas
from metrics.statistics.agreement.distances import Weighing
from metrics.statistics.agreement.jackknife import Spread, jackknifed

BAND = 93.0, 97.0
PANEL, OVERLAP = 5, 3
SEVERITY = np.array([-0.3, -0.1, 0.0, 0.1, 0.3])
MANY = 200_000
NORMAL = 1.959964
SEED = 20_260_101

Rng = np.random.Generator
# From each unit's example and annotators (units, OVERLAP) to what they answer (units, OVERLAP).
Process = Callable[[Rng, Codes, Codes], Floats]


def options(*shares: float, hard: tuple[float, float]) -> Process:
    """Options: half of the outputs are as their example is; who finds it hard guesses."""
    chances = np.array(shares)

    def answer(rng: Rng, example: Codes, annotators: Codes) -> Floats:
        n, n_examples = len(example), int(example.max()) + 1
        usual = rng.choice(len(chances), n_examples, p=chances)[example]
        own = rng.choice(len(chances), n, p=chances)
        truth = np.where(rng.random(n) < 0.5, usual, own)
        guesses = rng.random(annotators.shape) < rng.beta(*hard, n_examples)[example][:, None]
        guessed = rng.choice(len(chances), annotators.shape, p=chances)
        return np.where(guesses, guessed, truth[:, None]).astype(float)

    return answer


def points(*cuts: float, noise: float = 0.7) -> Process:
    """A scale of points: what is felt, cut at thresholds; without any, in tenths."""

    def answer(rng: Rng, example: Codes, annotators: Codes) -> Floats:
        n, n_examples = len(example), int(example.max()) + 1
        worth = 0.8 * rng.normal(size=n_examples)[example] + 0.6 * rng.normal(size=n)
        hard = np.exp(0.5 * rng.normal(size=n_examples))[example]
        felt = noise * hard[:, None] * rng.normal(size=annotators.shape) + worth[:, None]
        felt += SEVERITY[annotators]
        return np.searchsorted(cuts, felt).astype(float) if cuts else np.round(10 * felt)

    return answer


def penalties(rng: Rng, example: Codes, annotators: Codes) -> Floats:
    """Points off for errors: mostly few, sometimes very many."""
    n, n_examples = len(example), int(example.max()) + 1
    expected = np.exp(0.5 * rng.normal(size=n_examples)[example] + 0.5 * rng.normal(size=n))
    errors = expected[:, None] * np.exp(SEVERITY[annotators])
    return (rng.poisson(errors) + 4 * rng.poisson(0.3 * errors)).astype(float)


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of question, and from how many groups on its intervals are expected to hold."""

    what: str
    level: Level
    process: Process
    least: int = 0


KINDS = (
    Kind(what="yes or no", level=Level.NOMINAL, process=options(0.6, 0.4, hard=(2, 4))),
    Kind(what="yes or no, 10 % yes", level=Level.NOMINAL, process=options(0.9, 0.1, hard=(1, 4))),
    Kind(what="three options", level=Level.NOMINAL, process=options(0.4, 0.35, 0.25, hard=(3, 3))),
    Kind(what="three, clear", level=Level.NOMINAL, process=options(0.4, 0.35, 0.25, hard=(1, 9))),
    Kind(what="five points", level=Level.ORDINAL, process=points(-1.5, -0.5, 0.5, 1.5)),
    Kind(what="five points, most at the top", level=Level.ORDINAL, process=points(-3, -2, -1, 0)),
    Kind(what="a number", level=Level.INTERVAL, process=points()),
    Kind(what="a number, little agreement", level=Level.INTERVAL, process=points(noise=1.5)),
    Kind(what="penalties as ordinal", level=Level.ORDINAL, process=penalties, least=40),
    Kind(what="penalties", level=Level.INTERVAL, process=penalties, least=10**9),
)


OF_TWO, UNITS_OF_TWO = KINDS[:3], (20, 50, 100)


@dataclass(frozen=True, kw_only=True)
class Size:
    """How many independent groups, and from how many to how many outputs each has."""

    groups: int
    outputs: tuple[int, int]
    are_clusters: bool

    @property
    def what(self) -> str:
        noun = "clusters" if self.are_clusters else "examples"
        return f"{self.groups} {noun} of {self.outputs[0]} to {self.outputs[1]} outputs"


SIZES = (
    Size(groups=20, outputs=(5, 30), are_clusters=True),
    Size(groups=40, outputs=(5, 30), are_clusters=True),
    Size(groups=100, outputs=(3, 5), are_clusters=False),
    Size(groups=300, outputs=(3, 5), are_clusters=False),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    parser.add_argument("--replicates", type=int, default=2_000, help="campaigns of each cell")
    parser.add_argument("--only", default="", help="kinds whose name has this text")
    given = parser.parse_args()
    n, many = (50, 2_000) if given.quick else (given.replicates, MANY)
    results = Results(
        "Coverage of alpha",
        f"{n:,} campaigns a cell, nominal 95 %; the reference takes outputs for independent.",
    )
    outside = []
    for kind in KINDS:
        if given.only in kind.what:
            truth = true_alpha(kind, many)
            outside += [
                f"{kind.what}, {size.what}"
                for size in SIZES
                if not measure(kind, size, truth, n, results) and size.groups >= kind.least
            ]
            if kind in OF_TWO:
                measure_kappa(kind, many, n, results)
    results.write(json=given.json, markdown=given.markdown)
    if outside and not given.quick:
        raise SystemExit(f"Outside {BAND[0]:.0f} to {BAND[1]:.0f} %: {'; '.join(outside)}.")


def drawn(rng: Rng, kind: Kind, size: Size) -> Answers:
    """Return the answers of one campaign."""
    outputs = rng.integers(size.outputs[0], size.outputs[1] + 1, size.groups)
    example = np.repeat(np.arange(size.groups), outputs)
    people = rng.permuted(np.tile(np.arange(PANEL), (size.groups, 1)), axis=1)[:, :OVERLAP]
    annotators = people[example]
    values = kind.process(rng, example, annotators)
    units = np.arange(len(example))
    return Answers(
        units=np.repeat(units, OVERLAP),
        annotators=annotators.ravel(),
        values=values.ravel(),
        unit_ids=units,
        annotator_ids=np.arange(PANEL),
        group_of_unit=example,
        are_clusters=size.are_clusters,
    )


def true_alpha(kind: Kind, examples: int) -> float:
    rng = np.random.Generator(np.random.PCG64(SEED))
    many = Size(groups=examples, outputs=(3, 5), are_clusters=False)
    return alphas(drawn(rng, kind, many).pairable().in_blocks(20), kind.level).whole


@dataclass
class Held:
    """How intervals held the truth: of `n`, how many it lay below, and above."""

    n: int = 0
    below: int = 0
    above: int = 0
    widths: list[float] = field(default_factory=list)

    def add(self, spread: Spread, truth: float) -> None:
        if spread.low is None or spread.high is None:
            return
        self.n += 1
        self.below += truth < spread.low
        self.above += truth > spread.high
        self.widths.append(spread.high - spread.low)

    @property
    def percent(self) -> float:
        return 100 * (self.n - self.below - self.above) / self.n


def measure(kind: Kind, size: Size, truth: float, n: int, results: Results) -> bool:
    """Write down a cell's coverage, and tell whether it is within the band."""
    rng = np.random.Generator(np.random.PCG64(SEED))
    held, alone = Held(), Held()
    for _ in range(n):
        answers = drawn(rng, kind, size)
        grouped = answers.pairable()
        if not grouped.varies:
            continue
        sums = alphas(grouped, kind.level)
        held.add(jackknifed(sums.whole, sums.without, are_clusters=size.are_clusters), truth)
        alone.add(_as_if_independent(answers, kind), truth)
    results.row(
        what=f"{kind.what}, {size.what}",
        ours=held.percent,
        reference=alone.percent,
        unit="% of intervals",
        note=_note("alpha", truth, held, n),
    )
    return BAND[0] <= held.percent <= BAND[1]


def _as_if_independent(answers: Answers, kind: Kind) -> Spread:
    loose = replace(answers, group_of_unit=np.arange(len(answers.unit_ids)), are_clusters=False)
    sums = alphas(loose.pairable(), kind.level)
    return jackknifed(sums.whole, sums.without, are_clusters=False)


def measure_kappa(kind: Kind, many: int, n: int, results: Results) -> None:
    """Write down coverage of two people's kappa, and that of ± 1.96 errors beside it."""
    rng = np.random.Generator(np.random.PCG64(SEED))
    truth = _kappa_of_two(rng, kind, many).kappa
    assert truth is not None
    for units in UNITS_OF_TWO:
        held, printed = Held(), Held()
        for _ in range(n):
            found = _kappa_of_two(rng, kind, units)
            if found.kappa is None or found.standard_error is None:
                continue
            held.add(Spread(low=found.low, high=found.high), truth)
            reach = NORMAL * found.standard_error
            printed.add(Spread(low=found.kappa - reach, high=found.kappa + reach), truth)
        results.row(
            what=f"{kind.what}, kappa of two people, {units} units",
            ours=held.percent,
            reference=printed.percent,
            unit="% of intervals",
            note=_note("kappa", truth, held, n) + "; reference: ± 1.96 standard errors",
        )


def _kappa_of_two(rng: Rng, kind: Kind, units: int) -> PairKappa:
    unit, people = np.arange(units), np.tile([0, PANEL - 1], (units, 1))
    answers = Answers.of(
        units=np.repeat(unit, 2),
        annotators=people.ravel(),
        values=kind.process(rng, unit, people).ravel(),
    )
    return cohens_kappas(answers, Weighing.ALIKE)[0]


def _note(what: str, truth: float, held: Held, n: int) -> str:
    above, below = 100 * held.below / held.n, 100 * held.above / held.n
    missing = f"; {n - held.n} without an interval" if held.n < n else ""
    return (
        f"{what} {truth:.3f}, mean width {np.mean(held.widths):.2f}; {above:.1f} % of intervals "
        f"lie above it, {below:.1f} % below{missing}"
    )


if __name__ == "__main__":
    main()
