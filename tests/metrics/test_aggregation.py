"""Other ways to one number for a run, by numpy and by hand."""

import math

import numpy as np
import pytest

from metrics.aggregation import Composite, Median, PassRate, Quantile, WeightedMean
from metrics.base import Family, Part, run_value
from metrics.batch import Batch
from metrics.catalog import MetricSpec, build
from metrics.fields import MetricParamsError
from metrics.match.exact_match import ExactMatch
from metrics.match.token_f1 import TokenF1
from metrics.operational import ErrorRate, Latency
from metrics.overlap.bleu import Bleu
from metrics.overlap.rouge import RougeL
from metrics.reasons import Reason
from metrics.statistics.intervals import estimate
from metrics.statistics.yardstick import Column, Yardstick
from tests.metrics.texts import corpus, expecting

OUTPUTS = ["a b c d", "a b x y", "x", "a b c d e", None]
EXPECTED = ["a b c d", "a b c d", "a b c d", "a b c d", "a b c d"]


def weighted(*weights):
    return Batch(
        outputs=OUTPUTS[: len(weights)],
        expected_outputs=EXPECTED[: len(weights)],
        references=[[]] * len(weights),
        metadata=[{"weight": weight} for weight in weights],
    )


def test_median_and_quantile_are_numpys_over_the_outputs():
    values = RougeL().score(expecting(OUTPUTS, EXPECTED)).values
    median, p75 = Median(of=RougeL()), Quantile(of=RougeL(), share=0.75)

    for metric, expected in ((median, np.median(values)), (p75, np.quantile(values, 0.75))):
        assert run_value(metric, metric.score(expecting(OUTPUTS, EXPECTED))) == expected
    assert median.family is p75.family is Family.QUANTILE
    assert (p75.level, Quantile().level) == (0.75, 0.9)


@pytest.mark.parametrize(
    ("threshold", "passed"), [(0.5, [1, 1, 0, 1, 0]), (None, [1, 0, 0, 0, 0])]
)
def test_outputs_pass_from_the_threshold_on(threshold, passed):
    metric = PassRate(of=TokenF1(normalize=()), threshold=threshold)

    assert metric.score(expecting(OUTPUTS, EXPECTED)).values.tolist() == passed


def test_a_threshold_that_is_the_best_value_is_the_same_as_none():
    assert PassRate(of=TokenF1()).signature == PassRate(of=TokenF1(), threshold=1.0).signature


def test_where_less_is_better_an_output_passes_up_to_the_threshold():
    passed = PassRate(of=ErrorRate()).score(expecting(OUTPUTS, EXPECTED)).values

    assert passed.tolist() == [1, 1, 1, 1, 0]


def test_a_weighted_mean_is_numpys_average():
    batch = weighted(3, 1, 0, 0.5, 2)
    values = RougeL().score(batch).values
    metric = WeightedMean(of=RougeL())
    scores = metric.score(batch)

    assert scores.values.tolist() == values.tolist()
    assert run_value(metric, scores) == pytest.approx(
        np.average(values, weights=[3, 1, 0, 0.5, 2]), rel=1e-15
    )


def test_its_error_is_the_ratio_estimators():
    # Cochran, "Sampling Techniques" (1977), equation 6.13, without the finite population.
    rng = np.random.default_rng(1)
    weights, values = rng.uniform(0.5, 2, 400), rng.uniform(size=400)
    column = Column(values=values, statistics=np.column_stack([weights * values, weights]))
    found = estimate(column, Yardstick.of(WeightedMean()))
    residuals = weights * (values - found.value)
    error = math.sqrt((residuals**2).sum() / 399 / 400) / weights.mean()

    assert (found.interval.high - found.interval.low) / 2 == pytest.approx(
        1.9659 * error, rel=1e-3
    )


@pytest.mark.parametrize("weight", [None, -1, "2", True, [1], math.nan, 1e308, 10**400])
def test_an_example_without_a_weight_is_unscored(weight):
    scores = WeightedMean().score(weighted(weight, 1))

    assert scores.reasons.tolist() == [Reason.NO_WEIGHT, Reason.SCORED]
    assert math.isnan(run_value(WeightedMean(), WeightedMean().score(weighted(0, 0))))


