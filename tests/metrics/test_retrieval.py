"""Metrics of retrieval: equal to trec_eval, and the rules for everything that is missing."""

import itertools
import math
import random
from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
import pytest
import pytrec_eval

from metrics.base import Metric, run_value, score_many
from metrics.batch import Batch, Json
from metrics.catalog import MetricSpec, build
from metrics.ranking import Ranking
from metrics.reasons import Reason
from metrics.retrieval import (
    AveragePrecision,
    HitAtK,
    Mrr,
    NdcgAtK,
    PrecisionAtK,
    RecallAtK,
    RetrievalMetric,
)

Documents = Sequence[Mapping[str, Json]] | None

every = pytest.mark.parametrize(
    "metric",
    [PrecisionAtK(), RecallAtK(), HitAtK(), Mrr(), AveragePrecision(), NdcgAtK()],
    ids=lambda metric: metric.name,
)


def listed(*ids: str) -> list[dict[str, Json]]:
    return [{"id": one} for one in ids]


def scored(**scores: float) -> list[dict[str, Json]]:
    return [{"id": one, "score": score} for one, score in scores.items()]


def retrieval(
    retrieved: Sequence[Documents],
    relevant: Sequence[Mapping[str, float] | None],
    outputs: Sequence[Json] | None = None,
) -> Batch:
    n = len(retrieved)
    return Batch(
        outputs=[""] * n if outputs is None else outputs,
        expected_outputs=[None] * n,
        references=[[]] * n,
        relevant=relevant,
        retrieved=retrieved,
    )


def value(metric: Metric, retrieved: Documents, relevant: Mapping[str, float]) -> float:
    return float(metric.score(retrieval([retrieved], [relevant])).values[0])


# --- trec_eval, through pytrec_eval -------------------------------------------------------------

N = 600
K = (1, 3, 10, 100)
IDS = (*(f"d{number}" for number in range(60)), "D1", "é", "漢字", "~", " ", "doc-10", "😀")


Query = tuple[dict[str, int], dict[str, float]]


@cache
def queries(n: int) -> tuple[Query, ...]:
    """Return qrels and runs with ties, near ties, unjudged documents and grades from -1 to 4."""
    rng = random.Random(5)
    asked: list[Query] = []
    while len(asked) < n:
        qrel = {one: rng.choice([-1, 0, 0, 0, 1, 1, 2, 4]) for one in rng.sample(IDS, 30)}
        found = rng.sample(IDS, rng.choice([0, 1, 5, 60]))
        digits = rng.choice([0, 1, 6])
        run = {one: round(rng.gauss(0, 3), digits) for one in found}
        if rng.random() < 0.2:  # apart in double precision, equal in single
            run = {one: 7.0 + at * 1e-9 for at, one in enumerate(found)}
        if max(qrel.values()) == 4:
            asked.append((qrel, run))
    return tuple(asked)


@cache
def trec_eval(relevant_from: int = 1) -> dict[str, list[float]]:
    """Return trec_eval's value of every query for each of its measures."""
    return evaluated(queries(N), relevant_from)


def evaluated(asked: Sequence[Query], relevant_from: int = 1) -> dict[str, list[float]]:
    qrels = {str(at): qrel for at, (qrel, _) in enumerate(asked)}
    cut = ",".join(map(str, K))
    measures = {f"{name}.{cut}" for name in ("P", "recall", "success", "ndcg_cut", "map_cut")}
    measures |= {"map", "recip_rank", "ndcg"}
    evaluator = pytrec_eval.RelevanceEvaluator(qrels, measures, relevant_from)
    found = evaluator.evaluate({str(at): run for at, (_, run) in enumerate(asked)})
    return {name: [found[query][name] for query in qrels] for name in found["0"]}


@cache
def asked_of_us() -> Batch:
    rng = random.Random(1)
    lists = [scored(**run) for _, run in queries(N)]
    for documents in lists:
        rng.shuffle(documents)
    return retrieval(lists, [qrel for qrel, _ in queries(N)])


def ours(metric: Metric) -> list[float]:
    values: list[float] = metric.score(asked_of_us()).values.tolist()
    return values


