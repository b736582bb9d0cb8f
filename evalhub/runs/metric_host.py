"""A process that scores with an operator's metrics, so that what they do stays among themselves.

Run as `python -m evalhub.runs.metric_host SOURCE ...`. Frames come in on standard input and go
out on what was standard output; whatever the metrics print goes to standard error.
"""

from __future__ import annotations

import ctypes
import io
import json
import os
import pickle
import signal
import struct
import sys
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from metrics.base import Metric, Workspace
from metrics.batch import Batch, Scores
from metrics.cache import TextCache
from metrics.custom import load_all, place_of

_LENGTH = struct.Struct(">Q")
HEAD = _LENGTH.size
_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Answer one request after another until the worker closes the pipe."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the worker decides when this ends
    requests = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    load_all(sys.argv[1:])
    cache = TextCache()
    answers.write(framed(b"ready"))
    answers.flush()
    for frame in _frames(requests):
        answers.write(framed(answer(frame, cache)))
        answers.flush()


def answer(frame: bytes, cache: TextCache) -> bytes:
    """Score one request, and say what came of it."""
    metric, batch = pickle.loads(frame)  # noqa: S301 - the worker wrote it
    try:
        scores = metric.score_in(Workspace(batch, cache))
        return pack_scores(scores)
    except Exception as exc:  # noqa: BLE001 - whatever an operator's code raises is its answer
        return _problem(exc)


def request(metric: Metric, batch: Batch) -> bytes:
    """Return the frame that asks for a batch's scores."""
    return pickle.dumps((metric, batch), protocol=pickle.HIGHEST_PROTOCOL)


def pack_scores(scores: Scores) -> bytes:
    """Return scores as bytes; arrays of objects are refused, so reading them runs no code."""
    packed = io.BytesIO()
    np.savez(
        packed,
        allow_pickle=False,
        values=np.asarray(scores.values),
        reasons=np.asarray(scores.reasons),
        statistics=np.asarray(scores.statistics),
        labels=np.frombuffer(json.dumps(scores.labels).encode(), np.uint8),
    )
    return b"S" + packed.getvalue()


def unpack_answer(frame: bytes) -> Scores | str:
    """Return the scores, or what the metric raised."""
    if frame[:1] == b"S":
        with np.load(io.BytesIO(frame[1:]), allow_pickle=False) as arrays:
            return Scores(
                values=arrays["values"],
                reasons=arrays["reasons"],
                statistics=arrays["statistics"],
                labels=tuple(json.loads(arrays["labels"].tobytes())),
            )
    said: str = json.loads(frame[1:])
    return said


def _problem(exc: Exception) -> bytes:
    """Say what was raised and where; not its message, which may quote the texts of a run."""
    return b"P" + json.dumps(f"{type(exc).__name__} at {place_of(exc)}").encode()


def framed(body: bytes) -> bytes:
    """Return a frame: the length, then the body."""
    return _LENGTH.pack(len(body)) + body


def frame_length(received: bytes | bytearray) -> int | None:
    """Return how long a frame is, head included, once its head is there."""
    if len(received) < HEAD:
        return None
    return HEAD + int(_LENGTH.unpack_from(received)[0])


def _frames(stream: BinaryIO) -> Iterator[bytes]:
    while len(head := stream.read(HEAD)) == HEAD:
        (length,) = _LENGTH.unpack(head)
        yield stream.read(length)


if __name__ == "__main__":
    main()
