"""Words that the inputs of failing examples share more than chance allows. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import exp, lgamma

MIN_MEMBERS = 3
LEVEL = 0.05
MAX_GROUPS, MAX_WORDS = 8, 5
_ALIKE = 0.7  # words of which this share of members is the same name one group
_MAX_CHARACTERS = 4_000
_WORD = re.compile(r"(?<!\w)[^\W\d_][\w'-]+")


@dataclass(frozen=True)
class WordGroup:
    """Failing inputs that share words: places in the list of these, and how many others do."""

    words: tuple[str, ...]
    members: tuple[int, ...]
    n_others: int


def shared_words(failing: Sequence[str], others: Sequence[str]) -> list[WordGroup]:
    """Group failing inputs by words that stand in more of them than chance allows.

    Each word is tested by Fisher's exact test, one-sided: how likely is it that so many of the
    inputs with this word are among the failing ones? Holm's correction for all words that stand
    in three failing inputs bounds the chance of any false one by 5 %. Words of about the same
    inputs name one group; an input is in the group of its least likely word only.
    """
    n_others = _counts(others)
    groups: list[WordGroup] = []
    wholes: list[frozenset[int]] = []
    taken: set[int] = set()
    for word, members in _found(failing, n_others, len(others)):
        alike = next((at for at, one in enumerate(wholes) if _share(one, members) >= _ALIKE), None)
        if alike is not None:
            group = groups[alike]
            words = (*group.words, word)[:MAX_WORDS]
            groups[alike] = WordGroup(words, group.members, group.n_others)
            continue
        left = tuple(sorted(members - taken))
        if len(left) >= MIN_MEMBERS and len(groups) < MAX_GROUPS:
            groups.append(WordGroup((word,), left, n_others.get(word, 0)))
            wholes.append(members)
            taken |= members
    return groups


def _found(
    failing: Sequence[str], n_others: dict[str, int], total: int
) -> Iterator[tuple[str, frozenset[int]]]:
    """Yield the words that stand out, the least likely first, with the failing inputs of each."""
    places: dict[str, set[int]] = {}
    for at, text in enumerate(failing):
        for word in words_of(text):
            places.setdefault(word, set()).add(at)
    tested = sorted(
        (_tail(len(one), n_others.get(word, 0), len(failing), total), -len(one), word)
        for word, one in places.items()
        if len(one) >= MIN_MEMBERS
    )
    for rank, (p_value, _, word) in enumerate(tested):
        if p_value * (len(tested) - rank) > LEVEL:
            return
        yield word, frozenset(places[word])


def words_of(text: str) -> set[str]:
    """Return the words of a text in lower case; numbers, and what is one letter, are none."""
    return {found[0].casefold() for found in _WORD.finditer(text[:_MAX_CHARACTERS])}


def _counts(texts: Sequence[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for text in texts:
        for word in words_of(text):
            counts[word] = counts.get(word, 0) + 1
    return counts


def _tail(inside: int, outside: int, n_failing: int, n_others: int) -> float:
    """Return Fisher's one-sided p: so many or more of the word's inputs among the failing."""
    n_word, total = inside + outside, n_failing + n_others
    whole = _log_choose(total, n_word)
    return sum(
        exp(_log_choose(n_failing, k) + _log_choose(n_others, n_word - k) - whole)
        for k in range(inside, min(n_word, n_failing) + 1)
        if n_word - k <= n_others
    )


def _log_choose(n: int, k: int) -> float:
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)


def _share(one: frozenset[int], other: frozenset[int]) -> float:
    return len(one & other) / len(one | other)
