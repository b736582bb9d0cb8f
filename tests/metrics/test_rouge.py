"""ROUGE against rouge-score 0.1.2 and the examples of Lin 2004."""

import unicodedata
from importlib import metadata

import pytest
from hypothesis import given, settings
from rouge_score.rouge_scorer import RougeScorer

from metrics.base import Workspace, score_many
from metrics.overlap.rouge import Rouge1, Rouge2, RougeL
from metrics.overlap.unicode_words import unicode_words
from tests.metrics.texts import batch, corpus, several_texts, texts

TYPES = ("rouge1", "rouge2", "rougeL")
PLAIN = RougeScorer(TYPES)
STEMMED = RougeScorer(TYPES, use_stemmer=True)


def rouge(outputs, references, *, stemmer=False):
    metrics = [cls(stemmer=stemmer) for cls in (Rouge1, Rouge2, RougeL)]
    columns = score_many(metrics, batch(outputs, references))
    return list(zip(*(scores.values.tolist() for scores in columns), strict=True))


def rouge_score(scorer, output, references):
    scores = scorer.score_multi(references, output)
    return tuple(float(scores[kind].fmeasure) for kind in TYPES)


@pytest.mark.no_cover
@given(texts, several_texts)
def test_an_example_has_rouge_scores_f_to_the_bit(output, references):
    assert rouge([output], [references]) == [rouge_score(PLAIN, output, references)]


@settings(max_examples=50)
@given(texts, several_texts)
def test_stemmed_examples_have_rouge_scores_f_to_the_bit(output, references):
    assert rouge([output], [references], stemmer=True) == [
        rouge_score(STEMMED, output, references)
    ]


@pytest.mark.parametrize(("stemmer", "scorer"), [(False, PLAIN), (True, STEMMED)])
def test_a_corpus_has_rouge_scores_f_to_the_bit(stemmer, scorer):
    outputs, references = corpus(80)
    outputs = [output[:1500] for output in outputs]
    references = [[text[:1500] for text in row] for row in references]

    assert rouge(outputs, references, stemmer=stemmer) == [
        rouge_score(scorer, output, row) for output, row in zip(outputs, references, strict=True)
    ]


def test_the_stemmers_library_is_in_the_signature_where_it_stems():
    # rouge-score 0.1.2 takes its stemmer from nltk, whose rules are not the same in all versions.
    assert Rouge1(stemmer=True).signature.endswith(f"|nltk:{metadata.version('nltk')}")
    assert "nltk" not in Rouge1().signature


def test_words_too_long_to_remember_are_stemmed_alike():
    word = "un" * 30 + "running"

    assert rouge([word], [[word.removesuffix("ning")]], stemmer=True) == [
        rouge_score(STEMMED, word, [word.removesuffix("ning")])
    ]


def test_the_sentences_of_lin_have_his_values():
    outputs = ["police kill the gunman", "the gunman kill police", "the gunman police killed"]

    values = rouge(outputs, [["police killed the gunman"]] * 3)

    assert [value[2] for value in values] == [0.75, 0.5, 0.5]
    assert [value[1] for value in values] == pytest.approx([1 / 3, 1 / 3, 2 / 3])


def test_more_different_words_than_surrogates_begin_at_keep_their_order():
    words = [f"w{n}" for n in range(60_000)]

    [(_, _, same)] = rouge([" ".join(words)], [[" ".join(words)]])
    [(_, _, turned)] = rouge([" ".join(words)], [[" ".join(reversed(words))]])

    assert same == 1.0
    assert turned == pytest.approx(1 / 60_000)


def test_the_three_metrics_of_a_batch_share_their_counts():
    workspace = Workspace(batch(["a b c"], [["a c b"]]))

    values = [metric.score_in(workspace).values[0] for metric in (Rouge1(), Rouge2(), RougeL())]

    assert values == [1.0, 0.0, pytest.approx(2 / 3)]
    assert sum(key[0] == "rouge" for key in workspace.computed if isinstance(key, tuple)) == 1


def test_words_that_begin_alike_or_are_very_long_are_told_apart():
    words = [f"{'ab' * n}{end}" for n in range(20) for end in "xyz"]
    [same] = rouge([" ".join(words)], [[" ".join(words)]])
    [other] = rouge([" ".join(words)], [[" ".join(word + "q" for word in words)]])

    assert same == (1.0, 1.0, 1.0)
    assert other == (0.0, 0.0, 0.0)


def test_words_that_share_a_place_in_the_table_are_told_apart():
    # Twice as many different words as the table of hashes has places.
    words = [f"w{n}" for n in range(70_000)]

    [(unigrams, _, _)] = rouge([" ".join(words)], [[" ".join(words[:35_000])]])

    assert unigrams == pytest.approx(2 / 3)


@pytest.mark.parametrize("sign", ["\u0130", "\u212a", "\ud800", "É", "\xff", "\0"])
@pytest.mark.parametrize("stemmer", [False, True])
def test_letters_whose_lower_case_is_ascii_are_letters_and_other_signs_are_not(sign, stemmer):
    output, reference = f"Ma{sign}ing tea {sign} I{sign}", "making tea k Ik ii"

    assert rouge([output, "a b"], [[reference], ["A"]], stemmer=stemmer)[0] == rouge_score(
        STEMMED if stemmer else PLAIN, output, [reference]
    )


def test_words_longer_than_two_parts_are_equal_by_their_stems():
    words = ["internationalizations", "counterrevolutionaries", "antidisestablishmentarianizing"]
    output, reference = " ".join(words), "internationalization counterrevolutionary " + words[2]

    assert rouge([output], [[reference]], stemmer=True) == [
        rouge_score(STEMMED, output, [reference])
    ]


@pytest.mark.parametrize(
    ("output", "reference"),
    [
        ("café", "cafe\u0301"),
        ("ภาษาไทย", "ภาษาไทย"),
        ("汉字", "汉字"),
        ("नमस्ते", "नमस्ते"),
    ],
)
def test_the_unicode_tokenizer_sees_the_words_of_every_script(output, reference):
    examples = batch([output], [[reference]])

    assert RougeL().score(examples).values[0] < 1.0
    assert RougeL(tokenizer="unicode").score(examples).values[0] == 1.0


def test_scripts_without_spaces_are_cut_into_characters_with_their_marks():
    assert unicode_words("ก็ดี 漢字abc、カタカナ don't") == [
        *("ก็", "ดี", "漢", "字", "abc", "カ", "タ", "カ", "ナ", "don", "t"),
    ]


def test_english_text_has_the_same_words_with_both_tokenizers():
    outputs, references = ["The cat's 3 hats, running.", ""], [["the cat ran"], ["", "..."]]

    for stemmer in (False, True):
        assert [
            Rouge1(stemmer=stemmer, tokenizer=tokenizer)
            .score(batch(outputs, references))
            .values.tolist()
            for tokenizer in ("rouge_score", "unicode")
        ] == [[score[0] for score in rouge(outputs, references, stemmer=stemmer)]] * 2


def test_another_tokenizer_is_another_version_and_the_first_has_its_old_signature():
    signed = RougeL().signature, RougeL(tokenizer="unicode").signature

    assert signed[0] == (
        'rouge_l|v1|extract:null|normalize:[]|against:"expected_output"|path:null|stemmer:false'
        f"|rouge-score:{metadata.version('rouge-score')}"
    )
    assert signed[1].startswith("rouge_l|v2|")
    assert (
        f'|tokenizer:"unicode"|rouge-score:0.1.2|unicode:{unicodedata.unidata_version}'
        in signed[1]
    )
