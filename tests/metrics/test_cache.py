"""What is remembered of texts, and that memory stays bounded."""

from metrics.cache import TextCache


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
    cache = TextCache(max_characters=6)
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
    cache = TextCache(max_characters=10)

    assert cache.derive("upper", "a" * 50, str.upper) == "A" * 50
    assert len(cache) == 0
