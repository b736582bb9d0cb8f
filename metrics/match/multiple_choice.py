"""Multiple choice: whether the letter an output answers with is the expected one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from math import nan
from typing import ClassVar

from metrics.base import Example, Family
from metrics.fields import Kind, MetricParamsError, parameter
from metrics.text import PairMetric

_LETTERS = re.compile(r"[A-Z0-9]{2,26}")
# Every repetition is bounded or possessive, so that a hostile text costs linear time.
_OPENED = r"""[\s*_"'`(\[{$\\]{0,6}(?:(?:boxed|text|textbf|mathrm|mathbf)\{){0,2}[*_"'`(\[]{0,3}"""
_CLOSED = r"""[)\]}.*_:"'`$ \t\r]{0,8}"""


class LetterReader:
    """Finds the one option that a text answers with, by the rules of `MultipleChoice`."""

    def __init__(self, letters: str) -> None:
        one, either = f"[{letters}]", f"[{letters}{letters.lower()}]"
        self._whole = re.compile(rf"[\W_]*+({either})[\W_]*+")
        self._stated = re.compile(
            r"(?:[Aa]nswer|ANSWER|[Cc]hoice|[Oo]ption)s?[*_\"'`)\s]{0,4}"
            r"(?:(?:is|was|would\sbe|should\sbe|must\sbe|IS|[:=\uff1a])[\s*_]{0,4}){1,2}"
            r"(?:(?:therefore|thus|clearly|indeed|the|option|choice|letter|Option)\s{1,2}){0,3}"
            rf"{_OPENED}(?:({one})(?![A-Za-z0-9_])|({one.lower()})(?=[)\]}}.*,;:$]|\s*+\Z|\s*\n))"
            rf"(?P<other>{_CLOSED}(?:,|/|&|or\b|and\b|,\s?or\b)\s{{0,2}}[(*]{{0,2}}{one}"
            r"(?![A-Za-z0-9_]))?"
        )
        self._called_right = re.compile(
            rf"(?<![A-Za-z0-9_])({one})[)\]*]{{0,3}}\s{{1,2}}is\s{{1,2}}(?:the\s{{1,2}})?"
            r"(?:correct|right|best)\b"
        )
        self._alone = re.compile(rf"(?m)^[ \t>#-]{{0,8}}{_OPENED}({one}){_CLOSED}$")
        self._leading = re.compile(
            rf"(?m)^[ \t>*_(\[`\"'-]{{0,6}}({one})(?:[)\].:}}]|\*\*|\s?[-\u2013\u2014]\s)"
        )
        self._marked = re.compile(rf"[(\[{{*]({one})[)\]}}*]")

    def read(self, text: str) -> str | None:
        """Return the letter, or None where there is none or more than one."""
        if whole := self._whole.fullmatch(text):
            return whole[1].upper()
        if stated := _last(self._stated, text):
            return None if stated["other"] else (stated[1] or stated[2].upper())
        for rule in (self._called_right, self._alone):
            if match := _last(rule, text):
                return match[1]
        leading = set(self._leading.findall(text))
        if len(leading) == 1:
            return str(leading.pop())
        marked = _last(self._marked, text)
        return None if marked is None else marked[1]


@dataclass(frozen=True, kw_only=True)
class MultipleChoice(PairMetric):
    """1 where the output answers with the letter of a reference, else 0."""

    name: ClassVar[str] = "multiple_choice"
    version: ClassVar[int] = 1
    title: ClassVar[str] = "Multiple choice"
    summary: ClassVar[str] = "The share of outputs that answer with the expected option's letter."
    formula: ClassVar[str] = (
        "1 if the letter read of the output is that of the expected output (or any reference), "
        "else 0; the run's value is the mean. The first rule that finds a letter decides: the "
        "output is nothing but the letter (B, (b), **B**); the last statement such as Answer: B "
        "or the answer is (B), where B or C is no answer; the last B is correct; the last line "
        "that is a letter alone; lines that start with a letter and a mark (B) text), if all "
        "start with the same; the last letter in brackets or asterisks. No letter is a wrong "
        "answer. An example whose expected output is not a letter, alone or before its text (B) "
        "Paris), has no value."
    )
    source: ClassVar[str] = (
        "The forms that lm-evaluation-harness, Inspect, HELM and simple-evals read of MMLU "
        "(Hendrycks et al. 2021) and its kin."
    )
    family: ClassVar[Family] = Family.BINARY
    examples: ClassVar[tuple[Example, ...]] = (
        Example(output="It must be south. The answer is (B).", expected_output="B", value=1.0),
        Example(output="**B**", expected_output="B) Paris", value=1.0),
        Example(output="Answer: A or B", expected_output="B", value=0.0),
        Example(output="B", expected_output="Paris", value=None),
    )

    letters: str = parameter(
        default="ABCDE",
        kind=Kind.TEXT,
        meaning="The letters or digits that name the options, such as ABCD or 1234.",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not _LETTERS.fullmatch(self.letters) or len(set(self.letters)) < len(self.letters):
            raise MetricParamsError(
                "letters are 2 to 26 different capital letters or digits, such as ABCD."
            )

    def pair_value(self, output: str, reference: str) -> float:
        """Return 1 for the reference's letter; NaN where the reference names none."""
        reader = _reader(self.letters)
        expected = reader.read(reference)
        return nan if expected is None else float(reader.read(output) == expected)


@lru_cache(maxsize=64)
def _reader(letters: str) -> LetterReader:
    return LetterReader(letters)


def _last(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    found = None
    for found in pattern.finditer(text):  # noqa: B007 - the last one is what is wanted
        pass
    return found
