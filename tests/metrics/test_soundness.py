"""What a metric answers is checked row by row before it is stored."""

import math

import numpy as np
import pytest

from metrics.batch import Scores
from metrics.classes.classification import Accuracy
from metrics.match.exact_match import ExactMatch
from metrics.overlap.bleu import Bleu
from metrics.reasons import Reason
from metrics.soundness import UnsoundError, all_failed, sound

FAILED = Reason.METRIC_FAILED


def answer(values, reasons=None, statistics=None, labels=()):
    n = len(values)
    return Scores(
        values=np.array(values),
        reasons=np.zeros(n, np.uint8) if reasons is None else np.array(reasons),
        statistics=np.zeros((n, 0)) if statistics is None else np.array(statistics),
        labels=labels,
    )


def test_rows_that_break_the_contract_lose_their_value_and_the_others_keep_it():
    values = [0.5, math.nan, math.inf, 1.5, 0.25, 1.0, 1.0 + 1e-12]
    reasons = [0, 0, 0, 0, 200, Reason.TOO_LONG, 0]

    scores = sound(answer(values, reasons), ExactMatch(), 7)

    assert scores.reasons.tolist() == [0, FAILED, FAILED, FAILED, FAILED, Reason.TOO_LONG, 0]
    assert np.isnan(scores.values).tolist() == [False, True, True, True, True, True, False]
    assert (scores.values.dtype, scores.reasons.dtype) == (np.float64, np.uint8)


def test_statistics_that_are_no_numbers_fail_their_row():
    statistics = np.ones((2, 10))
    statistics[1, 3] = math.nan

    scores = sound(answer([1.0, 1.0], statistics=statistics), Bleu(), 2)

    assert scores.reasons.tolist() == [0, FAILED]
    assert scores.statistics[1].tolist() == [0.0] * 10
    assert all_failed(Bleu(), 2).statistics.shape == (2, 10)


def test_places_of_labels_that_are_not_there_fail_their_row():
    places = [[1.0, 2.0], [3.0, 1.0], [1.0, -1.0], [1.0, 0.5], [2.0, 0.0], [math.nan, 1.0]]

    scores = sound(answer([1.0] * 6, statistics=places, labels=("a", "b")), Accuracy(), 6)

    assert scores.reasons.tolist() == [0, FAILED, FAILED, FAILED, 0, FAILED]
    assert scores.labels == ("a", "b")
    with pytest.raises(UnsoundError, match="labels that are no tuple of texts"):
        sound(answer([1.0], statistics=[[1.0, 1.0]], labels=(1,)), Accuracy(), 1)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (None, "answered NoneType instead of scores"),
        ([0.5], "answered list instead of scores"),
        (answer([1.0]), "of the shapes [(1,), (1,), (1, 0)] for 2 rows"),
        (answer([1.0, 1.0], statistics=[[1.0], [1.0]]), "for 2 rows"),
        (answer(["a", "b"]), "something that is no number"),
    ],
)
def test_an_answer_of_another_shape_is_refused(given, sentence):
    with pytest.raises(UnsoundError) as refused:
        sound(given, ExactMatch(), 2)

    assert sentence in str(refused.value)


def test_sound_scores_come_back_bit_by_bit():
    values = np.random.default_rng(1).uniform(size=50)

    assert sound(answer(values), ExactMatch(), 50).values.tobytes() == values.tobytes()
