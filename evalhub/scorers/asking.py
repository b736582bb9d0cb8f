"""Ask a scorer once: a batch of outputs out, what was said of each back, or why there is none."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from evalhub.outbound import client
from evalhub.outbound.client import NoAnswer
from evalhub.outbound.patience import Trouble
from evalhub.scorers import protocol
from evalhub.scorers.protocol import Item, Said, ShapeError
from evalhub.scorers.selectors import Ready, header_of

# An id, a number and a short reason for each output, and room for what is around them.
ANSWER_BYTES, BYTES_FOR_ITEM = 65_536, 4_096


def ask(
    ready: Ready,
    items: Sequence[Item],
    *,
    seconds: float | None = None,
    is_called_off: Callable[[], bool] = lambda: False,
) -> Mapping[str, Said] | NoAnswer:
    """Return what the scorer says of every item, by id. One try; patience is the caller's."""
    content = client.post(
        ready.revision.url,
        body=protocol.request_body(
            slug=ready.scorer.slug, version=ready.revision.version, items=items
        ),
        headers=header_of(ready),
        seconds=seconds or ready.scorer.timeout_seconds,
        most_bytes=ANSWER_BYTES + BYTES_FOR_ITEM * len(items),
        is_called_off=is_called_off,
    )
    if isinstance(content, NoAnswer):
        return content
    try:
        ids = [one["id"] for one in items]
        return protocol.read_answer(content, ids=ids, within=ready.range)
    except ShapeError as exc:
        return NoAnswer(trouble=Trouble.UNREADABLE, detail=str(exc))
