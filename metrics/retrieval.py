"""Metrics of retrieval, with trec_eval's numbers to the bit.

An example says which documents are `relevant`, with a grade each; the output says which ones were
`retrieved`. The rules, the same for all of them:

- An error, a missing output, and an output without `retrieved` or with an empty list found
  nothing, which is the worst: a system cannot leave out the examples it does badly on.
- A document that nobody judged, or judged below `relevant_from`, is not relevant.
- An example with nothing relevant, or without `relevant`, has no value: nothing could be found.
- `metrics.ranking` says how a list becomes a ranking.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from metrics.base import Example, Family, Metric, Workspace
from metrics.batch import Floats, Scores
from metrics.fields import Kind, number_parameter, parameter, whole_parameter
from metrics.ranking import AS_LISTED, BY_ID, BY_SCORE, Ranked, Ranking, Rankings
from metrics.reasons import Reason

MAX_K = 1_000_000
LINEAR, EXPONENTIAL = "linear", "exponential"

_TREC_EVAL = "trec_eval (NIST), "
_BOOK = "Manning, Raghavan and Schütze, Introduction to Information Retrieval (2008), chapter 8"
# Nobody judged d9.
_JUDGED = {"d1": 2, "d2": 1, "d3": 0, "d4": 1}
_FOUND = ("d3", "d1", "d9", "d2")


def _k_parameter() -> Any:
    return whole_parameter(
        default=10,
        low=1,
        high=MAX_K,
        meaning="How many documents count, from the best on",
    )


def _optional_k_parameter() -> Any:
    return whole_parameter(
        default=None,
        low=1,
        high=MAX_K,
        meaning="How many documents count, from the best on, all where no number is given",
    )


@dataclass(frozen=True, kw_only=True)
class RetrievalMetric(Metric):
    """A metric of a ranking and the grades of its documents."""

    version: ClassVar[int] = 1
    needs: ClassVar[str] = "retrieved documents of the output; relevant documents of the example"
    family: ClassVar[Family] = Family.MEAN
    reads: ClassVar[tuple[str, ...]] = ("relevant", "retrieved")

    order: str = parameter(
        default=BY_SCORE,
        kind=Kind.CHOICE,
        choices=(BY_SCORE, AS_LISTED),
        meaning="What ranks the documents: score (the highest first, compared in single precision "
        "as trec_eval does; the order of the list where a document of it has no score) or listed "
        "(the order of the list). A document listed twice counts once, at its better rank.",
    )
    ties: str = parameter(
        default=BY_ID,
        kind=Kind.CHOICE,
        choices=(BY_ID, AS_LISTED),
        meaning="What ranks documents of equal score: id (the later in the alphabet first, as "
        "trec_eval does) or listed (the order of the list).",
    )

    def score_in(self, workspace: Workspace) -> Scores:
        """Score each ranking; a reason where the example has nothing that could be found."""
        rankings = Ranking(order=self.order, ties=self.ties).of(workspace)
        can_find = rankings.ideal.sums(self.is_relevant(rankings.ideal)) > 0
        with np.errstate(divide="ignore", invalid="ignore"):
            values = np.where(can_find, self.values(rankings), np.nan)
        reasons = np.where(can_find, Reason.SCORED, Reason.NO_RELEVANT).astype(np.uint8)
        return Scores(values=values, reasons=reasons, statistics=np.zeros((len(values), 0)))

    @abstractmethod
    def is_relevant(self, ranked: Ranked) -> NDArray[np.bool_]:
        """Return which of the documents are relevant."""

    @abstractmethod
    def values(self, rankings: Rankings) -> Floats:
        """Return the value of each example; anything where it has nothing relevant."""


@dataclass(frozen=True, kw_only=True)
class BinaryRelevanceMetric(RetrievalMetric):
    """A metric for which a document is relevant or is not."""

    relevant_from: float = number_parameter(
        default=1, low=0.01, high=1e9, meaning="The lowest grade of a document that is relevant"
    )

    def is_relevant(self, ranked: Ranked) -> NDArray[np.bool_]:
        """Return which of the documents have the grade it takes."""
        return ranked.grades >= self.relevant_from

    def hits(self, rankings: Rankings, k: int | None) -> NDArray[np.bool_]:
        """Return which of the documents found are relevant and within the first `k`."""
        return self.is_relevant(rankings.found) & rankings.found.within(k)

    def could_find(self, rankings: Rankings) -> Floats:
        """Return how many relevant documents each example has."""
        return rankings.ideal.sums(self.is_relevant(rankings.ideal))


@dataclass(frozen=True, kw_only=True)
class PrecisionAtK(BinaryRelevanceMetric):
    """The relevant share of the first k documents."""

    name: ClassVar[str] = "precision_at_k"
    title: ClassVar[str] = "Precision at k"
    summary: ClassVar[str] = "The share of the first k documents that is relevant."
    formula: ClassVar[str] = (
        "Relevant documents among the first k, divided by k, also where fewer were retrieved; the "
        "run's value is the mean."
    )
    source: ClassVar[str] = f"{_TREC_EVAL}P; {_BOOK}"
    examples: ClassVar[tuple[Example, ...]] = (
        Example(output="", relevant=_JUDGED, retrieved=_FOUND, params={"k": 4}, value=0.5),
        Example(
            output="",
            relevant=_JUDGED,
            retrieved=_FOUND,
            value=0.2,
            note="Four were retrieved; the six that are not there count as not relevant.",
        ),
    )

    k: int = _k_parameter()

    def values(self, rankings: Rankings) -> Floats:
        """Return hits per k."""
        return rankings.found.sums(self.hits(rankings, self.k)) / self.k


@dataclass(frozen=True, kw_only=True)
class RecallAtK(BinaryRelevanceMetric):
    """The share of the relevant documents that is among the first k."""

    name: ClassVar[str] = "recall_at_k"
    title: ClassVar[str] = "Recall at k"
    summary: ClassVar[str] = "The share of the relevant documents that is among the first k."
    formula: ClassVar[str] = (
        "Relevant documents among the first k, divided by all relevant documents of the example; "
        "the run's value is the mean."
    )
    source: ClassVar[str] = f"{_TREC_EVAL}recall; {_BOOK}"
    examples: ClassVar[tuple[Example, ...]] = (
        Example(output="", relevant=_JUDGED, retrieved=_FOUND, params={"k": 2}, value=0.3333),
        Example(output="", relevant=_JUDGED, retrieved=_FOUND, value=0.6667),
    )

    k: int = _k_parameter()

    def values(self, rankings: Rankings) -> Floats:
        """Return hits per relevant document."""
        return rankings.found.sums(self.hits(rankings, self.k)) / self.could_find(rankings)


@dataclass(frozen=True, kw_only=True)
class HitAtK(BinaryRelevanceMetric):
    """Whether there is a relevant document among the first k."""

    name: ClassVar[str] = "hit_at_k"
    title: ClassVar[str] = "Hit at k"
    summary: ClassVar[str] = (
        "The share of examples with at least one relevant document among the first k."
    )
    formula: ClassVar[str] = (
        "1 if a relevant document is among the first k, else 0; the run's value is the mean."
    )
    family: ClassVar[Family] = Family.BINARY
    source: ClassVar[str] = f"{_TREC_EVAL}success"
    examples: ClassVar[tuple[Example, ...]] = (
        Example(output="", relevant=_JUDGED, retrieved=_FOUND, params={"k": 1}, value=0.0),
        Example(output="", relevant=_JUDGED, retrieved=_FOUND, params={"k": 2}, value=1.0),
    )

    k: int = _k_parameter()

    def values(self, rankings: Rankings) -> Floats:
        """Return 1 where there is a hit, else 0."""
        return (rankings.found.sums(self.hits(rankings, self.k)) > 0).astype(np.float64)


@dataclass(frozen=True, kw_only=True)
class Mrr(BinaryRelevanceMetric):
    """The reciprocal of the first relevant document's rank."""

    name: ClassVar[str] = "mrr"
    title: ClassVar[str] = "Mean reciprocal rank (MRR)"
    summary: ClassVar[str] = "How far up the first relevant document stands."
    formula: ClassVar[str] = (
        "1 / rank of the first relevant document, 0 where there is none (among the first k, if k "
        "is given); the run's value is the mean."
    )
    source: ClassVar[str] = f"{_TREC_EVAL}recip_rank; Voorhees 1999 (the TREC-8 QA track report)"
    examples: ClassVar[tuple[Example, ...]] = (
        Example(output="", relevant=_JUDGED, retrieved=_FOUND, value=0.5),
        Example(output="", relevant=_JUDGED, retrieved=_FOUND, params={"k": 1}, value=0.0),
    )

    k: int | None = _optional_k_parameter()

    def values(self, rankings: Rankings) -> Floats:
        """Return the reciprocal rank of the first hit, 0 without any."""
        found, hits = rankings.found, self.hits(rankings, self.k)
        rows, first = np.unique(found.rows[hits], return_index=True)
        values = np.zeros(found.n_rows)
        values[rows] = 1.0 / found.ranks[hits][first]
        return values


