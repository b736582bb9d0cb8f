"""What an annotator reads to judge a unit, and nothing of who made it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from evalhub.datasets.selectors import examples_at_positions
from evalhub.runs.models import Output
from evalhub.web.reading import Part, Said, as_json, cited, conversation
from labeling.models import Annotator, Unit
from labeling.ordering import shuffled


@dataclass(frozen=True)
class Evidence:
    """The input with what came with it, and the answer to judge."""

    input: Sequence[Said]
    context: Sequence[Part]
    retrieved: Sequence[Part]
    reference: Sequence[Part]
    answer: Part | None  # None where the run has lost it since
    is_shuffled: bool = False  # whether what was retrieved stands in another order than its own

    @property
    def cites(self) -> int:
        """How many passages the numbers in an answer can mean."""
        return 0 if self.is_shuffled else len(self.retrieved or self.context)

    @property
    def cited(self) -> str:
        """Where those numbers lead: what the system found, else what it was given."""
        return "document" if self.retrieved else "passage"


def evidence_of(unit: Unit, annotator: Annotator) -> Evidence:
    """Return what to show.

    Documents that the system found stand in an order drawn for each person, so that their rank
    says nothing. But where the answer cites them by number, numbers and order are its own.
    """
    example = examples_at_positions(unit.run.version, [unit.position])[unit.position].fields
    output = Output.objects.filter(
        run=unit.run_id, position=unit.position, attempt=unit.attempt
    ).first()
    answer = None if output is None else _answer(output)
    found = _retrieved(output)
    is_cited = answer is not None and cited(answer.text, len(found))
    return Evidence(
        input=conversation(example.get("input")),
        context=[Part.of(passage) for passage in example.get("context") or []],
        retrieved=found if is_cited else _mixed(found, seed=shuffled(annotator.seed, unit.pk)),
        reference=_reference(example) if annotator.campaign.shows_reference else [],
        answer=answer,
        is_shuffled=bool(found) and not is_cited,
    )


def asked_of(example: dict[str, Any]) -> str:
    """Return what a system had to answer: the input, or the last message of a conversation."""
    return conversation(example.get("input"))[-1].text


def _reference(example: dict[str, Any]) -> list[Part]:
    expected = example.get("expected_output")
    first = [] if expected is None else [expected]
    return [Part.of(value) for value in [*first, *(example.get("references") or [])]]


def _retrieved(output: Output | None) -> list[Part]:
    """Return what the system found, in its order; a document without a text keeps its place."""
    documents = json.loads(output.retrieved) if output is not None and output.retrieved else []
    return [Part(document.get("text") or "") for document in documents]


def _mixed(found: Sequence[Part], *, seed: int) -> list[Part]:
    order = sorted(range(len(found)), key=lambda at: shuffled(seed, at))
    return [found[at] for at in order if found[at].text]


def _answer(output: Output) -> Part | None:
    if output.text is not None:
        return Part(output.text)
    return None if output.data is None else Part(as_json(json.loads(output.data)), form="json")
