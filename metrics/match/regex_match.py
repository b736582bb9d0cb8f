"""Regular expression: whether an output has the form that was asked for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from metrics.base import Example, Family, Metric, Workspace
from metrics.batch import Json, Scores, blank_scores
from metrics.fields import Kind, MetricParamsError, parameter
from metrics.patterns import ExtractionLimitError, Matcher, matcher
from metrics.preparation import EXPECTED_OUTPUT, Preparation
from metrics.reasons import Reason
from metrics.text import path_parameter

_SEARCH, _WHOLE = "search", "whole"


@dataclass(frozen=True, kw_only=True)
class RegexMatch(Metric):
    """1 where the output matches the pattern, else 0."""

    name: ClassVar[str] = "regex_match"
    version: ClassVar[int] = 1
    title: ClassVar[str] = "Regular expression"
    summary: ClassVar[str] = "The share of outputs that match a pattern."
    formula: ClassVar[str] = (
        "1 if the pattern matches in the output, else 0; the run's value is the mean. The pattern "
        "is the parameter, the same for every example, and what the examples expect does not "
        "matter. Without the parameter each example's expected output is its pattern (or any of "
        "its references); an example whose expected output is no usable pattern, or empty, has no "
        "value. Patterns are of RE2, in linear time; on an output so long that this is still too "
        "much work, there is no value."
    )
    source: ClassVar[str] = "regex of promptfoo; syntax: RE2 (github.com/google/re2/wiki/Syntax)."
    needs: ClassVar[str] = "text output; expected_output or references where no pattern is given"
    family: ClassVar[Family] = Family.BINARY
    examples: ClassVar[tuple[Example, ...]] = (
        Example(output="It is 2024-05-01.", params={"pattern": r"\d{4}-\d\d-\d\d"}, value=1.0),
        Example(
            output="It is 2024-05-01.",
            params={"pattern": r"\d{4}-\d\d-\d\d", "match": "whole"},
            value=0.0,
        ),
        Example(output="YES!", expected_output="(?i)^yes", value=1.0),
        Example(output="yes", expected_output="(yes", value=None),
    )

    pattern: str | None = parameter(
        default=None,
        kind=Kind.TEXT,
        meaning="The pattern (RE2 syntax) that outputs have to match; (?i) at its start ignores "
        "case. Where it is not given, each example's expected output is its pattern.",
    )
    match: str = parameter(
        default=_SEARCH,
        kind=Kind.CHOICE,
        choices=(_SEARCH, _WHOLE),
        meaning="search: the pattern matches somewhere in the output; whole: all of it.",
    )
    path: str | None = path_parameter()

    def __post_init__(self) -> None:
        self._preparation.check()
        if self.pattern is not None:
            self._matcher(self.pattern)

    def score_in(self, workspace: Workspace) -> Scores:
        """Score each output by the one pattern or by its example's."""
        batch = workspace.batch
        scores = blank_scores(np.zeros(len(batch), np.uint8))
        for row in range(len(batch)):
            expected = batch.expected_outputs[row]
            values = batch.references[row] if expected is None else [expected]
            value, reason = self._scored(batch.outputs[row], values)
            scores.values[row] = value if reason is Reason.SCORED else math.nan
            scores.reasons[row] = reason
        return scores

    def _scored(self, output: Json, expected: Sequence[Json]) -> tuple[float, Reason]:
        matchers, reason = self._matchers(expected)
        if reason is Reason.SCORED:
            text, reason = self._preparation.output_text(output)
        if reason is not Reason.SCORED or text is None:
            return self.worst, reason
        try:
            return float(any(one.matches(text) for one in matchers)), reason
        except ExtractionLimitError:
            return self.worst, Reason.EXTRACTION_LIMIT

    def _matchers(self, expected: Sequence[Json]) -> tuple[Sequence[Matcher], Reason]:
        if self.pattern is not None:
            return [self._matcher(self.pattern)], Reason.SCORED
        if not expected:
            return [], Reason.NO_REFERENCE
        texts = [one for one in expected if isinstance(one, str)]
        if not texts:
            return [], Reason.REFERENCE_NOT_TEXT
        usable = [one for text in texts if (one := self._usable(text)) is not None]
        return usable, Reason.SCORED if usable else Reason.UNDEFINED

    def _usable(self, pattern: str) -> Matcher | None:
        try:
            return self._matcher(pattern) if pattern else None
        except MetricParamsError:
            return None

    def _matcher(self, pattern: str) -> Matcher:
        return matcher(pattern, whole=self.match == _WHOLE)

    @property
    def _preparation(self) -> Preparation:
        return Preparation(extract=None, normalize=(), against=EXPECTED_OUTPUT, path=self.path)
