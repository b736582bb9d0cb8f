"""BLEU: shared word n-grams with a brevity penalty, with sacrebleu's numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import ClassVar

import numpy as np

from metrics.base import Example, Family, Workspace
from metrics.batch import Floats, Scores, blank_scores
from metrics.cache import TextCache
from metrics.overlap.ngrams import Ints, blocks, clipped_matches, encode_tokens
from metrics.overlap.pairs_of_texts import OverlapMetric

_ORDER = 4
_MANY = 200  # rows that are taken at once
# The references of the paper's first example.
_PAPINENI = (
    "It is a guide to action that ensures that the military will forever heed Party commands.",
    "It is the guiding principle which guarantees the military forces always being under the "
    "command of the Party.",
    "It is the practical guide for the army always to heed the directions of the party.",
)
_BLOCK_CHARACTERS = 1 << 15
_LOG_OF_ZERO = -9999999999

_SEPARATED = [
    character
    for first, last in ("{~", "[`", "!&", "(+", ":@", "//")
    for character in map(chr, range(ord(first), ord(last) + 1))
]
_AFTER_NON_DIGIT = re.compile(r"([^0-9])([.,])")
_BEFORE_NON_DIGIT = re.compile(r"([.,])([^0-9])")
_BESIDE_NON_DIGIT = re.compile(r"[.,](?:(?<=[^0-9].)|(?=[^0-9]))")
_DASH_AFTER_DIGIT = re.compile(r"-(?<=[0-9]-)")


@dataclass(frozen=True, kw_only=True)
class Bleu(OverlapMetric):
    """BLEU over the whole run; an example's own value is only indicative.

    The statistics are the lengths of output and closest reference in tokens, and for n from 1 to
    4 the n-grams of the output that are in a reference, and all of them.
    """

    name: ClassVar[str] = "bleu"
    version: ClassVar[int] = 1
    title: ClassVar[str] = "BLEU"
    summary: ClassVar[str] = "How many runs of up to four words output and references share."
    formula: ClassVar[str] = (
        "100 BP exp(mean of ln p_n, n = 1 to 4), p_n from the summed counts, BP = exp(1 - r/c) "
        "for c < r; an example's value leaves out the orders it is too short for."
    )
    source: ClassVar[str] = (
        "Papineni et al. 2002, BLEU: a Method for Automatic Evaluation of Machine Translation; as "
        "sacrebleu computes it by default (13a tokens, exponential smoothing)."
    )
    examples: ClassVar[tuple[Example, ...]] = (
        Example(
            output="It is a guide to action which ensures that the military always obeys the "
            "commands of the party.",
            references=_PAPINENI,
            value=54.0173,
            note="Candidate 1 of the paper.",
        ),
        Example(
            output="It is to insure the troops forever hearing the activity guidebook that party "
            "direct.",
            references=_PAPINENI,
            value=6.6996,
            note="Candidate 2: few runs of words are a reference's.",
        ),
        Example(
            output="the the the the the the the",
            references=("The cat is on the mat.", "There is a cat on the mat."),
            value=6.5673,
            note="2 of 7 words count, as often as a reference has them; the rest is smoothing.",
        ),
    )
    family: ClassVar[Family] = Family.CORPUS
    high: ClassVar[float] = 100.0
    statistic_names: ClassVar[tuple[str, ...]] = (
        "output_length",
        "reference_length",
        *(f"matches_{n}" for n in range(1, _ORDER + 1)),
        *(f"ngrams_{n}" for n in range(1, _ORDER + 1)),
    )
    defined_by: ClassVar[tuple[str, ...]] = (
        "case:mixed",
        "tok:13a",
        "smooth:exp",
        f"sacrebleu:{metadata.version('sacrebleu')}",
    )

    def score_in(self, workspace: Workspace) -> Scores:
        """Count word n-grams of every output against all its references."""
        prepared = self.prepared(workspace)
        scores = blank_scores(prepared.reasons, 2 + 2 * _ORDER)
        by_count: dict[int, list[int]] = {}
        for row in prepared.scored_rows:
            by_count.setdefault(len(prepared.references[row]), []).append(row)
        for rows in by_count.values():
            outputs = [prepared.outputs[row] or "" for row in rows]
            references = [prepared.references[row] for row in rows]
            scores.statistics[rows] = _statistics(outputs, references, workspace.cache)
        for row in prepared.scored_rows:
            scores.values[row] = _bleu(scores.statistics[row].tolist(), effective_order=True)
        return scores

    def values_of(self, totals: Floats) -> Floats:
        """Return BLEU for summed counts; undefined where no reference has any text."""
        rows = totals.reshape(-1, totals.shape[-1])
        if len(rows) >= _MANY:
            return _bleu_of_many(rows).reshape(totals.shape[:-1])
        values = [
            _bleu(row, effective_order=False) if row[1] > 0 else math.nan for row in rows.tolist()
        ]
        return np.array(values, np.float64).reshape(totals.shape[:-1])


def tokenize_13a(text: str) -> list[str]:
    """Split a text as NIST's mteval-v13a does, token for token as sacrebleu's default."""
    text = text.rstrip().replace("<skipped>", "").replace("-\n", "").replace("\n", " ")
    if "&" in text:
        text = text.replace("&quot;", '"').replace("&amp;", "&")
        text = text.replace("&lt;", "<").replace("&gt;", ">")
    text = f" {text} "
    for character in _SEPARATED:
        if character in text:
            text = text.replace(character, f" {character} ")
    if ".." in text or ",," in text or ".," in text or ",." in text:
        # The original's two passes leave one of an even run beside a digit, as in `..5`.
        text = _AFTER_NON_DIGIT.sub(r"\1 \2 ", text)
        text = _BEFORE_NON_DIGIT.sub(r" \1 \2", text)
    elif "." in text or "," in text:
        text = _BESIDE_NON_DIGIT.sub(r" \g<0> ", text)
    if "-" in text:
        text = _DASH_AFTER_DIGIT.sub(" - ", text)
    return text.split()


def _statistics(
    outputs: Sequence[str], references: Sequence[Sequence[str]], cache: TextCache
) -> Ints:
    """Return the counts of outputs that all have equally many references."""
    statistics = np.zeros((len(outputs), 2 + 2 * _ORDER), np.int64)
    sizes = [
        len(output) + sum(map(len, texts))
        for output, texts in zip(outputs, references, strict=True)
    ]
    for block in blocks(sizes, most=_BLOCK_CHARACTERS):
        reference_sides = [
            [cache.derive("13a", text, _tokenized).split() for text in side]
            for side in zip(*references[block], strict=True)
        ]
        sides = encode_tokens([list(map(tokenize_13a, outputs[block])), *reference_sides])
        lengths = sides[0].lengths
        statistics[block, 0] = lengths
        statistics[block, 1] = _closest(lengths, np.array([side.lengths for side in sides[1:]]))
        statistics[block, 2 : 2 + _ORDER] = clipped_matches(sides, order=_ORDER)
        statistics[block, 2 + _ORDER :] = sides[0].ngram_counts(_ORDER)
    return statistics


def _tokenized(text: str) -> str:
    return " ".join(tokenize_13a(text))


def _closest(lengths: Ints, reference_lengths: Ints) -> Ints:
    """Return each row's reference length nearest to the output's, the shorter of two."""
    longer = reference_lengths > lengths
    distance = 2 * np.abs(reference_lengths - lengths) + longer
    nearest = np.argmin(distance, axis=0)
    closest: Ints = np.take_along_axis(reference_lengths, nearest[None], axis=0)[0]
    return closest


def _bleu(counts: list[float], *, effective_order: bool) -> float:
    """Return BLEU of one row of counts, in sacrebleu's order of operations."""
    output_length, reference_length = counts[:2]
    matches, ngrams = counts[2 : 2 + _ORDER], counts[2 + _ORDER :]
    if not any(matches):
        return 0.0
    brevity = 1.0
    if output_length < reference_length:
        brevity = math.exp(1 - reference_length / output_length)
    smoothing = 1.0
    logs: list[float] = []
    for matched, total in zip(matches, ngrams, strict=True):
        if total == 0:
            break
        if matched == 0:
            smoothing *= 2
            logs.append(math.log(100.0 / (smoothing * total)))
        else:
            logs.append(math.log(100.0 * matched / total))
    if not effective_order:
        logs += [_LOG_OF_ZERO] * (_ORDER - len(logs))
    return brevity * math.exp(sum(logs) / len(logs))


def _bleu_of_many(rows: Floats) -> Floats:
    """Return BLEU of many rows of counts, as resampling needs it: the last bit may differ."""
    output_length, reference_length = rows[:, 0], rows[:, 1]
    matches, ngrams = rows[:, 2 : 2 + _ORDER], rows[:, 2 + _ORDER :]
    has_ngrams = np.logical_and.accumulate(ngrams > 0, axis=1)
    smoothing = np.exp2(np.cumsum(has_ngrams & (matches == 0), axis=1))
    with np.errstate(divide="ignore", invalid="ignore"):
        precisions = np.where(matches > 0, matches, 1.0 / smoothing) * 100.0 / ngrams
        logs = np.where(has_ngrams, np.log(precisions), _LOG_OF_ZERO)
        brevity = np.exp(np.minimum(0.0, 1.0 - reference_length / output_length))
    values: Floats = brevity * np.exp(logs.sum(axis=1) / _ORDER)
    values[~matches.any(axis=1)] = 0.0
    values[reference_length <= 0] = np.nan
    return values
