"""A spool of given bytes, and the faults of given lines."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from evalhub.intake.spool import OUTPUTS, Limits, Spool, receive


@pytest.fixture
def spooled(tmp_path) -> Iterator[Callable[..., Spool]]:
    """Return a function that receives bytes and keeps their spool open for the test."""
    with ExitStack() as stack:

        def spool(body: bytes, limits: Limits = OUTPUTS, **how) -> Spool:
            context = receive(io.BytesIO(body), folder=tmp_path, limits=limits, **how)
            return stack.enter_context(context)

        yield spool
