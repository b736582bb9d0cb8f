"""What is remembered of texts, and that memory stays bounded."""

import tracemalloc

import pytest

from metrics.cache import TextCache

# Of an entry with two texts of one character.
ENTRY = 240 + 2 * 50


def test_equal_steps_on_equal_texts_are_computed_once():
    seen: list[str] = []
    cache = TextCache()

    def upper(text):
        seen.append(text)
        return text.upper()

    assert [cache.derive("upper", text, upper) for text in ("a", "a", "", "")] == [
        "A",
        "A",
        "",
        "",
    ]
    assert cache.derive("lower", "a", str.lower) == "a"
    assert seen == ["a", ""]


def test_the_longest_unused_texts_are_forgotten_first():
    cache = TextCache(max_bytes=3 * ENTRY)
    for text in ("a", "b", "c"):
        cache.derive("upper", text, str.upper)
    cache.derive("upper", "a", str.upper)
    cache.derive("upper", "d", str.upper)
    seen: list[str] = []

    for text in ("a", "b"):
        cache.derive("upper", text, lambda text: seen.append(text) or text)

    assert seen == ["b"]
    assert len(cache) == 3


def test_a_text_larger_than_the_bound_is_derived_and_not_kept():
    cache = TextCache(max_bytes=2 * ENTRY)
    cache.derive("upper", "b", str.upper)

    assert cache.derive("upper", "a" * 500, str.upper) == "A" * 500
    assert len(cache) == 1


@pytest.mark.parametrize("text", ["{}", "{}" + "x" * 400, "\N{PILE OF POO} {}" + "é" * 40])
def test_what_it_takes_stays_within_the_bound_whatever_the_texts(text):
    bound = 400_000
    cache = TextCache(max_bytes=bound)
    tracemalloc.start()
    try:
        for number in range(5_000):
            cache.derive("upper", text.format(number), str.upper)
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert bound / 2 < taken < bound * 1.1
