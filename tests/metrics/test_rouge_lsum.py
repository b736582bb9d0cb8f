"""ROUGE-Lsum against rouge-score 0.1.2."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer

from metrics.base import run_value
from metrics.overlap.rouge import RougeL
from metrics.overlap.rouge_lsum import MAX_SENTENCE_PAIRS, RougeLsum
from metrics.reasons import Reason
from tests.metrics.texts import WORDS, batch, several_texts, texts

SCORERS = {stemmer: RougeScorer(["rougeLsum"], use_stemmer=stemmer) for stemmer in (False, True)}
lines = st.lists(st.sampled_from(["a", "b", "c", "d", "\n"]), max_size=30).map(" ".join)


def lsum(scorer, output, references):
    return float(scorer.score_multi(references, output)["rougeLsum"].fmeasure)


@settings(max_examples=40)
@given(texts, several_texts, st.booleans())
def test_an_example_has_rouge_scores_f_to_the_bit(output, references, stemmer):
    values = RougeLsum(stemmer=stemmer).score(batch([output], [references])).values

    assert values.tolist() == [lsum(SCORERS[stemmer], output, references)]


@settings(max_examples=100)
@given(lines, lines)
def test_sentences_that_repeat_words_have_rouge_scores_f_to_the_bit(output, reference):
    values = RougeLsum().score(batch([output], [[reference]])).values

    assert values.tolist() == [lsum(SCORERS[False], output, [reference])]


def test_a_run_of_texts_in_lines_has_rouge_scores_mean():
    numbers = random.Random(3)
    written = [
        "\n".join(
            " ".join(numbers.choices(WORDS, k=numbers.randint(0, 12)))
            for _ in range(numbers.randint(1, 5))
        )
        for _ in range(60)
    ]
    outputs, references = written[:30], [[text] for text in written[30:]]
    scores = RougeLsum().score(batch(outputs, references))
    theirs = [lsum(SCORERS[False], *pair) for pair in zip(outputs, references, strict=True)]

    assert scores.values.tolist() == theirs
    assert run_value(RougeLsum(), scores) == pytest.approx(sum(theirs) / len(theirs))


def test_the_union_of_lin_has_his_value():
    # Lin 2004, section 3.2: w1 w2 and w1 w3 w5 of the reference's five words are found, 4/5;
    # here each word counts once, as in rouge-score.
    scores = RougeLsum().score(batch(["w1 w2 w6 w7 w8\nw1 w3 w8 w9 w5"], [["w1 w2 w3 w4 w5"]]))

    assert scores.values[0] == pytest.approx(2 * 0.8 * 0.4 / (0.8 + 0.4))


def test_texts_in_one_line_have_the_value_of_rouge_l():
    examples = batch(["the cat sat on a mat"], [["a cat sat on the mat"]])

    assert RougeLsum().score(examples).values == RougeL().score(examples).values


def test_texts_in_too_many_lines_have_a_reason():
    n = int(MAX_SENTENCE_PAIRS**0.5)
    side = "".join(f"a{number}\n" for number in range(n))

    scores = RougeLsum().score(batch([side, "a"], [[side + "a\n"], [side]]))

    assert scores.reasons.tolist() == [Reason.TOO_LONG, Reason.SCORED]


@pytest.mark.no_cover
@pytest.mark.parametrize("padding", ["\n" * 20_000, "the cat\n" * 10_000])
def test_blank_and_repeated_lines_do_not_make_an_output_too_long(padding):
    reference = "\n".join(f"the cat sat on mat {number}" for number in range(10))
    output = "the cat sat\n" + padding

    (value,) = RougeLsum().score(batch([output], [[reference]])).values

    assert value == SCORERS[False].score(reference, output)["rougeLsum"].fmeasure
