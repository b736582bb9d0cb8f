"""chrF against sacrebleu 2.6.0."""

import math

import numpy as np
from hypothesis import given
from sacrebleu.metrics import CHRF

from metrics.base import run_value
from metrics.chrf import Chrf
from tests.metrics.texts import batch, corpus, several_texts, texts


@given(texts, several_texts)
def test_an_example_has_sacrebleus_sentence_chrf_to_the_bit(output, references):
    scores = Chrf().score(batch([output], [references]))

    assert scores.values[0] == CHRF().sentence_score(output, references).score


def test_examples_and_run_of_a_corpus_are_sacrebleus_to_the_bit():
    outputs, references = corpus()
    scores = Chrf().score(batch(outputs, references))
    widest = max(map(len, references))
    columns = [
        [texts[n] if n < len(texts) else None for texts in references] for n in range(widest)
    ]

    assert scores.values.tolist() == [
        CHRF().sentence_score(output, texts).score
        for output, texts in zip(outputs, references, strict=True)
    ]
    assert run_value(Chrf(), scores) == CHRF().corpus_score(outputs, columns).score


def test_of_equally_good_references_the_first_gives_the_counts_as_in_sacrebleu():
    outputs, references = ["abc", "abcdef"], [["xyz", "wwwwwwww"], ["abcdef", "abcdef"]]

    scores = Chrf().score(batch(outputs, references))

    assert scores.statistics[0, 1] == len("xyz")
    assert (
        run_value(Chrf(), scores)
        == CHRF().corpus_score(outputs, [["xyz", "abcdef"], ["wwwwwwww", "abcdef"]]).score
    )


def test_the_value_is_undefined_without_any_reference_text():
    scores = Chrf().score(batch(["abc", ""], [["  "], [""]]))

    assert scores.values.tolist() == [0.0, 0.0]
    assert math.isnan(run_value(Chrf(), scores))


def test_values_of_many_sums_are_the_values_of_each():
    outputs, references = corpus(80)
    rows = Chrf().score(batch(outputs, references)).statistics
    totals = np.stack([rows[:30].sum(axis=0), rows[30:].sum(axis=0)])

    assert Chrf().values_of(totals).tolist() == [float(Chrf().values_of(row)) for row in totals]
