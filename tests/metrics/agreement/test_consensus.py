"""Dawid and Skene's consensus: their own patients, EM in loops, and where there is none."""

import math

import numpy as np
import pytest

from metrics.statistics.agreement import Answers, Undefined
from metrics.statistics.agreement import consensus as module
from metrics.statistics.agreement.consensus import Consensus, consensus, fit
from tests.metrics.agreement.tables import NAN, columns, rated

# Dawid & Skene (1979), table 1: five observers on 45 patients, the first of them three times.
PATIENTS = (
    "1111111 3334334 1122122 2223121 2223222 2223322 1222111 3333433 2222223 2322223 4444444 "
    "2223343 1111111 2223212 1211111 1112111 1111111 1111111 2222221 2221322 2222222 2222221 "
    "2223222 2212222 1111111 1111111 2322222 1111111 1111111 1121121 1111111 3333233 1111111 "
    "2222222 2223232 4334343 2212232 2323233 3333432 1111111 1111111 1212111 2322222 1211111 "
    "2222222"
)
OBSERVERS = [0, 0, 0, 1, 2, 3, 4]


def patients():
    codes = np.array([[int(said) - 1 for said in patient] for patient in PATIENTS.split()])
    units = np.repeat(np.arange(45), 7)
    return units, np.tile(OBSERVERS, 45), codes.ravel()


def em_in_loops(units, annotators, codes, n_options, rounds, smoothing):
    """The paper's equations 2.3 to 2.5, cell by cell."""
    n_units, n_annotators = max(units) + 1, max(annotators) + 1
    rows = list(zip(units, annotators, codes, strict=True))
    truth = np.zeros((n_units, n_options))
    for unit, _, code in rows:
        truth[unit, code] += 1
    truth /= truth.sum(axis=1, keepdims=True)
    for _ in range(rounds):
        shares = truth.mean(axis=0)
        tables = np.full((n_annotators, n_options, n_options), smoothing)
        for unit, annotator, code in rows:
            tables[annotator, :, code] += truth[unit]
        tables /= tables.sum(axis=2, keepdims=True)
        truth = np.tile(shares, (n_units, 1))
        for unit, annotator, code in rows:
            truth[unit] *= tables[annotator, :, code]
        likelihood = np.log(truth.sum(axis=1)).sum()
        truth /= truth.sum(axis=1, keepdims=True)
    return truth, tables, shares, likelihood


def test_the_published_example():
    found = fit(*patients(), n_options=4, smoothing=0.0)
    # Table 2 of the paper, and the error rates of its observer 1, to two digits.
    assert found.shares == pytest.approx([0.40, 0.42, 0.11, 0.07], abs=0.006)
    observer = [[0.89, 0.11, 0, 0], [0.07, 0.88, 0.05, 0], [0, 0.34, 0.66, 0], [0, 0, 0.56, 0.44]]
    assert found.confusions[0] == pytest.approx(np.array(observer), abs=0.006)
    # Where others' programs end, too.
    assert found.log_likelihood == pytest.approx(-192.8909, abs=1e-3)
    labels = "142222132243121111222222112111131224233111212"
    assert found.probabilities.argmax(axis=1).tolist() == [int(label) - 1 for label in labels]
    # The hundredth of an answer in every cell changes no label and little else.
    smoothed = fit(*patients(), n_options=4)
    assert smoothed.probabilities.argmax(1).tolist() == found.probabilities.argmax(1).tolist()
    assert smoothed.confusions == pytest.approx(found.confusions, abs=0.02)


def test_it_is_the_papers_equations(monkeypatch):
    monkeypatch.setattr(module, "MAX_ROUNDS", 7)
    found = fit(*patients(), n_options=4)
    truth, tables, shares, likelihood = em_in_loops(*patients(), 4, 7, module.SMOOTHING)
    assert found.probabilities == pytest.approx(truth)
    assert found.confusions == pytest.approx(tables)
    assert found.shares == pytest.approx(shares)
    assert found.log_likelihood == pytest.approx(likelihood)
    assert not found.is_settled


def test_who_is_right_more_often_weighs_more_than_the_majority():
    # Two of five people tell the truth, three guess: the majority does not know it.
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, size=300)
    table = rng.integers(0, 3, size=(5, 300)).astype(float)
    table[:2] = np.where(rng.random((2, 300)) < 0.95, truth, table[:2])
    table[4, :100] = NAN
    found = consensus(Answers.of(**columns(table)), range(4))
    assert isinstance(found, Consensus)
    assert found.is_settled
    by_model, by_majority = (found.labels == truth).mean(), (found.majorities == truth).mean()
    assert (by_model > 0.93, by_majority < 0.8) == (True, True)
    right = found.confusions.diagonal(axis1=1, axis2=2)[:, :3].mean(axis=1)
    assert (right[:2].min() > 0.93, right[2:].max() < 0.5) == (True, True)
    assert found.probabilities.sum(axis=1) == pytest.approx(np.ones(300))
    # An option that nobody chose is nowhere likely.
    assert (found.shares[3], found.probabilities[:, 3].max()) == (0, 0)
    votes = [(table[:, unit] == option).sum() for unit in range(300) for option in range(3)]
    votes = np.reshape(votes, (300, 3))
    has_none = votes.max(axis=1) <= votes.sum(axis=1) / 2
    assert np.isnan(found.majorities).tolist() == has_none.tolist()


def test_options_that_tie_are_said_to_tie():
    # Two people whose answers mirror each other on the last units, and nothing to tell them apart.
    table = np.array([[0, 1] * 30, [1, 0] * 30, [0, 1] * 30, [1, 0] * 30])
    found = consensus(Answers.of(**columns(table)), [0, 1])
    assert np.isnan(found.labels).all()
    assert np.isnan(found.majorities).all()


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ([[NAN]], "There are no answers yet."),
        (
            rated(units=49, annotators=3),
            "The model needs 50 units with 3 answers on average: there are 49 units with 3.0.",
        ),
        (
            np.vstack([rated(units=60, annotators=2), [[1] * 59 + [NAN]]]),
            "The model needs 50 units with 3 answers on average: there are 60 units with 2.9.",
        ),
        (
            [[1], [1]],
            "The model needs 50 units with 3 answers on average: there are 1 unit with 2.0.",
        ),
        (
            np.ones((3, 50)),
            Undefined.NO_VARIATION.sentence,
        ),
    ],
)
def test_with_too_little_there_is_a_reason(table, reason):
    assert consensus(Answers.of(**columns(table)), range(5)).reason == reason


def test_an_answer_that_is_no_option_is_refused():
    with pytest.raises(ValueError, match="none of the options"):
        consensus(Answers.of(**columns([[1, 7]])), [1, 2])


def test_units_that_only_some_answered_are_those_of_the_answers():
    table = rated(units=80, annotators=5)
    table[:, 10] = math.nan
    answers = Answers.of(**columns(table))
    found = consensus(answers.where(answers.units < 70), range(5))
    assert len(found.unit_ids) == len(found.labels) == 70
    assert 10 not in found.unit_ids
