"""A bound on what a piece of work may cost."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def bounded(*, seconds: float, memory: int | None = None) -> Iterator[None]:
    """Assert that the block takes at most these CPU seconds, and at its peak these bytes more."""
    if memory is not None:
        tracemalloc.start()
    started = time.process_time()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert time.process_time() - started < seconds
    assert memory is None or peak < memory