@dataclass(frozen=True, kw_only=True)
class AveragePrecision(BinaryRelevanceMetric):
    """The mean, over all relevant documents, of the precision where each was found."""

    name: ClassVar[str] = "map"
    title: ClassVar[str] = "Mean average precision (MAP)"
    summary: ClassVar[str] = "Precision at the rank of every relevant document, averaged."
    formula: ClassVar[str] = (
        "Sum of the precision at the rank of each relevant document that was retrieved (among the "
        "first k, if k is given), divided by all relevant documents of the example; the run's "
        "value is the mean."
    )
    source: ClassVar[str] = f"{_TREC_EVAL}map and map_cut; {_BOOK}"
    examples: ClassVar[tuple[Example, ...]] = (
        Example(
            output="",
            relevant=_JUDGED,
            retrieved=_FOUND,
            value=0.3333,
            note="(1/2 + 2/4) / 3: the third relevant document was not retrieved.",
        ),
        Example(output="", relevant=_JUDGED, retrieved=_FOUND, params={"k": 2}, value=0.1667),
    )

    k: int | None = _optional_k_parameter()

    def values(self, rankings: Rankings) -> Floats:
        """Return the average precision."""
        found, hits = rankings.found, self.hits(rankings, self.k)
        before = np.cumsum(found.sums(hits)) - found.sums(hits)
        so_far = np.cumsum(hits) - before[found.rows]
        return found.sums(hits, so_far / found.ranks) / self.could_find(rankings)


