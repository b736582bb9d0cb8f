"""TER against sacrebleu 2.6.0, and the limits of its search."""

import math
import random
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sacrebleu.metrics import TER
from sacrebleu.metrics.lib_ter import translation_edit_rate

from metrics.base import run_value
from metrics.overlap import edit_table
from metrics.overlap.edit_rate import edit_count
from metrics.overlap.ter import Ter
from metrics.reasons import Reason
from tests.metrics.texts import WORDS, batch, corpus, expecting, several_texts, texts

FLAGS = ("normalized", "no_punct", "asian_support", "case_sensitive")
few_words = st.lists(st.sampled_from("abcdefg"), max_size=16)


@settings(max_examples=40)
@given(texts, several_texts, st.fixed_dictionaries(dict.fromkeys(FLAGS, st.booleans())))
def test_an_example_has_sacrebleus_sentence_ter_to_the_bit(output, references, flags):
    scores = Ter(**flags).score(batch([output], [references]))
    theirs = TER(**flags).sentence_score(output, references)

    assert scores.values[0] == theirs.score
    assert scores.statistics[0].tolist() == [theirs.num_edits, theirs.ref_length]


@settings(max_examples=100)
@given(few_words, few_words)
def test_words_that_repeat_and_move_need_as_many_edits_as_in_sacrebleu(output, reference):
    assert edit_count(output, reference) == translation_edit_rate(output, reference)[0]


def moved(numbers: random.Random, words: list[str], runs: int, kept: float) -> list[str]:
    """Return words of which some runs stand elsewhere, and others are replaced or left out."""
    words = list(words)
    for _ in range(runs):
        start = numbers.randrange(len(words))
        run = words[start : start + numbers.randint(1, 12)]
        del words[start : start + len(run)]
        place = numbers.randint(0, len(words))
        words[place:place] = run
    words = [word if numbers.random() < kept else numbers.choice(WORDS) for word in words]
    return [word for word in words if numbers.random() < (1 + kept) / 2]


@pytest.mark.parametrize(
    ("vocabulary", "lengths", "runs", "kept"),
    [
        (300, (40, 70), 2, 0.85),  # ordinary texts
        (8, (30,), 3, 0.8),  # few different words: more shifts than are tried
        (300, (90,), 2, 0.4),  # little in common: the beam decides
        (100, (70,), 0, 0.2),  # an output much shorter than its reference
    ],
)
def test_long_texts_need_as_many_edits_as_in_sacrebleu(vocabulary, lengths, runs, kept):
    numbers = random.Random(5)
    for length in lengths:
        reference = [f"w{numbers.randrange(vocabulary)}" for _ in range(length)]
        output = moved(numbers, reference, runs, kept)

        assert edit_count(output, reference) == translation_edit_rate(output, reference)[0]
        assert edit_count(reference, output) == translation_edit_rate(reference, output)[0]


@pytest.mark.parametrize(("output", "reference"), [(1, 400), (3, 300), (300, 3), (60, 150)])
def test_lengths_that_differ_much_widen_the_beam_as_in_sacrebleu(output, reference):
    numbers = random.Random(6)
    got = [f"w{numbers.randrange(40)}" for _ in range(output)]
    wanted = [f"w{numbers.randrange(40)}" for _ in range(reference)]

    assert edit_count(got, wanted) == translation_edit_rate(got, wanted)[0]


def short_corpus() -> tuple[list[str], list[list[str]]]:
    """Return the corpus cut to what sacrebleu does in a second or two."""
    outputs, references = corpus(70)
    return [text[:80] for text in outputs], [[text[:80] for text in row] for row in references]


@pytest.mark.no_cover
def test_examples_and_run_of_a_corpus_are_sacrebleus_to_the_bit():
    outputs, references = short_corpus()
    scores = Ter().score(batch(outputs, references))
    widest = max(map(len, references))
    columns = [[row[n] if n < len(row) else None for row in references] for n in range(widest)]

    theirs = [
        TER().sentence_score(output, row) for output, row in zip(outputs, references, strict=True)
    ]

    assert scores.values.tolist() == [one.score for one in theirs]
    assert scores.statistics.tolist() == [[one.num_edits, one.ref_length] for one in theirs]
    assert run_value(Ter(), scores) == pytest.approx(
        TER().corpus_score(outputs, columns).score, rel=1e-15
    )


def test_a_run_of_one_reference_each_has_sacrebleus_corpus_value_to_the_bit():
    outputs, references = short_corpus()
    first = [row[0] for row in references]

    value = run_value(Ter(), Ter().score(batch(outputs, [[text] for text in first])))

    assert value == TER().corpus_score(outputs, [first]).score


def test_the_example_of_snover_has_its_edits():
    # Snover et al. 2006, section 2.2: two shifts ("this week" counts as one), a substitution and
    # an insertion make four edits of thirteen words.
    output = "THIS WEEK THE SAUDIS denied information published in the new york times"
    reference = (
        "SAUDI ARABIA denied THIS WEEK information published in the AMERICAN new york times"
    )

    scores = Ter().score(expecting([output], [reference]))

    assert scores.statistics.tolist() == [[4.0, 13.0]]
    assert scores.values[0] == pytest.approx(100 * 4 / 13)


def test_an_output_longer_than_its_reference_can_score_more_than_none():
    scores = Ter().score(expecting(["a b c d", None], ["x", "x"]))

    assert scores.values.tolist() == [400.0, 100.0]
    assert Ter().worst == 100.0


def test_a_missing_output_is_an_edit_even_where_nothing_was_expected():
    scores = Ter().score(expecting([None, "", "a"], ["", "", ""]))

    assert scores.values.tolist() == [100.0, 0.0, 100.0]
    assert scores.statistics.tolist() == [[1.0, 0.0], [0.0, 0.0], [1.0, 0.0]]


def test_sums_without_anything_on_either_side_have_no_value():
    values = Ter().values_of(np.array([[0.0, 0.0], [2.0, 0.0], [1.0, 4.0]]))

    assert math.isnan(values[0])
    assert values[1:].tolist() == [100.0, 25.0]


def test_long_texts_whose_shifts_are_measured_within_the_beam_have_the_same_edits():
    reference = [f"w{n}" for n in range(1100)]
    output = list(reference)
    output[500:500] = output[520:524]
    del output[524:528]

    assert edit_count(output, reference) == edit_count(output[450:600], reference[450:600]) == 1


def test_a_search_that_takes_too_long_has_a_reason_and_harms_no_other_output(monkeypatch):
    monkeypatch.setattr(edit_table, "_MAX_STEPS", 400)
    words = [f"w{n}" for n in range(60)]
    shuffled = random.Random(2).sample(words, len(words))

    scores = Ter().score(expecting([" ".join(shuffled), "b a"], [" ".join(words), "a b"]))

    assert scores.reasons.tolist() == [Reason.TOO_LONG, Reason.SCORED]
    assert not scores.statistics[0].any()
    assert scores.values[1] == 50.0


@pytest.mark.no_cover
def test_texts_made_to_take_long_end():
    output, reference = ["a", "a", "a", "a", "x"] * 1200, ["a", "a", "a", "a", "y"] * 1200
    for place in range(7, 6000, 300):
        output[place : place + 2], reference[place : place + 2] = ["p", "q"], ["q", "p"]
    started = time.process_time()

    Ter().score(expecting([" ".join(output)], [" ".join(reference)]))

    assert time.process_time() - started < 5
