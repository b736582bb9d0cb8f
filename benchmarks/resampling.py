"""CPU of one resample of one corpus metric: ours beside sacrebleu's paired bootstrap.

Comparisons of corpus metrics under 200 examples swap sides at random, 10,000 times. The texts and
their sentence statistics are the same for both; of sacrebleu only its resampling is timed, with
the statistics extracted beforehand.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from results import Results, add_arguments
from sacrebleu.metrics import BLEU, CHRF
from sacrebleu.metrics.base import Metric as Sacrebleu
from sacrebleu.significance import _paired_bs_test
from texts import Texts

from metrics.base import Metric
from metrics.batch import Batch
from metrics.overlap.bleu import Bleu
from metrics.overlap.chrf import Chrf
from metrics.statistics.pairs import compare
from metrics.statistics.randomization import FLIPS
from metrics.statistics.yardstick import Column, Yardstick

EXAMPLES = 199  # the most for which comparisons resample
THEIR_RESAMPLES = 1_000
GOAL = 25.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    parser.add_argument("--repeat", type=int, default=7)
    given = parser.parse_args()
    repeat = 3 if given.quick else given.repeat
    results = Results("Resampling", f"{EXAMPLES} examples, medians of {repeat} turns of CPU time")
    for ours, theirs in ((Bleu(), BLEU()), (Chrf(), CHRF())):
        measure(ours, theirs, repeat, results)
    results.write(json=given.json, markdown=given.markdown)


def measure(ours: Metric, theirs: Sacrebleu, repeat: int, results: Results) -> None:
    """Let both resample the same two systems in turns."""
    sides = [Texts.of(EXAMPLES, seed=3, system=system) for system in (0, 1)]
    columns = [_column(ours, texts) for texts in sides]
    references = [list(sides[0].expected)]
    stats = [theirs._extract_corpus_statistics(one.outputs, references) for one in sides]  # noqa: SLF001
    known = {"it": (stats[0], theirs.corpus_score(list(sides[0].outputs), references))}
    theirs._extract_corpus_statistics = lambda *_: stats[1]  # type: ignore[method-assign]  # noqa: SLF001
    candidate = list(sides[1].outputs)
    mine, library = [], []
    for seed in range(repeat):
        started = time.process_time()
        found = compare(*columns, Yardstick.of(ours), seed=seed)
        mine.append(1e6 * (time.process_time() - started) / FLIPS)
        assert "approximate randomization" in found.method, found.method
        started = time.process_time()
        _paired_bs_test(
            known, "it", candidate, None, {"it": theirs}, n_samples=THEIR_RESAMPLES, seed=seed
        )
        library.append(1e6 * (time.process_time() - started) / THEIR_RESAMPLES)
    results.row(
        what=f"{ours.name}, one resample",
        ours=median(mine),
        reference=median(library),
        ratio=median(library) / median(mine),
        unit="CPU µs; the ratio is the library's by ours",
        note=f"the goal is {GOAL:.0f} times less",
    )


def _column(metric: Metric, texts: Texts) -> Column:
    scores = metric.score(
        Batch(
            outputs=texts.outputs,
            expected_outputs=texts.expected,
            references=[()] * EXAMPLES,
        )
    )
    return Column(values=scores.values, statistics=scores.statistics)


if __name__ == "__main__":
    main()
