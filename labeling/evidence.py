"""What an annotator reads to judge a unit, and nothing of who made it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from evalhub.datasets.selectors import example_at
from evalhub.prepared import Prepared
from evalhub.runs.models import Output
from evalhub.web.reading import Part, Said, as_json, cited, conversation
from labeling.models import Annotator, Unit
from labeling.ordering import shuffled


@dataclass(frozen=True)
class Side:
    """An answer to judge, and what its system found for it."""

    letter: str  # A or B; nothing where there is one answer
    answer: Part | None  # None where the run has lost it since
    retrieved: Sequence[Part]
    is_shuffled: bool  # whether what was found stands in another order than its own
    cites: int  # how many passages the numbers in the answer can mean
    cited: str  # where those numbers lead: the beginning of an identifier


@dataclass(frozen=True)
class Evidence:
    """The input with what came with it, and the answers to judge from left to right."""

    input: Sequence[Said]
    context: Sequence[Part]
    reference: Sequence[Part]
    sides: Sequence[Side]

    @property
    def found(self) -> Sequence[Part]:
        """What was found for each of the answers alike, and can be shown once."""
        first, *others = self.sides
        is_alike = all(other.retrieved == first.retrieved for other in others)
        return first.retrieved if is_alike else ()

    @property
    def n_passages(self) -> int:
        return len(self.context) + len(self.found)

    @property
    def is_shuffled(self) -> bool:
        return any(side.is_shuffled for side in self.sides)


def evidence_of(unit: Unit, annotator: Annotator, *, is_swapped: bool = False) -> Evidence:
    """Return what to show a person; documents that a system found stand in an order of theirs."""
    return evidence_for(
        unit,
        seed=shuffled(annotator.seed, unit.pk),
        with_reference=annotator.campaign.shows_reference,
        is_swapped=is_swapped,
    )


def evidence_for(
    unit: Unit, *, seed: int, with_reference: bool, is_swapped: bool = False
) -> Evidence:
    """Return what to show; of a pair that is swapped, the second output stands on the left.

    Documents that a system found stand in an order drawn from the seed, so that their rank says
    nothing. But where an answer cites them by number, numbers and order are its own.
    """
    example = example_at(unit.run.version_id, unit.position).fields
    context = [Part.of(passage) for passage in example.get("context") or []]
    outputs = _outputs(unit)
    if is_swapped:
        outputs.reverse()
    answers = [None if output is None else _answer(output) for output in outputs]
    found = [_retrieved(output) for output in outputs]
    is_cited = any(
        answer is not None and cited(answer.text, len(documents))
        for answer, documents in zip(answers, found, strict=True)
    )
    if not is_cited:
        found = [_mixed(documents, seed=seed) for documents in found]
    letters = ("",) if len(outputs) == 1 else ("A", "B")
    is_alike = all(documents == found[0] for documents in found)
    return Evidence(
        input=conversation(example.get("input")),
        context=context,
        reference=_reference(example) if with_reference else [],
        sides=[
            Side(
                letter=letter,
                answer=answer,
                retrieved=documents,
                is_shuffled=bool(documents) and not is_cited,
                cites=0 if documents and not is_cited else len(documents or context),
                cited=f"document{'' if is_alike else letter}" if documents else "passage",
            )
            for letter, answer, documents in zip(letters, answers, found, strict=True)
        ],
    )


def _outputs(unit: Unit) -> list[Output | None]:
    """Return the output to judge, or the two of a pair."""
    found = [_OUTPUTS.first(unit.run_id, unit.position, unit.attempt)]
    if unit.second_run_id is not None:
        position, attempt = unit.second_position or 0, unit.second_attempt or 0
        found.append(_OUTPUTS.first(unit.second_run_id, position, attempt))
    return found


_OUTPUTS: Final = Prepared(
    lambda run, position, attempt: Output.objects.filter(
        run=run, position=position, attempt=attempt
    ).only("text", "data", "retrieved"),
    *(int, int, int),
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
