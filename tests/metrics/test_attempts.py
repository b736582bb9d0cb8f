"""Metrics of several attempts: their formulas, and what errors, ties and gaps do."""

import dataclasses
import itertools
import math
import statistics
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import hypergeom

from metrics.attempts import (
    BestOfAttempts,
    Flakiness,
    MajorityVote,
    PassAtK,
    PassHatK,
    WorstOfAttempts,
)
from metrics.base import Family, Metric
from metrics.batch import Batch, Json
from metrics.catalog import MetricSpec, build
from metrics.fields import MetricParamsError
from metrics.match.exact_match import ExactMatch
from metrics.match.token_f1 import TokenF1
from metrics.overlap.bleu import Bleu
from metrics.overlap.rouge import RougeL
from metrics.reasons import Reason
from metrics.retrieval import Mrr
from metrics.statistics.intervals import Interval, estimate
from metrics.statistics.yardstick import Column, Yardstick

NESTING = (PassAtK, PassHatK, BestOfAttempts, WorstOfAttempts, Flakiness)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Misses(TokenF1):
    """A metric of which less is better."""

    name: ClassVar[str] = "misses"
    higher_is_better: ClassVar[bool | None] = False

    def pair_value(self, output: str, reference: str) -> float:
        return 1 - super().pair_value(output, reference)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sharing(TokenF1):
    """A metric without a better side."""

    name: ClassVar[str] = "sharing"
    higher_is_better: ClassVar[bool | None] = None


def attempted(*examples: Sequence[Json], expected: Sequence[Json] | None = None) -> Batch:
    """Return a batch of examples with as many attempts each, whose right answer is "13"."""
    attempts = len(examples[0])
    wanted = expected or ["13"] * len(examples)
    return Batch(
        outputs=[output for example in examples for output in example],
        expected_outputs=[one for one in wanted for _ in range(attempts)],
        references=[[]] * (attempts * len(examples)),
        attempts=attempts,
    )


def value(metric: Metric, *outputs: Json) -> float:
    """Return the one value that stands on every attempt."""
    scores = metric.score(attempted(outputs))
    assert len(set(scores.values.tolist())) == 1
    assert not scores.reasons.any()
    return float(scores.values[0])


def by_example(metric: Metric, batch: Batch) -> list[float]:
    """Return the value of each example."""
    values = metric.score(batch).values.reshape(-1, batch.attempts)
    folded: list[float] = Column(values=values).folded().values.tolist()
    return folded


def with_passes(n: int, c: int) -> list[str]:
    return ["13"] * c + ["wrong"] * (n - c)


# --- pass@k and pass^k --------------------------------------------------------------------------


def published_pass_at_k(n: int, c: int, k: int) -> float:
    """Return the estimator as Chen et al. 2021 print it (figure 3)."""
    if n - c < k:
        return 1.0
    return float(1.0 - np.prod(1.0 - k / np.arange(n - c + 1, n + 1)))


