"""BLEU against sacrebleu 2.6.0 and the examples of Papineni et al. 2002."""

import math

import numpy as np
import pytest
from hypothesis import given
from sacrebleu.metrics import BLEU
from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a

from metrics.base import run_value
from metrics.overlap.bleu import Bleu, tokenize_13a
from tests.metrics.texts import batch, corpus, several_texts, texts

SENTENCE = BLEU(effective_order=True)
PAPINENI = [
    "it is a guide to action that ensures that the military will forever heed party commands",
    "it is the guiding principle which guarantees the military forces always being under the "
    "command of the party",
    "it is the practical guide for the army always to heed the directions of the party",
]


@given(texts)
def test_tokens_are_those_of_sacrebleu(text):
    expected = Tokenizer13a.__call__.__wrapped__(Tokenizer13a(), text.rstrip())

    assert tokenize_13a(text) == expected.split()


@pytest.mark.parametrize("text", ["a..5", "1...5", "..", "1.,2,.3", "3-4-5", "a.-1", "5.-", "x,"])
def test_tokens_of_numbers_and_dots_are_those_of_sacrebleu(text):
    assert tokenize_13a(text) == Tokenizer13a()(text).split()


@pytest.mark.no_cover
@given(texts, several_texts)
def test_an_example_has_sacrebleus_sentence_bleu_to_the_bit(output, references):
    scores = Bleu().score(batch([output], [references]))

    assert scores.values[0] == SENTENCE.sentence_score(output, references).score


def test_examples_and_run_of_a_corpus_are_sacrebleus_to_the_bit():
    outputs, references = corpus()
    scores = Bleu().score(batch(outputs, references))
    widest = max(map(len, references))
    columns = [
        [texts[n] if n < len(texts) else None for texts in references] for n in range(widest)
    ]

    assert scores.values.tolist() == [
        SENTENCE.sentence_score(output, texts).score
        for output, texts in zip(outputs, references, strict=True)
    ]
    assert run_value(Bleu(), scores) == BLEU().corpus_score(outputs, columns).score


def test_a_corpus_too_short_for_four_words_is_zero_as_in_sacrebleu():
    scores = Bleu().score(batch(["a b", "c"], [["a b"], ["c"]]))

    assert run_value(Bleu(), scores) == 0.0
    assert BLEU().corpus_score(["a b", "c"], [["a b", "c"]]).score == 0.0


@pytest.mark.parametrize(
    ("output", "unigrams", "bigrams"),
    [
        (
            "it is a guide to action which ensures that the military always obeys the commands "
            "of the party",
            (17, 18),
            (10, 17),
        ),
        (
            "it is to insure the troops forever hearing the activity guidebook that party direct",
            (8, 14),
            (1, 13),
        ),
    ],
)
def test_matches_are_clipped_as_papineni_counts_them(output, unigrams, bigrams):
    statistics = Bleu().score(batch([output], [PAPINENI])).statistics[0]

    assert (statistics[2], statistics[6]) == unigrams
    assert (statistics[3], statistics[7]) == bigrams


def test_a_word_counts_at_most_as_often_as_in_one_reference():
    references = ["the cat is on the mat", "there is a cat on the mat"]

    statistics = Bleu().score(batch(["the the the the the the the"], [references])).statistics[0]

    assert (statistics[2], statistics[6]) == (2, 7)


def test_the_closest_reference_length_counts_and_of_two_the_shorter():
    references = ["a b c d e f", "a b", "a b c"]

    assert Bleu().score(batch(["x y z w q"], [references])).statistics[0, 1] == 6
    assert Bleu().score(batch(["x y z w"], [["a b c d e", "a b c"]])).statistics[0, 1] == 3


def test_the_value_is_undefined_without_any_reference_text():
    scores = Bleu().score(batch(["a b c d", "e"], [[""], ["  "]]))

    assert scores.values.tolist() == [0.0, 0.0]
    assert math.isnan(run_value(Bleu(), scores))


def test_values_of_many_sums_are_the_values_of_each():
    outputs, references = corpus(80)
    rows = Bleu().score(batch(outputs, references)).statistics
    totals = np.stack([rows[:30].sum(axis=0), rows[30:].sum(axis=0), np.zeros(10)]).reshape(
        3, 1, 10
    )

    values = Bleu().values_of(totals)

    assert values.shape == (3, 1)
    assert values[0, 0] == Bleu().values_of(rows[:30].sum(axis=0))
    assert math.isnan(values[2, 0])


def test_many_sums_at_once_are_worth_what_each_is_worth_alone():
    rng = np.random.default_rng(8)
    ngrams = np.cumsum(rng.integers(0, 3, size=(400, 4)), axis=1)[:, ::-1]
    matches = rng.integers(0, ngrams + 1)
    matches[:40] = 0
    lengths = np.stack([ngrams[:, 0] + rng.integers(0, 3, 400), rng.integers(0, 12, 400)], axis=1)
    rows = np.concatenate([lengths, matches, ngrams], axis=1).astype(float)
    at_once = Bleu().values_of(rows)
    alone = np.concatenate([Bleu().values_of(row[None]) for row in rows])
    assert np.isnan(at_once).sum() > 10
    assert (at_once == 0.0).sum() > 40
    np.testing.assert_allclose(at_once, alone, rtol=1e-13, atol=0.0)
