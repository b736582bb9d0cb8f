"""Porter's stemmer against nltk's, which rouge-score uses."""

import re
from pydoc_data.topics import topics

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nltk.stem.porter import PorterStemmer

from metrics.overlap.porter import ENDINGS, porter

NLTK = PorterStemmer()
SUFFIXES = """
ational tional enci anci izer bli alli entli eli ousli ization ation ator alism iveness fulness
ousness aliti iviti biliti fulli logi ogi icate ative alize iciti ical ful ness al ance ence er ic
able ible ant ement ment ent sion tion ion ou ism ate iti ous ive ize s ss sses ies ied eed ed ing
y ly e ll at bl iz
"""
IRREGULAR = """
sky skies dying lying tying news innings inning outings outing cannings canning howe proceed
exceed succeed
"""
words = st.lists(
    st.text("aeiouybcdlstzwxk1", max_size=4) | st.sampled_from(SUFFIXES.split()),
    min_size=1,
    max_size=4,
).map("".join)


def is_equal(word):
    return porter(word.encode()) == NLTK.stem(word).encode()


@pytest.mark.no_cover
@settings(max_examples=200)
@given(words)
def test_made_words_have_nltks_stem(word):
    assert is_equal(word)


def test_the_words_of_pythons_manual_have_nltks_stem():
    found = set(re.findall("[a-z0-9]+", " ".join(topics.values()).lower()))

    assert len(found) > 3_000
    assert [word for word in found if not is_equal(word)] == []


def test_every_suffix_after_every_kind_of_stem_has_nltks_stem():
    stems = ("", "a", "b", "y", "by", "ab", "ay", "hop", "hopp", "fall", "fizz", "relat", "geo")
    made = [
        stem + suffix + more for stem in stems for suffix in SUFFIXES.split() for more in ("", "s")
    ]

    assert [word for word in made if not is_equal(word)] == []


@pytest.mark.parametrize("word", IRREGULAR.split())
def test_irregular_words_have_nltks_stem(word):
    assert is_equal(word)


def test_a_long_run_of_y_takes_no_longer_than_its_length():
    assert is_equal("y" * 100_000 + "ing")


@given(words)
def test_a_word_with_another_ending_is_its_own_stem(word):
    if len(word) > 1 and word[-2:].encode() not in ENDINGS:
        assert NLTK.stem(word) == word
