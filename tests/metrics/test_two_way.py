"""A mean over examples and annotators: by definition, by recorded numbers, and where it fails."""

import math

import numpy as np
import pytest
from scipy import stats

from metrics.statistics.two_way import two_way_mean, variances

NAN = math.nan


def panel(seed, *, n_examples=40, n_annotators=8, each=3, severity=1.0):
    """Answers of a random few of the annotators to each example."""
    rng = np.random.default_rng(seed)
    annotators = np.concatenate([rng.permutation(n_annotators)[:each] for _ in range(n_examples)])
    examples = np.repeat(np.arange(n_examples), each)
    values = rng.normal(5, 1, n_examples)[examples]
    values += rng.normal(0, severity, n_annotators)[annotators] + rng.normal(0, 1, len(examples))
    return {"values": values, "units": examples, "examples": examples, "annotators": annotators}


def test_the_variance_is_the_sum_over_pairs_of_answers_that_share_a_way():
    # Cameron, Gelbach & Miller (2011), equation 2.8: the indicator of sharing an example or an
    # annotator, written out; it is the formula of three terms without their corrections.
    columns = panel(1, n_examples=12)
    examples, annotators = columns["examples"], columns["annotators"]
    moves = (columns["values"] - columns["values"].mean()) / len(examples)
    found = variances(moves, examples, annotators)
    share = (examples[:, None] == examples) | (annotators[:, None] == annotators)
    by_pairs = float((np.outer(moves, moves) * share).sum())
    n_examples, n_annotators, n_both = 12, 8, 36
    uncorrected = (
        found.example * (n_examples - 1) / n_examples
        + found.annotator * (n_annotators - 1) / n_annotators
        - found.both * (n_both - 1) / n_both
    )
    assert uncorrected == pytest.approx(by_pairs, rel=1e-12)
    assert found.two_way == found.example + found.annotator - found.both
    assert found.note == ""


def test_the_variance_is_statsmodels():
    # statsmodels 0.15.0: OLS on a constant, cov_type="cluster" with the two columns as groups,
    # use_correction=True. Its n / (n - 1) of observations is 1 for a single constant.
    columns = panel(1)
    found = two_way_mean(**columns)
    assert found.value == pytest.approx(columns["values"].mean())
    assert found.error == pytest.approx(0.41352732607036063, abs=1e-12)
    ends = stats.t.interval(0.95, 7, found.value, found.error)
    assert (found.low, found.high) == pytest.approx(ends)
    assert (found.examples, found.annotators) == (40, 8)
    by_example = columns["values"].reshape(40, 3).mean(axis=1)
    assert found.panel_error == pytest.approx(stats.sem(by_example))
    assert found.error > found.panel_error


def test_examples_weigh_alike_and_clusters_vary_together():
    columns = panel(2)
    # The first example has a second attempt, which one person could not judge.
    more = {"values": [9.0, NAN], "units": [99, 99], "examples": [0, 0], "annotators": [3, 4]}
    columns = {name: np.append(column, more[name]) for name, column in columns.items()}
    found = two_way_mean(**columns)
    means = columns["values"][:120].reshape(40, 3).mean(axis=1)
    means[0] = (means[0] + 9.0) / 2
    assert found.value == pytest.approx(means.mean())
    assert found.panel_error == pytest.approx(stats.sem(means))
    clustered = two_way_mean(**columns, clusters=columns["examples"] // 2)
    pairs = means.reshape(20, 2).sum(axis=1) / 40
    residual = pairs - means.mean() / 20
    assert clustered.panel_error == pytest.approx(math.sqrt(20 / 19 * (residual**2).sum()))
    assert clustered.value == found.value


def test_neither_order_nor_range_is_forgotten():
    columns = panel(3)
    order = np.random.default_rng(4).permutation(120)
    shuffled = {name: column[order] for name, column in columns.items()}
    assert two_way_mean(**shuffled) == two_way_mean(**columns)
    cut = two_way_mean(**columns, low=4.9, high=5.1)
    assert (cut.low, cut.high) == (4.9, 5.1)


def test_less_than_one_way_alone_is_said_in_words():
    # Annotators without any severity: every one has the same mean.
    examples, annotators = (code.ravel() for code in np.indices((6, 5)))
    apart = np.array([3.0, 1.0, 4.0, 1.0, 5.0, 9.0])[examples]
    noise = np.where((examples + annotators) % 2, 0.5, -0.5) * (annotators < 4) * (examples < 4)
    columns = {"units": examples, "examples": examples, "annotators": annotators}
    found = two_way_mean(values=apart + noise, **columns)
    assert found.error == found.panel_error
    assert "only the variation between examples" in found.note
    severe = np.array([3.0, 1.0, 4.0, 1.0, 5.0])[annotators]
    noise = np.where((examples + annotators) % 2, 0.5, -0.5) * (annotators < 4)
    turned = two_way_mean(values=severe + noise, **columns)
    assert turned.error > turned.panel_error
    assert "only the variation between people" in turned.note


def test_too_little_is_said_in_words():
    nothing = two_way_mean(values=[NAN], units=[1], examples=[1], annotators=[1])
    assert (nothing.value, nothing.low) == (None, None)
    assert nothing.reason == "Speaking for other annotators needs 5 of them, and there are 0."
    four = two_way_mean(**panel(5, n_annotators=4))
    assert four.reason.endswith("and there are 4.")
    one = two_way_mean(**panel(5, n_examples=1, n_annotators=5, each=5))
    assert one.reason == "An interval needs 2 examples, and there is 1."
    columns = panel(5)
    nine = two_way_mean(**columns, clusters=columns["examples"] % 9)
    assert nine.reason == "An interval needs 10 clusters, and there are 9."
    assert nine.value is not None
    alike = two_way_mean(**(columns | {"values": np.full(120, 0.3)}))
    assert (alike.value, alike.low) == (pytest.approx(0.3), None)
    assert alike.reason == "The answers do not vary enough to show a spread."
    with pytest.raises(ValueError, match="differ in length"):
        two_way_mean(**(columns | {"values": [1.0]}))
