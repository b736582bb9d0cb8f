"""Compare EvalHub's numbers with those of sacrebleu and rouge-score, to the bit, over many texts.

Statistics, sentence values and the run's value, of texts of every odd shape: empty, one word,
white space alone, many scripts, control characters, repeated words, very long lines, one
reference or several. Prints a line for each metric and ends with an error where a bit differs.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics import BLEU, CHRF, TER
from sacrebleu.metrics.base import Metric as Sacrebleu

from metrics.base import run_value
from metrics.batch import Batch
from metrics.catalog import build, read_spec

Rows = tuple[list[str], list[list[str]]]

_PIECES = (
    *"abcAB .,;:-'\"!?()[]{}/\\&%$#@~|^_`<>=+*0123456789\t\n\r\v\x1c\x00",
    *"éßİΣ’“”—…漢字日本ก็😀\u0301\u00a0\u2028\u3000\u200b\ufeff、。！",
    *("<skipped>", "&quot;", "&amp;", "&lt;", "-\n", "..5", "3.14", "1,000", "the ", "running "),
)
_WORDS = (
    *("the", "a", "of", "model", "answers", "question", "in", "city", "river", "because", "of."),
    *("runs", "running", "flies", "happily", "state-of-the-art", "don't", "3.14", "1,000", "A"),
    *("(see)", "“quoted”", "naïve", "Zürich", "東京", "e.g.", "U.S.", "50%", "generalization"),
)
_WHITE = ("", " ", "\n", "\t \n", "\u3000", "\x1c")
_LENGTHS = (1, 2, 5, 10, 20, 35)
LONG_EVERY = 500


def odd_rows(n: int, *, seed: int, long_words: int) -> Rows:
    """Make outputs and their one to four references."""
    numbers = random.Random(seed)
    outputs, references = [], []
    for row in range(n):
        words = _long(numbers, long_words) if row % LONG_EVERY == 7 else _text(numbers)
        outputs.append(_changed(numbers, words))
        several = numbers.choice((1, 1, 1, 1, 2, 4)) if row % LONG_EVERY != 7 else 1
        references.append(
            [" ".join(words)] + [_changed(numbers, words) for _ in range(several - 1)]
        )
    return outputs, references


def _text(numbers: random.Random) -> list[str]:
    kind = numbers.random()
    if kind < 0.05:
        return [numbers.choice(_WHITE)]
    if kind < 0.25:
        return ["".join(numbers.choices(_PIECES, k=numbers.randint(1, 60)))]
    pool = _WORDS if kind < 0.8 else _WORDS[:3]
    words = numbers.choices(pool, k=numbers.choice(_LENGTHS))
    return [f"{word}\n" if numbers.random() < 0.08 else word for word in words]


def _long(numbers: random.Random, n: int) -> list[str]:
    return [f"{numbers.choice(_WORDS)}{numbers.randrange(40)}" for _ in range(n)]


def _changed(numbers: random.Random, words: Sequence[str]) -> str:
    if numbers.random() < 0.03:
        return numbers.choice(_WHITE)
    words = list(words)
    kept = numbers.choice((1.0, 0.9, 0.7, 0.3))
    for _ in range(numbers.randrange(3)):
        start, target = numbers.randrange(len(words)), numbers.randrange(len(words))
        run = words[start : start + numbers.randint(1, 8)]
        del words[start : start + len(run)]
        words[target:target] = run
    words = [word if numbers.random() < kept else numbers.choice(_WORDS) for word in words]
    return " ".join(word for word in words if numbers.random() < (1 + kept) / 2)


def sacrebleu(make: Callable[..., Sacrebleu], rows: Rows) -> Iterator[tuple[str, object]]:
    """Yield statistics, sentence values and the run's value."""
    outputs, references = rows
    widest = max(map(len, references))
    columns = [[row[n] if n < len(row) else None for row in references] for n in range(widest)]
    metric = make()
    counted = metric._extract_corpus_statistics(outputs, columns)  # noqa: SLF001
    single = BLEU(effective_order=True) if isinstance(metric, BLEU) else metric
    scored = [single._compute_score_from_stats(row).score for row in counted]  # noqa: SLF001
    yield "statistics", [list(map(float, row)) for row in counted]
    yield "values", scored
    yield "run", metric._aggregate_and_compute(counted).score  # noqa: SLF001


def rouge_score(kind: str, rows: Rows, *, stemmer: bool) -> Iterator[tuple[str, object]]:
    """Yield the F of the best reference."""
    scorer = RougeScorer([kind], use_stemmer=stemmer)
    pairs = zip(*rows, strict=True)
    yield (
        "values",
        [float(scorer.score_multi(texts, output)[kind].fmeasure) for output, texts in pairs],
    )


def ours(name: str, rows: Rows, **params: object) -> dict[str, object]:
    """Return the same of a metric of ours."""
    metric = build(read_spec({"name": name, "params": params}))
    outputs, references = rows
    scores = metric.score(
        Batch(outputs=outputs, expected_outputs=[None] * len(outputs), references=references)
    )
    assert not scores.reasons.any()
    return {
        "statistics": scores.statistics.tolist(),
        "values": scores.values.tolist(),
        "run": run_value(metric, scores),
    }


CHECKS = {
    "bleu": ({}, partial(sacrebleu, BLEU)),
    "chrf": ({}, partial(sacrebleu, CHRF)),
    "chrf_pp": ({}, partial(sacrebleu, partial(CHRF, word_order=2))),
    "ter": ({}, partial(sacrebleu, TER)),
    **{
        f"rouge_{kind}": ({}, partial(rouge_score, f"rouge{theirs}", stemmer=False))
        for kind, theirs in (("1", "1"), ("2", "2"), ("l", "L"), ("lsum", "Lsum"))
    },
    **{
        f"rouge_{kind} stemmed": (
            {"stemmer": True},
            partial(rouge_score, f"rouge{theirs}", stemmer=True),
        )
        for kind, theirs in (("1", "1"), ("2", "2"), ("l", "L"), ("lsum", "Lsum"))
    },
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="metrics whose name begins so")
    parser.add_argument("--long", type=int, default=400, help="words of every 500th text")
    given = parser.parse_args()
    rows = odd_rows(given.pairs, seed=given.seed, long_words=given.long)
    differing = 0
    for title, (params, theirs) in CHECKS.items():
        if not title.startswith(given.only):
            continue
        started = time.process_time()
        found = ours(title.split()[0], rows, **params)
        seconds = time.process_time() - started
        line: dict[str, object] = {"metric": title, "examples": len(rows[0])}
        line["pairs"] = sum(map(len, rows[1]))
        for what, expected in theirs(rows):
            differing += found[what] != expected
            line[what] = "equal" if found[what] == expected else _difference(found[what], expected)
        line["cpu_seconds"] = [
            round(seconds, 1),
            round(time.process_time() - started - seconds, 1),
        ]
        print(json.dumps(line), flush=True)
    sys.exit(f"{differing} differ" if differing else 0)


def _difference(found: object, expected: object) -> str:
    if not isinstance(found, list) or not isinstance(expected, list):
        return f"{found!r} is not {expected!r}"
    wrong = [at for at, pair in enumerate(zip(found, expected, strict=True)) if pair[0] != pair[1]]
    return (
        f"{len(wrong)} differ, first row {wrong[0]}: {found[wrong[0]]} is not {expected[wrong[0]]}"
    )


if __name__ == "__main__":
    main()
