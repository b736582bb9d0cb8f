"""What a judge is asked about one output: an example and an output in, a question out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evalhub.intake.rows import canonical
from evalhub.runs.models import Measurement, Output
from metrics.judge import RUBRICS, Material, Message, Rubric, Setting, call_digest, messages_for
from metrics.judge import signature as signature_of

# About a hundred thousand tokens. A longer question costs much and is cut off by most models.
MOST_CHARACTERS = 400_000


@dataclass(frozen=True, kw_only=True)
class Instrument:
    """A judge with a rubric: what gives a measurement its numbers."""

    rubric: Rubric
    model: str
    settings: Mapping[str, Setting]

    @property
    def signature(self) -> str:
        return signature_of(self.rubric, model=self.model, settings=self.settings)


@dataclass(frozen=True, kw_only=True, eq=False)
class Question:
    """One call to a judge, and the output it is about."""

    digest: str
    instrument: Instrument
    messages: Sequence[Message]
    judged: str  # a verdict that stands in it is a quotation
    position: int
    attempt: int

    @property
    def is_too_long(self) -> bool:
        return sum(len(message["content"]) for message in self.messages) > MOST_CHARACTERS


def instrument_of(measurement: Measurement) -> Instrument | None:
    """Return what a measurement was planned with, or None where the rubric is no longer that."""
    params = measurement.params
    rubric = RUBRICS.get(params["rubric"])
    if rubric is None:
        return None
    found = Instrument(rubric=rubric, model=params["model"], settings=params["settings"])
    return found if found.signature == measurement.signature else None


def question_about(
    instrument: Instrument, example: Mapping[str, Any], output: Output
) -> Question | None:
    """Return what is asked about an output, or None where the system gave none to judge."""
    judged = output.text if output.data is None else output.data
    if judged is None:
        return None
    material = Material(
        input=_text(example.get("input")), output=judged, context=_passages(example, output)
    )
    messages = messages_for(instrument.rubric, material)
    return Question(
        digest=call_digest(
            instrument.rubric,
            model=instrument.model,
            settings=instrument.settings,
            messages=messages,
        ),
        instrument=instrument,
        messages=messages,
        judged=judged,
        position=output.position,
        attempt=output.attempt,
    )


def _passages(example: Mapping[str, Any], output: Output) -> list[str]:
    """Return what the system was given: the example's context, else the passages it found."""
    if context := example.get("context"):
        return list(context)
    found = json.loads(output.retrieved) if output.retrieved else []
    return [document["text"] for document in found if document.get("text")]


def _text(value: object) -> str:
    return value if isinstance(value, str) else canonical(value)
