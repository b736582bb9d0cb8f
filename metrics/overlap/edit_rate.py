"""Translation edit rate: the edits that turn one sequence of words into another, with shifts.

The search is Tercom's (Snover et al. 2006) as sacrebleu 2.6.0 carries it out, limits and ties
included, so that the number of edits is the same for all texts. Of the shifts that it tries only
those are measured whose edit distance without the beam, which is never greater, promises a gain.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from rapidfuzz.distance import Levenshtein

from metrics.overlap.edit_table import Row, Table, last_cell

_MAX_SHIFT_SIZE = 10
_MAX_SHIFT_DISTANCE = 50
_MAX_TRIED = 1000
_NOT_IN_REFERENCE = "\0"
# Beyond this, a distance without the beam takes longer than one with it.
_MAX_WITHOUT_BEAM = 1000

# How many words, minus where they begin, minus the place before which they go: of equally good
# shifts the greatest is made.
_Shift: TypeAlias = tuple[int, int, int]


def edit_count(output: Sequence[str], reference: Sequence[str]) -> int:
    """Return how many insertions, deletions, substitutions and shifts TER counts.

    Raises SearchLimitError where the search would take too long.
    """
    if not reference or not output:
        return len(output) + len(reference)
    letters = {word: chr(code) for code, word in enumerate(dict.fromkeys(reference), start=1)}
    wanted = "".join([letters[word] for word in reference])
    words = "".join([letters.get(word, _NOT_IN_REFERENCE) for word in output])
    return 0 if words == wanted else _with_shifts(words, wanted)


def _with_shifts(words: str, wanted: str) -> int:
    """Make the best shift until none lowers the distance or too many were tried."""
    table = Table(wanted, len(words))
    places: dict[str, list[int]] = {}
    for place, word in enumerate(wanted):
        places.setdefault(word, []).append(place)
    rows = table.fill(words)
    made = tried = 0
    while True:
        shifts: set[_Shift] = set()
        table.take_steps(len(words) + len(wanted))
        for some in _shifts(table, words, places, _Alignment.of(table, words, rows)):
            shifts.update(some)
            tried += len(some)
            if tried >= _MAX_TRIED:
                return made + last_cell(rows[-1])
        best = _best(table, words, rows, shifts)
        if best is None:
            return made + last_cell(rows[-1])
        made += 1
        first = _changed(best).start
        words = _shifted(words, best)
        table.take_steps(len(words) - first)
        rows[first + 1 :] = table.rows(words, first, rows[first])


@dataclass(frozen=True)
class _Alignment:
    """Which words belong together, and where the edits are.

    `before[r]` is how many words of the output stand before word r of the reference (the last:
    before its end). The other two say for each word how far the next edited one is, from 1.
    """

    before: list[int]
    edit_in_output: list[int]
    edit_in_reference: list[int]

    @classmethod
    def of(cls, table: Table, words: str, rows: Sequence[Row]) -> _Alignment:
        """Go back through the table: to the upper left where that is best, else up, else left."""
        i, j = len(words), len(table.reference)
        before, in_output, in_reference = [0] * (j + 1), [1] * i, [1] * j
        output_edit = reference_edit = _MAX_SHIFT_SIZE
        while i and j:
            step, (_, _, _, level, down) = table.steps[i - 1], rows[i]
            place = 1 << (j - 1 - step.offset)
            is_substituted = place & step.diagonal & ~level
            is_equal = place & step.diagonal and words[i - 1] == table.reference[j - 1]
            if not is_substituted and not is_equal and place & down:
                i -= 1
                output_edit = 1
                continue
            before[j] = i
            j -= 1
            if is_substituted:
                i -= 1
                output_edit = reference_edit = 1
            elif is_equal:
                i -= 1
                output_edit += 1
                in_output[i] = output_edit
                reference_edit += 1
            else:
                reference_edit = 1
            in_reference[j] = reference_edit
        return cls(before, in_output, in_reference)


def _shifts(
    table: Table, words: str, places: Mapping[str, Sequence[int]], alignment: _Alignment
) -> Iterator[set[_Shift]]:
    """Yield the shifts to try for each run of words that stands in both texts.

    A run is moved only where it has an edit on both sides, and never into itself.
    """
    wanted = table.reference
    before, in_reference = alignment.before, alignment.edit_in_reference
    for start, to_edit in enumerate(alignment.edit_in_output):
        if to_edit > _MAX_SHIFT_SIZE or words[start] not in places:
            continue
        near = _near(places[words[start]], start)
        table.take_steps(len(near))
        for place in near:
            shortest = max(to_edit, in_reference[place])
            longest = before[place + 1] - 1 - start
            if not 0 <= longest < _MAX_SHIFT_SIZE:
                longest = _MAX_SHIFT_SIZE
            if shortest > longest:
                continue
            longest = _shared_run(words[start : start + longest], wanted[place : place + longest])
            for length in range(shortest, longest + 1):
                targets = set(before[place : place + length + 1])
                yield {(length, -start, -target) for target in targets}


def _near(places: Sequence[int], start: int) -> Sequence[int]:
    first = bisect_left(places, start - _MAX_SHIFT_DISTANCE)
    return places[first : bisect_left(places, start + _MAX_SHIFT_DISTANCE + 1, first)]


def _shared_run(words: str, others: str) -> int:
    """Return how many words two runs have in common before they differ."""
    for length, (word, other) in enumerate(zip(words, others, strict=False)):
        if word != other:
            return length
    return min(len(words), len(others))


def _best(
    table: Table, words: str, rows: Sequence[Row], shifts: Iterable[_Shift]
) -> _Shift | None:
    """Return the shift after which the distance is least, None where none lowers it."""
    distance = last_cell(rows[-1])
    best: tuple[int, _Shift] = (0, (0, 0, 0))
    for promise in sorted(_promises(words, table.reference, distance, shifts), reverse=True):
        if promise <= best:
            break
        shift = promise[1]
        gain = distance - table.distance(_shifted(words, shift), rows, _changed(shift))
        if gain > 0:
            best = max(best, (gain, shift))
    return best[1] if best[0] else None


def _promises(
    words: str, wanted: str, distance: int, shifts: Iterable[_Shift]
) -> Iterator[tuple[int, _Shift]]:
    """Yield what each shift gains at most, where that is anything."""
    if max(len(words), len(wanted)) > _MAX_WITHOUT_BEAM:
        yield from ((distance, shift) for shift in shifts)
        return
    for shift in shifts:
        least = Levenshtein.distance(_shifted(words, shift), wanted, score_cutoff=distance - 1)
        if least < distance:
            yield distance - least, shift


def _changed(shift: _Shift) -> range:
    """Return the places where a shift puts other words."""
    length, start, target = shift[0], -shift[1], -shift[2]
    if target < start:
        return range(target, start + length)
    return range(start, target if target > start + length else target + length)


def _shifted(words: str, shift: _Shift) -> str:
    length, start, target = shift[0], -shift[1], -shift[2]
    stop = start + length
    moved = words[start:stop]
    if target < start:
        return words[:target] + moved + words[target:start] + words[stop:]
    if target <= stop:
        # Into itself: Tercom counts from the beginning of the run.
        target += length
    return words[:start] + words[stop:target] + moved + words[target:]