@dataclass(frozen=True, kw_only=True)
class NdcgAtK(RetrievalMetric):
    """The gain of the first k documents beside the best gain that k documents could have."""

    name: ClassVar[str] = "ndcg_at_k"
    title: ClassVar[str] = "nDCG at k"
    summary: ClassVar[str] = (
        "How much of the gain that k documents could bring these bring, the first ones most."
    )
    formula: ClassVar[str] = (
        "DCG / ideal DCG with DCG = sum of gain / log2(rank + 1) over the first k. The gain of a "
        "document is its grade (linear) or 2^grade - 1 (exponential), and 0 for one that is not "
        "judged or has no grade above 0. The ideal ranks all relevant documents of the example by "
        "grade. The run's value is the mean."
    )
    source: ClassVar[str] = (
        f"{_TREC_EVAL}ndcg_cut (linear); Järvelin and Kekäläinen 2002; Burges et al. 2005 "
        "(exponential)"
    )
    examples: ClassVar[tuple[Example, ...]] = (
        Example(
            output="",
            relevant=_JUDGED,
            retrieved=_FOUND,
            value=0.5406,
            note="(2 / log2(3) + 1 / log2(5)) / (2 + 1 / log2(3) + 1 / log2(4))",
        ),
        Example(
            output="",
            relevant=_JUDGED,
            retrieved=_FOUND,
            params={"gain": EXPONENTIAL},
            value=0.5625,
        ),
    )

    k: int = _k_parameter()
    gain: str = parameter(
        default=LINEAR,
        kind=Kind.CHOICE,
        choices=(LINEAR, EXPONENTIAL),
        meaning="What a grade is worth: linear (itself) or exponential (2^grade - 1).",
    )

    def is_relevant(self, ranked: Ranked) -> NDArray[np.bool_]:
        """Return which of the documents bring a gain."""
        return ranked.grades > 0

    def values(self, rankings: Rankings) -> Floats:
        """Return the discounted gain per ideal one."""
        ideal = rankings.ideal
        highest = np.zeros(ideal.n_rows)
        highest[ideal.rows[ideal.ranks == 1]] = ideal.grades[ideal.ranks == 1]
        found_gain, ideal_gain = (self._dcg(one, highest) for one in (rankings.found, ideal))
        return found_gain / ideal_gain

    def _dcg(self, ranked: Ranked, highest: Floats) -> Floats:
        gains = ranked.grades
        if self.gain == EXPONENTIAL:
            # In units of 2^highest, which changes no bit of the ratio: 2^1024 is no number.
            top = np.ceil(highest)[ranked.rows]
            gains = np.exp2(gains - top) - np.exp2(-top)
        counts = self.is_relevant(ranked) & ranked.within(self.k)
        return ranked.sums(counts, gains / ranked.discounts)
