"""The step before every text metric: which text is compared with which, and how it is cleaned."""

from __future__ import annotations

import json
import re
import string
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metrics.base import Workspace
from metrics.batch import Batch, Json
from metrics.cache import TextCache
from metrics.fields import MetricParamsError
from metrics.patterns import ExtractionLimitError, last_match
from metrics.reasons import Reason

EXPECTED_OUTPUT = "expected_output"
REFERENCES = "references"
MAX_PATH_CHARACTERS = 200

_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_THOUSANDS_COMMA = re.compile(r"(?<=[0-9]),(?=[0-9]{3}(?![0-9]))")
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


@dataclass(frozen=True, kw_only=True)
class Step:
    """A named way to clean a text. Raise `version` when any text can come out differently."""

    name: str
    version: int
    meaning: str
    apply: Callable[[str], str]

    @property
    def signature(self) -> str:
        """Name and version, as signatures carry them."""
        return f"{self.name}@{self.version}"


def _nfkc(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


def _collapse_space(text: str) -> str:
    return " ".join(text.split())


def _no_punctuation(text: str) -> str:
    return text.translate(_NO_PUNCTUATION)


def _no_articles(text: str) -> str:
    return _ARTICLES.sub(" ", text)


def _plain_number(text: str) -> str:
    signs = {sign for sign in text if unicodedata.category(sign) == "Sc"}
    for sign in signs:
        text = text.replace(sign, "")
    return _THOUSANDS_COMMA.sub("", text).strip().removesuffix(".").rstrip()


STEPS: Mapping[str, Step] = {
    step.name: step
    for step in (
        Step(name="nfkc", version=1, meaning="Unicode form NFKC", apply=_nfkc),
        Step(name="lowercase", version=1, meaning="lower case", apply=str.lower),
        Step(name="strip", version=1, meaning="no white space at either end", apply=str.strip),
        Step(
            name="collapse_space",
            version=1,
            meaning="runs of white space become one space, none at either end",
            apply=_collapse_space,
        ),
        Step(
            name="no_punctuation",
            version=1,
            meaning="without the 32 ASCII punctuation characters",
            apply=_no_punctuation,
        ),
        Step(
            name="no_articles",
            version=1,
            meaning="the English words a, an, the become a space (lower case only)",
            apply=_no_articles,
        ),
        Step(
            name="plain_number",
            version=1,
            meaning="without thousands commas, currency signs and a full stop at the end",
            apply=_plain_number,
        ),
    )
}


# What SQuAD's evaluation does to every English answer before it compares.
SQUAD_STEPS = ("lowercase", "no_punctuation", "no_articles", "collapse_space")


@dataclass(frozen=True, kw_only=True, eq=False)
class Prepared:
    """A batch as text: None stands for a wrong answer whatever is expected."""

    outputs: Sequence[str | None]
    references: Sequence[tuple[str, ...]]
    reasons: NDArray[np.uint8]

    @property
    def scored_rows(self) -> list[int]:
        """The rows without a reason, in order."""
        rows: list[int] = np.flatnonzero(self.reasons == Reason.SCORED).tolist()
        return rows


@dataclass(frozen=True, kw_only=True)
class Preparation:
    """The four parameters every text metric shares."""

    extract: str | None
    normalize: tuple[str, ...]
    against: str
    path: str | None

    def check(self) -> None:
        """Refuse with a sentence what cannot be used."""
        if self.extract is not None:
            last_match(self.extract)
        if self.path is not None:
            check_path(self.path)

    def prepare(self, workspace: Workspace) -> Prepared:
        """Read, extract and clean a batch; once for all metrics that prepare alike."""
        return workspace.once(self, lambda: self._prepared(workspace.batch, workspace.cache))

    def _prepared(self, batch: Batch, cache: TextCache) -> Prepared:
        reasons = bytearray()
        outputs: list[str | None] = []
        references: list[tuple[str, ...]] = []
        for row in range(len(batch)):
            texts, reason = self._references(batch.expected_outputs[row], batch.references[row])
            output = None
            if reason is Reason.SCORED:
                output, reason = self.output_text(batch.outputs[row])
            reasons.append(reason)
            outputs.append(output)
            references.append(self._remembered(texts, cache))
        return Prepared(
            outputs=outputs, references=references, reasons=np.frombuffer(reasons, np.uint8)
        )

    def _references(
        self, expected_output: Json, references: Sequence[Json]
    ) -> tuple[Sequence[str], Reason]:
        if self.against == EXPECTED_OUTPUT and isinstance(expected_output, str):
            return (expected_output,), Reason.SCORED
        expected = [] if expected_output is None else [expected_output]
        chosen = (expected, references)
        for values in chosen if self.against == EXPECTED_OUTPUT else reversed(chosen):
            texts = [text for value in values if (text := self._text(value)) is not None]
            if values and len(texts) == len(values):
                return texts, Reason.SCORED
        reason = Reason.REFERENCE_NOT_TEXT if expected or references else Reason.NO_REFERENCE
        return (), reason

    def output_text(self, output: Json) -> tuple[str | None, Reason]:
        """Return an output as text: None is a wrong answer, or unreadable by the reason."""
        if output is None:
            return None, Reason.SCORED
        if self.path is None and _is_container(output):
            return None, Reason.NOT_TEXT
        text = self._text(output)
        if text is not None and self.extract is not None:
            try:
                text = last_match(self.extract).find(text)
            except ExtractionLimitError:
                return None, Reason.EXTRACTION_LIMIT
        return None if text is None else self.cleaned(text), Reason.SCORED

    def _text(self, value: Json) -> str | None:
        if isinstance(value, str):
            return value
        if _is_container(value):
            value = None if self.path is None else at_path(value, self.path)
        if value is None or _is_container(value):
            return None
        return value if isinstance(value, str) else json.dumps(value)

    def _remembered(self, texts: Sequence[str], cache: TextCache) -> tuple[str, ...]:
        if not self.normalize:
            return tuple(texts)
        return tuple([cache.derive(self.normalize, text, self.cleaned) for text in texts])

    def cleaned(self, text: str) -> str:
        """Return a text after all steps."""
        for name in self.normalize:
            text = STEPS[name].apply(text)
        return text


def _is_container(value: Json) -> bool:
    return isinstance(value, (list, tuple, dict))


def check_path(path: str) -> None:
    """Refuse with a sentence what is no path."""
    if not all(path.split(".")) or len(path) > MAX_PATH_CHARACTERS:
        raise MetricParamsError(
            "path names a member of a JSON output, such as answer or choices.0.text: names and "
            f"positions joined by dots, at most {MAX_PATH_CHARACTERS} characters."
        )


def at_path(value: Json, path: str) -> Json:
    """Return what stands at a path in a JSON value, None where nothing does."""
    for name in path.split("."):
        if isinstance(value, dict):
            value = value.get(name)
        elif isinstance(value, (list, tuple)) and name.isascii() and name.isdigit():
            value = value[int(name)] if int(name) < len(value) else None
        else:
            return None
    return value