@pytest.mark.parametrize(
    ("metric", "measure"),
    [
        *((PrecisionAtK(k=k), f"P_{k}") for k in K),
        *((RecallAtK(k=k), f"recall_{k}") for k in K),
        *((HitAtK(k=k), f"success_{k}") for k in K),
        *((NdcgAtK(k=k), f"ndcg_cut_{k}") for k in K),
        *((AveragePrecision(k=k), f"map_cut_{k}") for k in K),
        (AveragePrecision(), "map"),
        (Mrr(), "recip_rank"),
        (NdcgAtK(k=1_000_000), "ndcg"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_every_value_has_trec_evals_bits(metric, measure):
    assert ours(metric) == trec_eval()[measure]


@pytest.mark.parametrize("relevant_from", [2, 4])
@pytest.mark.parametrize(
    ("kind", "measure"),
    [
        (PrecisionAtK, "P_10"),
        (RecallAtK, "recall_10"),
        (HitAtK, "success_10"),
        (AveragePrecision, "map"),
        (Mrr, "recip_rank"),
    ],
)
def test_the_lowest_relevant_grade_is_trec_evals_level(kind, measure, relevant_from):
    assert ours(kind(relevant_from=relevant_from)) == trec_eval(relevant_from)[measure]


def test_a_cut_reciprocal_rank_is_that_of_the_first_k_documents():
    whole = trec_eval()["recip_rank"]

    assert ours(Mrr(k=3)) == [found if found >= 1 / 3 else 0.0 for found in whole]


def test_exponential_gain_is_trec_evals_ndcg_of_grades_that_are_gains_already():
    gains = [
        ({one: 2**grade - 1 for one, grade in qrel.items() if grade >= 0}, run)
        for qrel, run in queries(N)
    ]

    assert ours(NdcgAtK(gain="exponential")) == evaluated(gains)["ndcg_cut_10"]


# --- published worked examples ------------------------------------------------------------------


def test_average_precision_of_two_systems_in_manning_et_al_exercise_8_8():
    relevant = {f"r{at}": 1 for at in range(4)}
    numbers = [itertools.count(), itertools.count()]
    rankings = ["RNRNNNNNRR", "NRNNRRRNNN"]
    lists = [
        listed(*(f"r{next(number)}" if one == "R" else f"n{at}" for at, one in enumerate(ranking)))
        for ranking, number in zip(rankings, numbers, strict=True)
    ]

    values = AveragePrecision().score(retrieval(lists, [relevant] * 2)).values

    assert values == pytest.approx([0.6, (1 / 2 + 2 / 5 + 3 / 6 + 4 / 7) / 4])
    assert values[1] == pytest.approx(0.493, abs=5e-4)


def test_precision_and_recall_of_manning_et_al_exercise_8_9():
    """The first 20 of 10,000 documents hold 6 of 8 relevant ones: R R N N N N N N R N R ..."""
    ranking = "RRNNNNNNRNRNNNRNNNNR"
    number = itertools.count()
    found = listed(
        *(f"r{next(number)}" if one == "R" else f"n{at}" for at, one in enumerate(ranking))
    )
    relevant = {f"r{at}": 1 for at in range(8)}

    assert value(PrecisionAtK(k=20), found, relevant) == 0.3
    assert value(RecallAtK(k=20), found, relevant) == 0.75
    total = 1 + 1 + 3 / 9 + 4 / 11 + 5 / 15 + 6 / 20
    assert value(AveragePrecision(), found, relevant) == pytest.approx(total / 8)


def test_ndcg_of_six_documents_in_the_encyclopedias_article_on_discounted_cumulative_gain():
    """Wikipedia, "Discounted cumulative gain": DCG 6.861, ideal 8.740, nDCG 0.785."""
    relevant = {"d1": 3, "d2": 2, "d3": 3, "d4": 0, "d5": 1, "d6": 2, "d7": 3, "d8": 2}
    found = listed("d1", "d2", "d3", "d4", "d5", "d6")

    assert value(NdcgAtK(k=6), found, relevant) == pytest.approx(0.785, abs=5e-4)


# --- order, ties and duplicates -----------------------------------------------------------------


def documents(retrieved: Sequence[Mapping[str, Json]], **parameters: str) -> list[str]:
    return list(Ranking(**{"order": "score", "ties": "id", **parameters}).documents(retrieved))


def test_scores_rank_and_equal_scores_are_ranked_by_id_from_the_last():
    found = scored(b=1.0, a=2.0, d=1.0, c=1.0)

    assert documents(found) == ["a", "d", "c", "b"]
    assert documents(found, ties="listed") == ["a", "b", "d", "c"]
    assert documents(found, order="listed") == ["b", "a", "d", "c"]


def test_scores_are_compared_in_single_precision():
    assert documents(scored(a=0.5 + 1e-9, b=0.5)) == ["b", "a"]
    assert documents(scored(a=0.5 + 1e-6, b=0.5)) == ["a", "b"]
    assert documents(scored(a=1e300, b=1e301, c=-1e300)) == ["b", "a", "c"]


def test_the_list_ranks_where_a_document_has_no_score():
    assert documents(listed("b", "a", "c")) == ["b", "a", "c"]
    assert documents([*scored(b=1.0), {"id": "a"}, *scored(c=9.0)]) == ["b", "a", "c"]
    assert documents([*scored(b=1.0), {"id": "a", "score": None}]) == ["b", "a"]
    assert documents([]) == []


def test_a_document_listed_twice_counts_once_at_its_better_rank():
    assert documents(listed("a", "b", "a", "c")) == ["a", "b", "c"]
    twice = [*scored(a=1.0, b=2.0), *scored(a=3.0)]
    assert documents(twice) == ["a", "b"]
    assert value(RecallAtK(k=3), listed("a", "a", "a", "b"), {"a": 1, "b": 1}) == 1.0
    assert value(PrecisionAtK(k=2), listed("a", "a"), {"a": 1}) == 0.5


# --- what is missing ----------------------------------------------------------------------------


@every
def test_who_finds_nothing_scores_the_worst(metric):
    batch = retrieval(
        [[], None, listed("n"), listed("a"), listed("a")],
        [{"a": 1}] * 5,
        outputs=["", "", "", None, ""],
    )

    scores = metric.score(batch)

    assert scores.values[:4].tolist() == [metric.worst] * 4 == [0.0] * 4
    assert scores.values[4] > 0
    assert not scores.reasons.any()


@every
def test_an_example_with_nothing_to_find_has_a_reason_and_no_value(metric):
    scores = metric.score(retrieval([listed("a")] * 4, [None, {}, {"a": 0}, {"a": -1}]))

    assert scores.reasons.tolist() == [Reason.NO_RELEVANT] * 4
    assert np.isnan(scores.values).all()
    assert math.isnan(run_value(metric, scores))


def test_a_grade_below_the_lowest_relevant_one_leaves_nothing_to_find():
    scores = RecallAtK(relevant_from=2).score(retrieval([listed("a")], [{"a": 1}]))

    assert scores.reasons.tolist() == [Reason.NO_RELEVANT]


@every
def test_documents_that_nobody_judged_are_not_relevant(metric):
    judged = value(metric, listed("n", "a"), {"a": 1, "n": 0})

    assert value(metric, listed("n", "a"), {"a": 1}) == judged


def test_grades_may_be_fractions_and_very_high():
    relevant = {"a": 0.5, "b": 1.5}
    assert value(NdcgAtK(), listed("a", "b"), relevant) == pytest.approx(
        (0.5 + 1.5 / math.log2(3)) / (1.5 + 0.5 / math.log2(3))
    )
    assert value(PrecisionAtK(k=2), listed("a", "b"), relevant) == 0.5
    assert value(PrecisionAtK(k=2, relevant_from=0.5), listed("a", "b"), relevant) == 1.0

    steep = value(NdcgAtK(gain="exponential"), listed("n", "a"), {"a": 2_000_000_000, "n": 3})
    assert steep == pytest.approx(1 / math.log2(3))


@every
def test_the_best_ranking_scores_the_best(metric):
    ids = [f"d{number}" for number in range(10)]
    grades = {one: 1 + number for number, one in enumerate(reversed(ids))}

    assert value(metric, listed(*ids), grades) == metric.best


# --- parameters ---------------------------------------------------------------------------------


def test_what_decides_the_ranking_stands_in_the_signature():
    assert NdcgAtK().signature == 'ndcg_at_k|v1|order:"score"|ties:"id"|k:10|gain:"linear"'
    assert build(MetricSpec(name="mrr", params={"k": 5, "ties": "listed"})).signature == (
        'mrr|v1|order:"score"|ties:"listed"|relevant_from:1.0|k:5'
    )


def test_metrics_that_rank_alike_share_one_ranking(monkeypatch):
    made = []
    rank = Ranking.documents
    monkeypatch.setattr(
        Ranking, "documents", lambda self, found: made.append(self) or rank(self, found)
    )
    metrics: list[RetrievalMetric] = [Mrr(), Mrr(k=3), NdcgAtK(), Mrr(order="listed")]

    score_many(metrics, retrieval([listed("a")], [{"a": 1}]))

    assert [one.order for one in made] == ["score", "listed"]
