"""chrF against sacrebleu 2.6.0."""

import math

import numpy as np
import pytest
from hypothesis import given
from sacrebleu.metrics import CHRF

from metrics.base import run_value, score_many
from metrics.overlap.chrf import Chrf, ChrfPlusPlus
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


@pytest.mark.no_cover
@given(texts, several_texts)
def test_an_example_has_sacrebleus_sentence_chrf_with_words_to_the_bit(output, references):
    scores = ChrfPlusPlus().score(batch([output], [references]))

    assert scores.values[0] == CHRF(word_order=2).sentence_score(output, references).score


def test_counts_and_run_with_words_are_sacrebleus_to_the_bit():
    outputs, references = corpus(120)
    first = [[row[0]] for row in references]
    scores = ChrfPlusPlus().score(batch(outputs, first))
    theirs = CHRF(word_order=2, references=[[text for (text,) in first]])

    counted = theirs._extract_corpus_statistics(outputs, None)

    assert scores.statistics.tolist() == counted
    assert (
        run_value(ChrfPlusPlus(), scores)
        == CHRF(word_order=2).corpus_score(outputs, [[text for (text,) in first]]).score
    )


def test_both_metrics_of_a_batch_count_characters_once():
    examples = batch(["(the cat)"], [["the cat."]])

    together = score_many([Chrf(), ChrfPlusPlus()], examples)

    assert together[0].statistics[0].tolist() == together[1].statistics[0, :18].tolist()
    assert together[1].statistics[0, 18:21].tolist() == [4.0, 3.0, 2.0]
