"""Classification over a run, held to scikit-learn and to published examples."""

import itertools
import math
import random
import warnings
from dataclasses import replace

import numpy as np
import pytest
from sklearn import metrics as sklearn

from metrics.base import Family, run_value
from metrics.batch import Batch, Scores, joined
from metrics.catalog import CATALOG, MetricSpec, build, sample_of
from metrics.classes.classification import (
    Accuracy,
    BalancedAccuracy,
    ClassF1,
    ClassPrecision,
    ClassRecall,
    CohenKappa,
    F1Macro,
    F1Micro,
    F1Weighted,
    Mcc,
)
from metrics.classes.labels import MAX_LABEL_CHARACTERS, LabelMetric
from metrics.contract import bits_of
from metrics.fields import MetricParamsError
from metrics.reasons import Reason
from metrics.rows import Rows
from metrics.statistics.groups import Groups
from metrics.statistics.influence import influences
from metrics.statistics.intervals import Interval, estimate
from metrics.statistics.pairs import compare
from metrics.statistics.yardstick import Column, Yardstick, value_of
from metrics.vocabulary import MAX_CLASSES, NoClassesError, expected_labels, renamed
from tests.metrics.texts import expecting

LABEL_METRICS = [sample_of(cls) for cls in CATALOG if issubclass(cls, LabelMetric)]
every_label_metric = pytest.mark.parametrize("metric", LABEL_METRICS, ids=lambda one: one.name)
OTHER = "none of them"


def answered(n: int, classes: int = 4, *, right: float = 0.7, seed: int = 1):
    """Return n expected labels, the later the rarer, and what a system said, some of it other."""
    rng = random.Random(seed)
    labels = [f"class {number}" for number in range(classes)]
    expected = rng.choices(labels, weights=[1 / (k + 1) for k in range(classes)], k=n)
    said = [
        label if rng.random() < right else rng.choice([*labels, "something else", "no idea"])
        for label in expected
    ]
    return expected, said


def column_of(metric, scores: Scores, attempts: int = 1) -> Column:
    settled = metric.settled(scores)
    shaped = settled.statistics.reshape(-1, attempts, 2)
    values = settled.values.reshape(-1, attempts)
    return Column(values=values, statistics=metric.additive(Rows.of(shaped), settled.labels))


