"""The confusion matrix, held to scikit-learn."""

import math

import numpy as np
from sklearn import metrics as sklearn

from metrics.classes.classification import Accuracy
from metrics.classes.confusion import Confusion
from metrics.rows import Rows
from tests.metrics.test_classification import answered
from tests.metrics.texts import expecting


def confusion(expected, said) -> Confusion:
    settled = Accuracy().settled(Accuracy().score(expecting(said, expected)))
    return Confusion.of(Rows.of(settled.statistics[:, None]), settled.labels)


def test_the_counts_and_the_classes_are_scikit_learns():
    expected, said = answered(300, 4)
    labels = sorted(set(expected))

    found = confusion(expected, said)

    told = [label if label in labels else "other" for label in said]
    table = sklearn.confusion_matrix(expected, told, labels=[*labels, "other"])
    assert found.labels == tuple(labels)
    np.testing.assert_array_equal(found.matrix, table[:-1])
    assert found.other == table[:-1, -1].tolist()
    assert found.n == 300
    rows = found.classes()
    by_class = sklearn.precision_recall_fscore_support(expected, said, labels=labels)
    np.testing.assert_allclose(
        [[row.precision, row.recall, row.f1, row.support] for row in rows],
        np.transpose(by_class),
        atol=1e-12,
    )


def test_what_is_missing_is_other_and_what_is_unscored_is_not_counted():
    found = confusion(["a", "b", None], [None, "b", "a"])

    assert found.matrix.tolist() == [[0, 0, 1], [0, 1, 0]]
    first, second = found.classes()
    assert math.isnan(first.precision)
    assert (first.is_said, second.is_said) == (False, True)
    assert (first.recall, first.f1, second.f1) == (0.0, 0.0, 1.0)


def test_small_classes_go_to_the_other():
    found = confusion([*"aabbbccd"], [*"abbbcdcx"]).largest(2)

    assert found.labels == ("b", "a")
    assert found.matrix.tolist() == [[2, 0, 1], [1, 1, 0]]


def test_nothing_is_nothing():
    assert confusion([], []).classes() == []