@pytest.mark.parametrize("n", [1, 2, 5, 20, 200])
def test_pass_at_k_is_the_published_estimator_and_the_hypergeometric_chance(n):
    for c, k in itertools.product({0, 1, n // 3, n - 1, n}, {1, 2, n // 2 + 1, n}):
        if k > n:
            continue
        found = PassAtK.chance(n, c, k)
        assert found == pytest.approx(published_pass_at_k(n, c, k), rel=1e-12, abs=1e-15)
        assert found == pytest.approx(1 - hypergeom.pmf(0, n, c, k), rel=1e-9, abs=1e-12)
        assert PassHatK.chance(n, c, k) == pytest.approx(hypergeom.pmf(k, n, c, k), abs=1e-12)


@pytest.mark.parametrize("k", [1, 2, 3, 5])
@pytest.mark.parametrize("c", range(6))
def test_the_chances_are_the_shares_of_all_ways_to_draw(c, k):
    outputs = with_passes(5, c)
    draws = list(itertools.combinations(outputs, k))

    assert value(PassAtK(k=k), *outputs) == sum("13" in draw for draw in draws) / len(draws)
    assert value(PassHatK(k=k), *outputs) == sum(set(draw) == {"13"} for draw in draws) / len(
        draws
    )


def test_one_draw_is_the_mean_of_the_attempts():
    outputs = with_passes(7, 3)

    assert value(PassAtK(), *outputs) == value(PassHatK(), *outputs) == 3 / 7


def test_what_passes_is_at_or_beyond_the_threshold_on_the_better_side():
    outputs = ["13 x", "13", "b"]  # F1 of 2/3, 1, 0

    assert value(PassAtK(of=TokenF1()), *outputs) == pytest.approx(1 / 3)
    assert value(PassAtK(of=TokenF1(), threshold=2 / 3), *outputs) == pytest.approx(2 / 3)
    assert value(PassAtK(of=Misses()), *outputs) == pytest.approx(1 / 3)
    assert value(PassAtK(of=Misses(), threshold=0.34), *outputs) == pytest.approx(2 / 3)


def test_the_threshold_that_counts_stands_in_the_signature():
    assert PassAtK().signed_params()["threshold"] == 1.0
    assert PassAtK() == PassAtK(threshold=1.0)
    assert PassAtK(of=Misses()).signed_params()["threshold"] == 0.0


# --- best, worst, flakiness ---------------------------------------------------------------------


def test_best_and_worst_follow_the_inner_metrics_direction():
    outputs = ["13 x", "13", "b"]

    assert value(BestOfAttempts(of=TokenF1()), *outputs) == 1.0
    assert value(WorstOfAttempts(of=TokenF1()), *outputs) == 0.0
    assert value(BestOfAttempts(of=Misses()), *outputs) == 0.0
    assert value(WorstOfAttempts(of=Misses()), *outputs) == 1.0


def test_best_and_worst_stand_on_the_inner_metrics_scale():
    metric = BestOfAttempts(of=Misses())

    assert (metric.higher_is_better, metric.worst, metric.family) == (False, 1.0, Family.MEAN)
    assert BestOfAttempts().family is Family.BINARY
    assert BestOfAttempts(of=Mrr()).reads == ("relevant", "retrieved")


@pytest.mark.parametrize(
    "outputs", [["13", "a"], ["13", "13"], ["13", "13 x", "13 y", "c"], ["a", "b", "13"] * 3]
)
def test_flakiness_is_the_share_of_pairs_that_differ(outputs):
    inner = TokenF1()
    values = inner.score(attempted(outputs)).values.tolist()
    pairs = list(itertools.combinations(values, 2))

    found = value(Flakiness(of=inner), *outputs)

    assert found == pytest.approx(sum(one != other for one, other in pairs) / len(pairs))


def test_always_wrong_in_different_words_is_not_flaky():
    assert value(Flakiness(), "a", "b", None) == 0.0
    assert Flakiness().higher_is_better is False


# --- the majority -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outputs", "right"),
    [
        (["13", "13", "a"], 1.0),
        (["13", "a", "a"], 0.0),
        (["13", " 13\n", "a", "a", "b"], 0.5),
        (["13", "a", "b", "c"], 0.25),
        (["13"], 1.0),
    ],
)
def test_the_most_frequent_answer_counts_and_ties_share(outputs, right):
    winners = statistics.multimode(output.strip() for output in outputs)
    assert right == winners.count("13") / len(winners)

    for order in itertools.islice(itertools.permutations(outputs), 24):
        assert value(MajorityVote(), *order) == right


def test_no_output_is_an_answer_and_a_wrong_one():
    assert value(MajorityVote(), "13", None, None) == 0.0
    assert value(MajorityVote(), "13", "13", None) == 1.0
    assert value(MajorityVote(), None, None) == 0.0
    assert value(MajorityVote(extract=r"A: (\d+)"), "A: 13", "B: 13", "13") == 0.0


def test_the_vote_is_over_answers_and_not_over_their_wording():
    metric = build(
        MetricSpec(
            name="majority_vote",
            params={"extract": r"A:\s*(.+?)\s*$", "normalize": ["plain_number"]},
        )
    )

    assert value(metric, "8 + 5\nA: 13", "5 + 8 = 13\nA: $13", "A: 12") == 1.0


def test_any_reference_is_an_accepted_answer():
    batch = dataclasses.replace(attempted(["xiii", "13", "xiii"]), references=[["13", "xiii"]] * 3)

    assert MajorityVote(against="references").score(batch).values.tolist() == [1.0] * 3


# --- errors and gaps ----------------------------------------------------------------------------


def test_an_error_is_an_attempt_that_does_not_pass():
    assert value(PassAtK(), "13", None, None, None) == 0.25
    assert value(PassHatK(k=2), "13", "13", None) == pytest.approx(1 / 3)
    assert value(WorstOfAttempts(), "13", None) == 0.0
    assert value(Flakiness(), "13", None) == 1.0


@pytest.mark.parametrize("metric", [PassAtK(k=3), PassHatK(k=3), Flakiness()])
def test_fewer_attempts_than_it_takes_are_no_value_and_a_reason(metric):
    scores = metric.score(attempted(["13"], ["a"]))

    assert scores.reasons.tolist() == [Reason.TOO_FEW_ATTEMPTS] * 2
    assert np.isnan(scores.values).all()


def test_attempts_that_cannot_be_scored_are_passed_over():
    examples = attempted(["13", {"a": 1}, "a"], [{"a": 1}, {"a": 1}, "13"], ["13"] * 3)

    assert PassAtK(k=2).score(examples).reasons.tolist() == [
        *[Reason.SCORED, Reason.NOT_TEXT, Reason.SCORED],
        *[Reason.NOT_TEXT, Reason.NOT_TEXT, Reason.TOO_FEW_ATTEMPTS],
        *[Reason.SCORED] * 3,
    ]
    assert by_example(PassAtK(), examples) == [0.5, 1.0, 1.0]
    assert by_example(BestOfAttempts(), examples) == [1.0] * 3
    assert by_example(WorstOfAttempts(), examples) == [0.0, 1.0, 1.0]
    assert by_example(MajorityVote(), examples) == [0.5, 1.0, 1.0]


@pytest.mark.parametrize("metric", [*(kind() for kind in NESTING), MajorityVote()])
def test_an_attempt_that_cannot_be_scored_is_counted_although_its_example_has_a_value(metric):
    scores = metric.score(attempted(["13", "13", {"a": 1}]))

    assert scores.reasons.tolist() == [Reason.SCORED, Reason.SCORED, Reason.NOT_TEXT]


@pytest.mark.parametrize("metric", [*(kind() for kind in NESTING), MajorityVote()])
def test_an_example_no_attempt_of_which_can_be_scored_keeps_its_reason(metric):
    scores = metric.score(attempted(["13", "a"], ["13", "13"], expected=[None, "13"]))

    assert scores.reasons.tolist() == [Reason.NO_REFERENCE] * 2 + [Reason.SCORED] * 2


@pytest.mark.parametrize("kind", NESTING)
def test_a_metric_of_the_whole_run_is_refused(kind):
    with pytest.raises(MetricParamsError, match="bleu is a metric of the whole run"):
        kind(of=Bleu())


def test_what_has_no_better_side_neither_passes_nor_is_best():
    for kind in (PassAtK, PassHatK, BestOfAttempts, WorstOfAttempts):
        with pytest.raises(MetricParamsError, match="sharing has no better side"):
            kind(of=Sharing())
    assert value(Flakiness(of=Sharing()), "13", "a") == 1.0


# --- over the examples of a run -----------------------------------------------------------------


@given(
    counts=st.lists(st.integers(0, 7), min_size=2, max_size=12),
    k=st.integers(1, 7),
)
def test_a_runs_value_and_interval_are_over_examples(counts, k):
    metric = PassAtK(k=k)
    scores = metric.score(attempted(*(with_passes(7, c) for c in counts)))
    chances = [PassAtK.chance(7, c, k) for c in counts]

    on_attempts = Column(values=scores.values.reshape(-1, 7))
    found = estimate(on_attempts, Yardstick.of(metric))

    assert on_attempts.folded().values.tolist() == chances
    assert found.n == len(counts)
    assert found.value == math.fsum(chances) / len(chances)
    if len(set(chances)) > 1:
        assert isinstance(found.interval, Interval)
        alone = estimate(Column(values=np.array(chances)), Yardstick.of(metric))
        assert found.interval == alone.interval


def test_a_metric_of_attempts_can_be_asked_for_in_json():
    spec = {"of": {"name": "rouge_l", "params": {"stemmer": True}}, "threshold": 0.5, "k": 3}

    metric = build(MetricSpec(name="pass_at_k", params=spec))

    assert metric == PassAtK(of=RougeL(stemmer=True), threshold=0.5, k=3)
    assert build(MetricSpec(name="best_of_attempts")) == BestOfAttempts(of=ExactMatch())