def test_means_in_a_composite_are_averaged_by_output():
    metric = build(
        MetricSpec(
            name="composite",
            params={
                "parts": [
                    {"metric": "token_f1", "weight": 3},
                    {"metric": {"name": "exact_match"}, "weight": 1},
                    {"metric": "error_rate", "weight": 4},
                ]
            },
        )
    )
    batch = expecting(OUTPUTS, EXPECTED)
    f1, exact = TokenF1().score(batch).values, ExactMatch().score(batch).values
    errors = np.array([0, 0, 0, 0, 1])

    assert metric.family is Family.MEAN
    assert metric.score(batch).values == pytest.approx((3 * f1 + exact + 4 * (1 - errors)) / 8)
    signed = "3.0*({}),1.0*({}),4.0*({})".format(*(p.metric.signature for p in metric.parts))
    assert metric.signature == f"composite|v1|parts:[{signed}]"


def test_a_corpus_metric_in_a_composite_keeps_its_own_value():
    outputs, references = corpus(200)
    batch = Batch(outputs=outputs, expected_outputs=[None] * 200, references=references)
    metric = Composite(parts=(Part(metric=Bleu(), weight=1.0), Part(metric=RougeL(), weight=3.0)))
    bleu, rouge = (run_value(one, one.score(batch)) for one in (Bleu(), RougeL()))

    scores = metric.score(batch)

    assert metric.family is Family.CORPUS
    assert run_value(metric, scores) == pytest.approx((bleu / 100 + 3 * rouge) / 4, rel=1e-12)
    assert scores.statistics.shape == (200, 12)


def test_an_output_that_one_part_leaves_unscored_is_unscored():
    parts = (Part(metric=ErrorRate(), weight=1.0), Part(metric=ExactMatch(), weight=1.0))
    scores = Composite(parts=parts).score(expecting(["a", "a"], [None, "a"]))

    assert scores.reasons.tolist() == [Reason.NO_REFERENCE, Reason.SCORED]


@pytest.mark.parametrize(
    ("name", "params", "sentence"),
    [
        ("median", {"of": "bleu"}, "median reads the values of single examples"),
        ("quantile", {"share": 1}, "quantile: share is a number from 0.001 to 0.999"),
        ("pass_rate", {"of": "output_length"}, "output_length has no better side"),
        ("pass_rate", {"of": "nothing"}, "no metric 'nothing'"),
        ("pass_rate", {"of": {"name": "bleu", "as": "b"}}, 'has no "as"'),
        ("weighted_mean", {"weight": ""}, "weight names a metadata field"),
        ("composite", {"parts": []}, "a list of 1 to 10 parts"),
        ("composite", {"parts": ["bleu"]}, 'parts[0] has two members, "metric" and "weight"'),
        ("composite", {"parts": [{"metric": "bleu", "weight": 0}]}, "a number above 0"),
        ("composite", {"parts": [{"metric": "bleu", "weight": "1"}]}, "a number above 0"),
        ("composite", {"parts": [{"metric": "latency", "weight": 1}]}, "takes no quantiles"),
        ("composite", {"parts": [{"metric": "cost", "weight": 1}]}, "cost has none"),
        ("composite", {"parts": [{"metric": "output_length", "weight": 1}]}, "has none"),
        ("composite", {"parts": [{"metric": "f1_macro", "weight": 1}]}, "classes or bins"),
        ("composite", {"parts": [{"metric": "ece", "weight": 1}]}, "such as accuracy or brier"),
        (
            "pass_rate",
            {
                "of": {
                    "name": "median",
                    "params": {"of": {"name": "median", "params": {"of": "median"}}},
                }
            },
            "one metric too many: 3 may be nested",
        ),
    ],
)
def test_what_cannot_be_aggregated_is_refused(name, params, sentence):
    with pytest.raises(MetricParamsError) as refused:
        build(MetricSpec(name=name, params=params))

    assert sentence in str(refused.value)


def test_an_aggregate_takes_scale_and_columns_from_what_it_is_of():
    metric = WeightedMean(of=ErrorRate())

    assert (metric.low, metric.high, metric.higher_is_better) == (0.0, 1.0, False)
    assert metric.reads == ("metadata",)
    assert Composite().describe()["params"][0]["default"] == [
        {"metric": "exact_match", "weight": 1.0},
        {"metric": "token_f1", "weight": 1.0},
    ]
    assert Latency(statistic="mean").family is Family.MEAN
