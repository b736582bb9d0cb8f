"""Score with an operator's metrics in a process of their own: they may raise, hang or die there.

What is left of a failure is a reason beside the outputs it is about, or, when there are too many,
the sentence why the measurement failed. The worker and all other metrics go on.
"""

from __future__ import annotations

import atexit
import logging
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings

from evalhub.runs import metric_host
from metrics.base import Metric
from metrics.batch import Batch, Scores, joined
from metrics.soundness import UnsoundError, all_failed, sound

log = logging.getLogger("evalhub.runs.apart")

# A single output gets this share of the time of a chunk.
SHARE_OF_ONE = 0.1
# On more examples of a chunk than this a metric is wrong rather than the outputs odd.
MOST_FAILED = 5
START_SECONDS = 60.0
_READ_AT_ONCE, _WRITTEN_AT_ONCE = 1 << 20, 1 << 16


class FailedApartError(Exception):
    """The metric gave no scores; the message says what it did."""


def scores_apart(metric: Metric, batch: Batch) -> Scores:
    """Return an operator's metric's scores, or raise UnsoundError with the sentence.

    After a failure every example is scored alone, and those that fail again are left out with a
    reason. That gives the same bits: chunks change none.
    """

    def score(part: Batch, seconds: float) -> Scores:
        return sound(_host.score(metric, part, seconds), metric, len(part))

    try:
        return score(batch, settings.METRIC_TIMEOUT_SECONDS)
    except FailedApartError:
        return _one_by_one(metric, batch, score)


def _one_by_one(metric: Metric, batch: Batch, score: Callable[[Batch, float], Scores]) -> Scores:
    parts: list[Scores] = []
    failed = 0
    for start in range(0, len(batch), batch.attempts):
        one = batch.part(start, start + batch.attempts)
        try:
            parts.append(score(one, settings.METRIC_TIMEOUT_SECONDS * SHARE_OF_ONE))
        except FailedApartError as exc:
            failed += 1
            log.warning(
                "own metric failed", extra={"fields": {"metric": metric.name, "it": str(exc)}}
            )
            if failed > MOST_FAILED:
                raise UnsoundError(f"On more than {MOST_FAILED} examples it {exc}.") from exc
            parts.append(all_failed(metric, len(one)))
    return joined(parts)


@dataclass(frozen=True, kw_only=True)
class Process:
    """A running host and the ends of the pipes to it."""

    popen: subprocess.Popen[bytes]
    to_it: int
    from_it: int

    @classmethod
    def start(cls) -> Process:
        """Start a host and wait until it has loaded the metrics."""
        its_input, to_it = os.pipe()
        from_it, its_output = os.pipe()
        popen = subprocess.Popen(
            [sys.executable, "-m", "evalhub.runs.metric_host", *settings.METRIC_SOURCES],
            stdin=its_input,
            stdout=its_output,
            cwd=settings.BASE_DIR,
        )
        os.close(its_input)
        os.close(its_output)
        os.set_blocking(to_it, False)
        return cls(popen=popen, to_it=to_it, from_it=from_it)

    def exchange(self, request: bytes, seconds: float) -> bytes:
        """Write a frame (none where it is empty) and return the one that comes back.

        Raises TimeoutError after `seconds`, and OSError where the process is gone.
        """
        deadline = time.monotonic() + seconds
        left = memoryview(metric_host.framed(request) if request else b"")
        answer = bytearray()
        while (length := metric_host.frame_length(answer)) is None or len(answer) < length:
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise TimeoutError
            wants_to_write = [self.to_it] if left else []
            readable, writable, _ = select.select([self.from_it], wants_to_write, [], remaining)
            if writable:
                left = left[os.write(self.to_it, left[:_WRITTEN_AT_ONCE]) :]
            if readable:
                piece = os.read(self.from_it, _READ_AT_ONCE)
                if not piece:
                    raise BrokenPipeError
                answer += piece
        return bytes(answer[metric_host.HEAD :])

    def end(self) -> None:
        """End the process at once."""
        self.popen.kill()
        os.close(self.to_it)
        os.close(self.from_it)
        self.popen.wait()


class Host:
    """The process of this worker, started when it is needed and again after a failure."""

    def __init__(self) -> None:
        self._process: Process | None = None
        self._owner = 0

    def score(self, metric: Metric, batch: Batch, seconds: float) -> Scores:
        """Have a batch scored within `seconds`; raise FailedApartError where it is not."""
        request = metric_host.request(metric, batch)
        try:
            frame = self._started().exchange(request, seconds)
        except TimeoutError:
            self.stop()
            raise FailedApartError(f"took longer than {seconds:g} seconds") from None
        except OSError:
            self.stop()
            raise FailedApartError("ended its process") from None
        found = metric_host.unpack_answer(frame)
        if isinstance(found, str):
            raise FailedApartError(f"stopped with {found}")
        return found

    def stop(self) -> None:
        """End the process, if there is one."""
        process, self._process = self._process, None
        if process is not None and self._owner == os.getpid():
            process.end()

    def _started(self) -> Process:
        if self._process is not None and self._owner == os.getpid():
            return self._process
        self._owner = os.getpid()  # after a fork the parent's process is not ours
        self._process = Process.start()
        self._process.exchange(b"", START_SECONDS)
        return self._process


_host = Host()
atexit.register(_host.stop)
