"""Score texts with EvalHub's metrics and with the libraries that define them, and compare.

Both do the same texts in one process, in turns, and the medians of CPU seconds are compared.
*Cold* means that nothing of these texts was seen before: our stems and the libraries' own
memories are emptied. *Warm* means that EvalHub has scored other outputs against the same
references, as it has after the first run of a dataset. Every value is compared with the library's,
to the bit.
"""

from __future__ import annotations

import argparse
import gc
import resource
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from pairs import Pairs
from results import Results, add_arguments
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics import BLEU, CHRF, TER
from sacrebleu.metrics.base import Metric as Sacrebleu
from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a
from sacrebleu.tokenizers.tokenizer_re import TokenizerRegexp
from sacrebleu.tokenizers.tokenizer_ter import TercomTokenizer

from metrics.base import Metric, score_many
from metrics.batch import Batch
from metrics.cache import TextCache
from metrics.catalog import build, read_spec
from metrics.overlap.stems import remembered

UNIT = "pairs per CPU second"
CHUNK = 500
MEGABYTE = 1024

Values = list[list[float]]


@dataclass(frozen=True)
class Contest:
    """The same values twice: from metrics of ours, and from a library, for pairs of texts."""

    what: str
    specs: Sequence[str]
    theirs: Callable[[Pairs], Values]
    params: tuple[tuple[str, object], ...] = ()
    share: float = 1.0

    @property
    def metrics(self) -> list[Metric]:
        return [build(read_spec({"name": n, "params": dict(self.params)})) for n in self.specs]


def sacrebleu(make: Callable[[], Sacrebleu], pairs: Pairs) -> Values:
    """Return one sentence score per pair, by a library that has seen none of the texts."""
    for tokenizer in (Tokenizer13a, TokenizerRegexp, TercomTokenizer):
        tokenizer.__call__.cache_clear()
    metric = make()
    return [
        [metric.sentence_score(output, [reference]).score]
        for output, reference in zip(pairs.outputs, pairs.references, strict=True)
    ]


def rouge_score(types: Sequence[str], pairs: Pairs, *, stemmer: bool = False) -> Values:
    """Return the F values of each pair."""
    scorer = RougeScorer(types, use_stemmer=stemmer)
    found = map(scorer.score, pairs.references, pairs.outputs)
    return [[float(scores[kind].fmeasure) for kind in types] for scores in found]


ROUGE = ("rouge1", "rouge2", "rougeL")
CONTESTS = (
    Contest(
        "ROUGE-1+2+L beside rouge-score",
        ("rouge_1", "rouge_2", "rouge_l"),
        partial(rouge_score, ROUGE),
        share=0.5,
    ),
    Contest(
        "ROUGE-1+2+L with stemmer beside rouge-score",
        ("rouge_1", "rouge_2", "rouge_l"),
        partial(rouge_score, ROUGE, stemmer=True),
        params=(("stemmer", True),),
        share=0.5,
    ),
    Contest(
        "ROUGE-Lsum beside rouge-score",
        ("rouge_lsum",),
        partial(rouge_score, ("rougeLsum",)),
        share=0.5,
    ),
    Contest(
        "BLEU beside sacrebleu",
        ("bleu",),
        partial(sacrebleu, partial(BLEU, effective_order=True)),
    ),
    Contest("chrF beside sacrebleu", ("chrf",), partial(sacrebleu, CHRF)),
    Contest(
        "chrF++ beside sacrebleu", ("chrf_pp",), partial(sacrebleu, partial(CHRF, word_order=2))
    ),
    Contest("TER beside sacrebleu", ("ter",), partial(sacrebleu, TER), share=0.05),
)


def main() -> None:
    given = _arguments()
    contests = [one for one in CONTESTS if given.only in one.what]
    results = Results("Scoring alone", _setting(given))
    for contest in contests:
        measure(contest, given, results)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MEGABYTE
    results.row(what="Peak memory, libraries included", ours=round(peak), unit="MB")
    results.write(json=given.json, markdown=given.markdown)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    parser.add_argument("--pairs", type=int, default=1_000, help="pairs in each repetition")
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument(
        "--texts", type=Path, help="JSONL of output and reference, instead of made texts"
    )
    parser.add_argument("--only", default="", help="contests whose title has this text")
    given = parser.parse_args()
    if given.quick:
        given.pairs, given.repeat = 100, 3
    return given


def _setting(given: argparse.Namespace) -> str:
    texts = "made texts of about 78 and 65 words, half not all ASCII"
    if given.texts:
        texts = f"the texts of {given.texts.name}"
    return (
        f"{given.pairs:,} pairs at most, {texts}; one process, medians of {given.repeat} turns of "
        f"CPU time; a part of the pairs where the library is slow, the same for both."
    )


def measure(contest: Contest, given: argparse.Namespace, results: Results) -> None:
    """Let both score the same texts in turns, and compare the values."""
    libraries, cold, warm = [], [], []
    for turn in range(given.repeat):
        pairs = _pairs(given, turn, contest.share)
        seconds, values = _timed(partial(contest.theirs, pairs))
        libraries.append(len(pairs) / seconds)
        remembered.cache_clear()
        seconds, found = _timed(partial(score, contest.metrics, pairs, TextCache()))
        cold.append(len(pairs) / seconds)
        cache = TextCache()
        score(contest.metrics, Pairs(pairs.outputs[::-1], pairs.references), cache)
        seconds, found_again = _timed(partial(score, contest.metrics, pairs, cache))
        warm.append(len(pairs) / seconds)
        assert found == values == found_again, f"{contest.what}: the values differ"
    for name, rates in (("cold", cold), ("warm", warm)):
        ratios = [ours / library for ours, library in zip(rates, libraries, strict=True)]
        results.row(
            what=f"{contest.what}, {name}",
            ours=median(rates),
            reference=median(libraries),
            ratio=median(ratios),
            unit=UNIT,
            note=f"ratios {min(ratios):.1f} to {max(ratios):.1f}",
        )


def _pairs(given: argparse.Namespace, turn: int, share: float) -> Pairs:
    if not given.texts:
        return Pairs.made(max(int(given.pairs * share), 20), seed=turn)
    whole = Pairs.read(given.texts)
    size = max(int(min(given.pairs, len(whole)) * share), 1)
    start = turn * size % max(len(whole) - size + 1, 1)
    return whole.part(start, start + size)


def score(metrics: Sequence[Metric], pairs: Pairs, cache: TextCache) -> Values:
    """Score pairs in chunks, as a worker does."""
    values: Values = []
    for start in range(0, len(pairs), CHUNK):
        part = pairs.part(start, start + CHUNK)
        batch = Batch(
            outputs=part.outputs,
            expected_outputs=part.references,
            references=[()] * len(part),
        )
        columns = [scores.values.tolist() for scores in score_many(metrics, batch, cache)]
        values += map(list, zip(*columns, strict=True))
    return values


def _timed(act: Callable[[], Values]) -> tuple[float, Values]:
    gc.collect()
    started = time.process_time()
    result = act()
    return time.process_time() - started, result


if __name__ == "__main__":
    main()
