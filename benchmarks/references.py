"""The references of the benchmarks: the same work, done in the plainest way in one process."""

from __future__ import annotations

import json
import sqlite3
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path

from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics import BLEU, CHRF

ROUGE = {"rouge_1": "rouge1", "rouge_2": "rouge2", "rouge_l": "rougeL"}


def store_plainly(lines: bytes) -> None:
    """Read outputs with json and put them into a new SQLite file, safely, in one transaction."""
    read = map(json.loads, lines.splitlines())
    rows = [(row["key"], row["output"], row["latency_ms"]) for row in read]
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(sqlite3.connect(Path(folder) / "plain.sqlite3")) as database,
    ):
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        database.execute("CREATE TABLE output (key TEXT PRIMARY KEY, text TEXT, latency REAL)")
        with database:
            database.executemany("INSERT INTO output VALUES (?, ?, ?)", rows)


def store_examples_plainly(lines: Iterable[bytes], *, at_once: int = 4_096) -> None:
    """Read examples with json and put their texts, by key, into a new SQLite file, safely."""
    insert = "INSERT INTO example VALUES (?, ?)"
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(sqlite3.connect(Path(folder) / "plain.sqlite3")) as database,
    ):
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        database.execute("CREATE TABLE example (key TEXT PRIMARY KEY, content TEXT)")
        read = map(json.loads, lines)
        while rows := [(row["key"], json.dumps(row)) for row in islice(read, at_once)]:
            with database:
                database.executemany(insert, rows)


def score_with_libraries(
    outputs: Sequence[str], references: Sequence[str]
) -> list[dict[str, float]]:
    """Score each pair with the libraries that define BLEU, chrF and ROUGE."""
    bleu, chrf = BLEU(effective_order=True), CHRF()
    rouge = RougeScorer(list(ROUGE.values()))
    scores = []
    for output, reference in zip(outputs, references, strict=True):
        found = rouge.score(reference, output)
        scores.append(
            {
                "bleu": bleu.sentence_score(output, [reference]).score,
                "chrf": chrf.sentence_score(output, [reference]).score,
                **{name: found[theirs].fmeasure for name, theirs in ROUGE.items()},
            }
        )
    return scores
