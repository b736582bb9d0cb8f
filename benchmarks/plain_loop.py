"""The reference of the workers: the same metric code over the same texts, and nothing else."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from texts import METRICS, Texts

from metrics.base import score_many
from metrics.batch import Batch
from metrics.cache import TextCache
from metrics.catalog import MetricSpec, build

CHUNK = 1_000


class PlainLoop:
    """Texts in memory, and what was kept of their references: nothing the first time."""

    def __init__(self, texts: Texts, metrics: Sequence[str] = METRICS) -> None:
        self._texts = texts
        self._metrics = [build(MetricSpec(name=name, params={})) for name in metrics]
        self._cache = TextCache()

    def cpu_ms(self) -> float:
        """Score all texts; return the CPU milliseconds for each."""
        expected, outputs = self._texts.expected, self._texts.outputs
        started = time.process_time()
        for start in range(0, len(outputs), CHUNK):
            part = slice(start, start + CHUNK)
            batch = Batch(
                outputs=outputs[part],
                expected_outputs=expected[part],
                references=[[] for _ in outputs[part]],
            )
            score_many(self._metrics, batch, self._cache)
        return 1_000 * (time.process_time() - started) / len(outputs)