def references(expected, said) -> dict[str, float]:
    """Return scikit-learn's numbers; what is no class is one label for the metrics over all."""
    classes = sorted(set(expected))
    told = [label if label in classes else OTHER for label in said]
    f1 = {
        average: sklearn.f1_score(
            expected, said, labels=classes, average=average, zero_division=0.0
        )
        for average in ("macro", "micro", "weighted")
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of what is said and never expected
        balanced = sklearn.balanced_accuracy_score(expected, told)
    return {
        "accuracy": sklearn.accuracy_score(expected, said),
        **{f"f1_{average}": value for average, value in f1.items()},
        "balanced_accuracy": balanced,
        "mcc": sklearn.matthews_corrcoef(expected, told),
        "cohen_kappa": sklearn.cohen_kappa_score(expected, said),
    }


@pytest.mark.parametrize(
    ("n", "classes"), [(9, 2), (60, 2), (200, 3), (500, 12), (2000, 40), (900, 300)]
)
def test_the_numbers_are_scikit_learns(n, classes):
    expected, said = answered(n, classes, seed=n)

    numbers = {
        metric.name: run_value(metric, metric.score(expecting(said, expected)))
        for metric in LABEL_METRICS
        if not metric.name.startswith("class_")
    }

    assert numbers == pytest.approx(references(expected, said), abs=1e-12)


@pytest.mark.parametrize("cls", [ClassPrecision, ClassRecall, ClassF1])
def test_the_class_that_is_meant_must_be_said(cls):
    needs = f"^{cls.name} needs label: the class, as it stands in the expected outputs.$"
    for params in ({}, {"normalize": ["strip"]}):
        with pytest.raises(MetricParamsError, match=needs):
            build(MetricSpec(name=cls.name, params=params))
    with pytest.raises(MetricParamsError, match="label is text, not None"):
        build(MetricSpec(name=cls.name, params={"label": None}))

    (label,) = [one for one in cls.describe()["params"] if one["name"] == "label"]
    assert (label["required"], label["default"]) == (True, None)
    assert all(not one["required"] for one in F1Macro.describe()["params"])
    asked = build(MetricSpec(name=cls.name, params={"label": "spam"}))
    assert asked.signature == cls(label="spam").signature


@pytest.mark.parametrize("seed", range(3))
def test_one_class_and_chosen_classes_are_scikit_learns(seed):
    expected, said = answered(150, 4, seed=seed)
    chosen = ["class 0", "class 2"]
    batch = expecting(said, expected)
    precision, recall, f1, _ = sklearn.precision_recall_fscore_support(
        expected, said, labels=["class 2"], zero_division=0.0
    )

    one = [
        run_value(cls(label="Class 2"), cls(label="Class 2").score(batch))
        for cls in (ClassPrecision, ClassRecall, ClassF1)
    ]
    some = [
        run_value(metric, metric.score(batch))
        for name in ("f1_macro", "f1_micro", "f1_weighted")
        for metric in [build(MetricSpec(name=name, params={"labels": chosen}))]
    ]

    assert one == pytest.approx([precision[0], recall[0], f1[0]], abs=1e-12)
    assert some == pytest.approx(
        [
            sklearn.f1_score(expected, said, labels=chosen, average=average)
            for average in ("macro", "micro", "weighted")
        ],
        abs=1e-12,
    )


def test_the_example_of_scikit_learns_user_guide():
    expected, said = ["0", "1", "2", "0", "1", "2"], ["0", "2", "1", "0", "0", "1"]

    values = [
        run_value(metric, metric.score(expecting(said, expected)))
        for metric in (F1Macro(), F1Micro(), F1Weighted())
    ]

    # scikit-learn, documentation of f1_score: 0.267, 0.33, 0.267
    assert values == pytest.approx([4 / 15, 1 / 3, 4 / 15])


def test_the_examples_of_cohen_and_of_wikipedia():
    table = {("yes", "yes"): 20, ("yes", "no"): 5, ("no", "yes"): 10, ("no", "no"): 15}
    pairs = [pair for pair, count in table.items() for _ in range(count)]
    animals = [("cat", "cat")] * 6 + [("cat", "dog")] * 2 + [("dog", "cat")] + [("dog", "dog")] * 3

    kappa = run_value(CohenKappa(), CohenKappa().score(expecting(*zip(*pairs, strict=True))))
    mcc = run_value(
        Mcc(), Mcc().score(expecting([b for _, b in animals], [a for a, _ in animals]))
    )

    assert kappa == pytest.approx(0.4)  # en.wikipedia.org, Cohen's kappa, simple example
    assert mcc == pytest.approx(0.478, abs=5e-4)  # the same, Phi coefficient, 12 cats and dogs


@every_label_metric
def test_chunks_of_any_size_give_the_same_bits(metric):
    expected, said = answered(300, 5)
    expected = ["yes" if label == "class 0" else label for label in expected]
    whole = expecting(said, expected)
    cuts = [0, 1, 7, 7, 120, 300]

    parts = [metric.score(whole.part(*ends)) for ends in itertools.pairwise(cuts)]

    assert bits_of(joined(parts)) == bits_of(metric.score(whole))
    assert {len(part.labels) for part in parts} != {len(metric.score(whole).labels)}


@every_label_metric
def test_an_output_that_is_not_there_is_wrong_and_an_equal_one_right(metric):
    scores = metric.score(expecting([None, "YES ", "b"], ["yes", "yes", "b"]))

    assert scores.values.tolist() == [0.0, 1.0, 1.0]
    assert scores.reasons.tolist() == [0, 0, 0]
    assert scores.labels == ("b", "yes")
    assert scores.statistics.tolist() == [[2.0, 0.0], [2.0, 2.0], [1.0, 1.0]]
    assert run_value(metric, metric.score(expecting(["yes", "b"], ["yes", "b"]))) == metric.best


@every_label_metric
def test_what_is_no_label_has_a_reason_or_is_wrong(metric):
    long = "x" * (MAX_LABEL_CHARACTERS + 1)

    scores = metric.score(expecting(["a", {"a": 1}, "a", long], [None, "a", long, "yes"]))

    assert scores.reasons.tolist() == [
        Reason.NO_REFERENCE,
        Reason.NOT_TEXT,
        Reason.TOO_LONG,
        Reason.SCORED,
    ]
    assert scores.values[3] == 0.0
    assert scores.labels == ("yes",)
    assert math.isnan(run_value(metric, metric.score(expecting(["a"], [None]))))


def test_of_several_accepted_labels_the_one_that_was_said_counts():
    batch = Batch(
        outputs=["b", "z", None],
        expected_outputs=[None] * 3,
        references=[["a", "b"], ["b", "a"], ["c"]],
    )

    scores = Accuracy().score(batch)

    assert scores.labels == ("a", "b", "c", "z")
    assert scores.statistics.tolist() == [[2.0, 2.0], [1.0, 4.0], [3.0, 0.0]]


def test_an_empty_label_is_a_label_and_a_missing_output_is_not():
    scores = Accuracy().score(expecting(["", None], ["", ""]))

    assert scores.values.tolist() == [1.0, 0.0]
    assert scores.statistics.tolist() == [[1.0, 1.0], [1.0, 0.0]]


def test_what_cannot_be_computed_is_undefined_and_never_0():
    one_class = expecting(["a", "b"], ["a", "a"])
    never_said = expecting(["a", "a"], ["a", "b"])

    assert math.isnan(run_value(Mcc(), Mcc().score(one_class)))
    assert math.isnan(run_value(Mcc(), Mcc().score(never_said)))
    agreed = expecting(["a", "a"], ["a", "a"])
    assert math.isnan(run_value(CohenKappa(), CohenKappa().score(agreed)))
    precision = ClassPrecision(label="b")
    assert math.isnan(run_value(precision, precision.score(never_said)))
    assert run_value(ClassF1(label="b"), ClassF1(label="b").score(never_said)) == 0.0


def test_too_many_different_expected_outputs_are_no_classes():
    texts = [f"answer {number}" for number in range(MAX_CLASSES + 1)]

    with pytest.raises(NoClassesError, match="More than 1,000 different labels are expected"):
        run_value(F1Macro(), F1Macro().score(expecting(texts, texts)))

    assert run_value(Accuracy(), Accuracy().score(expecting(texts, texts))) == 1.0


def test_classes_that_nobody_expects_are_refused_with_those_that_are():
    expected, said = answered(50, 7)
    scores = ClassF1(label="spam").score(expecting(said, expected))
    chosen = build(MetricSpec(name="f1_macro", params={"labels": ["Spam", "ham"]}))

    with pytest.raises(NoClassesError) as refused:
        run_value(ClassF1(label="spam"), scores)
    with pytest.raises(NoClassesError, match="No example expects 'ham' or 'spam'"):
        run_value(chosen, scores)

    assert str(refused.value) == (
        "No example expects 'spam'. Expected are: 'class 0', 'class 1', 'class 2', 'class 3', "
        "'class 4', ...."
    )


@pytest.mark.parametrize("labels", [[], ["a", "a"], [1, 2], {"a": 1}])
def test_labels_are_a_list_of_different_texts(labels):
    with pytest.raises(MetricParamsError, match="labels is a list of different labels"):
        build(MetricSpec(name="f1_macro", params={"labels": labels}))


def test_a_slice_has_the_value_of_its_own_rows():
    expected, said = answered(400, 6)
    metric = F1Macro()
    column = column_of(metric, metric.score(expecting(said, expected)))
    chosen = np.array([label in ("class 1", "class 4") for label in expected])
    rows = np.flatnonzero(chosen)

    value = value_of(column.at(chosen).folded(), Yardstick.of(metric))

    part = [[side[row] for row in rows] for side in (expected, said)]
    assert value == pytest.approx(references(*part)["f1_macro"], abs=1e-12)


def test_attempts_are_averaged_within_their_examples():
    expected, said = answered(240, 3)
    metric = F1Macro()
    twice = expecting(
        [label for label in said for _ in range(2)],
        [label for label in expected for _ in range(2)],
    )
    once = value_of(
        column_of(metric, metric.score(expecting(said, expected))).folded(), Yardstick.of(metric)
    )
    column = column_of(metric, metric.score(twice), attempts=2)

    assert value_of(column.folded(), Yardstick.of(metric)) == pytest.approx(once, abs=1e-12)
    # Where one of two attempts is unscored, the other stands for its example.
    values = column.values.copy()
    values[::3, 1] = np.nan
    unscored = replace(column, values=values).folded()
    assert value_of(unscored, Yardstick.of(metric)) == pytest.approx(once, abs=1e-12)


@pytest.mark.parametrize("metric", [F1Macro(), F1Weighted(), BalancedAccuracy(), Mcc()])
def test_the_delta_method_says_what_the_bootstrap_says(metric):
    expected, said = answered(400, 4)
    yardstick = Yardstick.of(metric)
    column = column_of(metric, metric.score(expecting(said, expected))).folded()

    error = Groups.of(None, 400).standard_error(influences(column.statistics, yardstick))

    rng = np.random.default_rng(5)
    drawn = [value_of(column.at(rng.integers(400, size=400)), yardstick) for _ in range(600)]
    assert error == pytest.approx(float(np.std(drawn)), rel=0.12)
    interval = estimate(column, yardstick).interval
    assert isinstance(interval, Interval)
    assert interval.method == "delta method"
    assert interval.low < value_of(column, yardstick) < interval.high


@pytest.mark.parametrize("n", [12, 90, 400])
@pytest.mark.parametrize("metric", [F1Macro(), CohenKappa(), ClassF1(label="class 0")])
def test_counted_rows_give_what_rows_written_out_give(metric, n):
    expected, said = answered(n, 4)
    _, others = answered(n, 4, right=0.9, seed=2)
    clusters = np.arange(n) // 2 if n == 90 else None
    yardstick = Yardstick.of(metric)
    found = []
    for written_out in (False, True):
        sides = []
        for outputs in (said, others):
            column = column_of(metric, metric.score(expecting(outputs, expected))).folded()
            if written_out:
                rows = column.statistics.whole()
                column = replace(column, statistics=rows)
            sides.append(column)
        compared = compare(*sides, yardstick, clusters=clusters, seed=3)
        alone = estimate(sides[0], yardstick, clusters=clusters, seed=3)
        ends = alone.interval.low, alone.interval.high
        found.append([alone.value, *ends, compared.gain, compared.low, compared.p_value])

    assert found[0] == pytest.approx(found[1], abs=1e-9, nan_ok=True)


def test_two_runs_that_say_different_things_are_compared_over_the_same_classes():
    expected, said = answered(500, 3, right=0.6)
    others = [
        "nonsense " + str(row % 7) if row % 9 == 0 else label
        for row, label in enumerate(answered(500, 3, right=0.9, seed=8)[1])
    ]
    others = [label if row % 4 else said[row] for row, label in enumerate(others)]
    metric = F1Macro()
    columns = [
        column_of(metric, metric.score(expecting(side, expected))) for side in (said, others)
    ]

    compared = compare(*columns, Yardstick.of(metric))

    gain = references(expected, others)["f1_macro"] - references(expected, said)["f1_macro"]
    assert compared.gain == pytest.approx(gain, abs=1e-12)
    assert compared.method == "paired delta method"
    same = compare(columns[0], columns[0], Yardstick.of(metric))
    assert (same.gain, same.p_value) == (0.0, 1.0)


def test_an_output_takes_twelve_bytes_whatever_the_number_of_classes():
    rng = np.random.default_rng(3)
    labels = tuple(f"{number:03}" for number in range(300))
    places = rng.integers(1, 301, size=(20_000, 1, 2)).astype(np.float64)
    metric = F1Macro()
    rows = metric.additive(Rows.of(places), labels)

    assert rows.codes.nbytes == 20_000 * 12
    assert rows.totals().shape == (900,)
    assert metric.family is Family.CORPUS


def test_codes_are_given_common_names():
    statistics = np.array([[1.0, 2.0], [3.0, 0.0], [0.0, 0.0]])

    assert expected_labels(statistics, ["a", "b", "c"]) == {"a", "c"}
    assert renamed(statistics, ["a", "b", "c"], ["a", "c", "d"]).tolist() == [
        [1.0, 0.0],
        [2.0, 0.0],
        [0.0, 0.0],
    ]


def test_metrics_that_read_labels_alike_have_one_matrix():
    cased = build(MetricSpec(name="accuracy", params={"normalize": []}))

    assert F1Macro().reading == Accuracy().reading != cased.reading


@pytest.mark.parametrize(
    ("name", "params", "alike", "unread"),
    [
        ("f1_macro", {"labels": ["spam", "ham"]}, {"labels": ["Ham ", "spam"]}, '[\\"Ham '),
        ("class_recall", {"label": "spam"}, {"label": " SPAM"}, 'label:" SPAM"'),
    ],
)
def test_labels_that_are_read_alike_have_one_signature(name, params, alike, unread):
    def signature(params):
        return build(MetricSpec(name=name, params=params)).signature

    assert signature(params) == signature(alike)
    assert unread in signature({**alike, "normalize": []})
