"""What an annotator reads to judge a unit, and nothing of who made it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from evalhub.datasets.selectors import examples_at_positions
from evalhub.runs.models import Output
from labeling.models import Annotator, Unit
from labeling.ordering import shuffled

SHOWN_AT_ONCE: Final = 20_000  # characters; the rest opens on request
LONGEST_WORD: Final = 100  # that is not cut in two


@dataclass(frozen=True)
class Words:
    """A text that others wrote, cut where it is very long."""

    text: str
    rest: str = ""
    is_data: bool = False
    who: str = ""

    @property
    def n_words(self) -> int:
        return len(self.text.split()) + len(self.rest.split())


@dataclass(frozen=True)
class Evidence:
    """The input with what came with it, and the answer to judge."""

    input: Sequence[Words]
    context: Sequence[Words]
    retrieved: Sequence[Words]
    reference: Sequence[Words]
    answer: Words | None  # None where the run has lost it since


def evidence_of(unit: Unit, annotator: Annotator) -> Evidence:
    """Return what to show. Documents that the system found stand in an order of their own."""
    example = examples_at_positions(unit.run.version, [unit.position])[unit.position].fields
    output = Output.objects.filter(
        run=unit.run_id, position=unit.position, attempt=unit.attempt
    ).first()
    return Evidence(
        input=_messages(example.get("input")),
        context=[_words(passage) for passage in example.get("context") or []],
        retrieved=_retrieved(output, seed=shuffled(annotator.seed, unit.pk)),
        reference=_reference(example) if annotator.campaign.shows_reference else [],
        answer=None if output is None else _answer(output),
    )


def _messages(given: Any) -> list[Words]:
    """Return a conversation message by message, and anything else whole."""
    is_conversation = isinstance(given, list) and all(
        isinstance(item, dict) and isinstance(item.get("role"), str) and "content" in item
        for item in given
    )
    if given and is_conversation:
        return [_words(item["content"], who=item["role"][:40]) for item in given]
    return [_words(given)]


def asked_of(example: dict[str, Any]) -> str:
    """Return what a system had to answer: the input, or the last message of a conversation."""
    return _messages(example.get("input"))[-1].text


def _reference(example: dict[str, Any]) -> list[Words]:
    expected = example.get("expected_output")
    first = [] if expected is None else [expected]
    return [_words(value) for value in [*first, *(example.get("references") or [])]]


def _retrieved(output: Output | None, *, seed: int) -> list[Words]:
    documents = json.loads(output.retrieved) if output is not None and output.retrieved else []
    texts = [document["text"] for document in documents if document.get("text")]
    order = sorted(range(len(texts)), key=lambda at: shuffled(seed, at))
    return [_words(texts[at]) for at in order]


def _answer(output: Output) -> Words | None:
    if output.text is not None:
        return _words(output.text)
    return None if output.data is None else _words(json.loads(output.data), is_data=True)


def _cut(text: str) -> int:
    """Return where to cut a long text: between two words, if one ends soon enough before."""
    if len(text) <= SHOWN_AT_ONCE:
        return len(text)
    near = SHOWN_AT_ONCE - LONGEST_WORD
    gap = max(text.rfind(space, near, SHOWN_AT_ONCE) for space in " \n")
    return SHOWN_AT_ONCE if gap < 0 else gap + 1


def _words(value: Any, *, who: str = "", is_data: bool = False) -> Words:
    is_data = is_data or not isinstance(value, str)
    text = json.dumps(value, ensure_ascii=False, indent=2) if is_data else value
    cut = _cut(text)
    return Words(text[:cut], text[cut:], is_data=is_data, who=who)
