"""The units of a new campaign: outputs of its runs, or pairs of them, each example together."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Final, NamedTuple

from django.db.models import QuerySet

from evalhub.datasets.selectors import keys_and_digests, slicing
from evalhub.errors import ContentError, FieldError
from evalhub.runs.models import Output, Run
from labeling.models import Campaign
from labeling.ordering import in_shares, shuffled
from labeling.plans import Plan

MAX_UNITS: Final = 200_000
MAX_READ: Final = 5_000_000  # outputs that are looked through to draw examples
IN_ONE_QUERY: Final = 900
# Beyond this share of a run's outputs, reading all of them is quicker than picking some.
MOST_PICKED: Final = 0.2


class Given(NamedTuple):
    """An output of a run (by its key) of the campaign."""

    run: int
    position: int
    attempt: int


@dataclass(frozen=True, slots=True)
class Shown:
    """What will be a unit. Of equal ones in an example the first stands for the others.

    `content` is all that is shown of it; `reversed_content` the same with sides changed, of pairs.
    """

    bundle: int
    first: Given
    second: Given | None
    content: bytes
    reversed_content: bytes = b""


@dataclass(frozen=True)
class Gathered:
    """All that is to be labeled, and the examples in the order in which they are handed out."""

    shown: list[Shown]
    n_identical: int
    order: list[int]


@dataclass
class _Examples:
    """The examples of a campaign: numbered by key, whichever versions its runs are on."""

    numbers: dict[str, int] = field(default_factory=dict)
    by_version: dict[int, tuple[list[int], list[bytes]]] = field(default_factory=dict)
    version_of: dict[int, int] = field(default_factory=dict)  # of each run

    @classmethod
    def of(cls, runs: Sequence[Run]) -> _Examples:
        examples = cls()
        for run in runs:
            examples.version_of[run.pk] = run.version_id
            if run.version_id not in examples.by_version:
                keys, digests = keys_and_digests(run.version)
                numbers = [examples.numbers.setdefault(key, len(examples.numbers)) for key in keys]
                examples.by_version[run.version_id] = numbers, digests
        return examples

    def number_of(self, output: Given) -> int:
        return self.by_version[self.version_of[output.run]][0][output.position]

    def digest_of(self, output: Given) -> bytes:
        return self.by_version[self.version_of[output.run]][1][output.position]


def gather(plan: Plan, seed: int) -> Gathered:
    """Return what a campaign labels: every output that has text or JSON, or pairs of them.

    Of pairs whose two outputs read the same, nothing is shown: they are counted.
    """
    examples = _Examples.of(plan.runs)
    of_example = _outputs(plan, examples)
    wanted = {bundle: list(_units(plan, outputs)) for bundle, outputs in of_example.items()}
    wanted = _drawn({bundle: units for bundle, units in wanted.items() if units}, plan, seed)
    _refuse_amount(sum(map(len, wanted.values())), plan)
    said = _said(
        plan.runs, {output for units in wanted.values() for unit in units for output in unit}
    )
    shown: list[Shown] = []
    n_identical = 0
    for bundle, units in wanted.items():
        for unit in units:
            if len(unit) == 2 and said[unit[0]] == said[unit[1]]:
                n_identical += 1
            else:
                shown.append(_shown(bundle, unit, said, examples))
    _refuse_none(shown, n_identical)
    _refuse_quota(shown, plan)
    return Gathered(
        shown, n_identical, _order({one.bundle for one in shown}, plan, seed, examples)
    )


def _outputs(plan: Plan, examples: _Examples) -> dict[int, list[Given]]:
    """Return the outputs that can be shown, by example, in the order of runs and attempts."""
    n_outputs = sum(run.n_outputs for run in plan.runs)
    if n_outputs > MAX_READ:
        raise _refusal(
            f"These runs have {n_outputs:,} outputs, and a campaign looks through at most "
            f"{MAX_READ:,}; choose fewer runs."
        )
    found: dict[int, list[Given]] = defaultdict(list)
    for run in plan.runs:
        rows = _readable(run).order_by("position", "attempt").values_list("position", "attempt")
        for position, attempt in rows.iterator(chunk_size=20_000):
            output = Given(run.pk, position, attempt)
            found[examples.number_of(output)].append(output)
    return found


def _readable(run: Run) -> QuerySet[Output]:
    return Output.objects.filter(run=run, error__isnull=True)


def _units(plan: Plan, outputs: Sequence[Given]) -> Iterator[tuple[Given, ...]]:
    """Yield the units of an example: outputs alone, or pairs of two runs' same attempt."""
    if plan.kind != Campaign.Kind.PAIRS:
        yield from ((output,) for output in outputs)
        return
    by_attempt: dict[int, list[Given]] = defaultdict(list)
    for output in outputs:
        by_attempt[output.attempt].append(output)
    first = plan.runs[0]
    for _, side_by_side in sorted(by_attempt.items()):
        for pair in combinations(side_by_side, 2):
            if plan.against == "all" or pair[0].run == first.pk:
                yield pair


def _drawn(
    units: dict[int, list[tuple[Given, ...]]], plan: Plan, seed: int
) -> dict[int, list[tuple[Given, ...]]]:
    if plan.n_examples is None:
        return units
    examples = sorted(units, key=lambda bundle: shuffled(seed, bundle))
    return {bundle: units[bundle] for bundle in sorted(examples[: plan.n_examples])}


def _said(runs: Sequence[Run], outputs: Iterable[Given]) -> dict[Given, bytes]:
    """Return the digest of all that is shown of each output."""
    wanted: dict[int, list[Given]] = defaultdict(list)
    for output in outputs:
        wanted[output.run].append(output)
    return {
        Given(run.pk, position, attempt): digest
        for run in runs
        for position, attempt, digest in _of_run(run, wanted[run.pk])
    }


def _of_run(run: Run, wanted: Sequence[Given]) -> Iterator[tuple[int, int, bytes]]:
    columns = ("position", "attempt", "text", "data", "retrieved")
    positions = sorted({output.position for output in wanted})
    readable = _readable(run)
    if len(wanted) > MOST_PICKED * run.n_outputs:
        parts = [readable]
    else:
        parts = [
            readable.filter(position__in=positions[at : at + IN_ONE_QUERY])
            for at in range(0, len(positions), IN_ONE_QUERY)
        ]
    for part in parts:
        for position, attempt, text, data, retrieved in part.values_list(*columns).iterator(
            chunk_size=2_000
        ):
            said = f"{text is None}\0{data if text is None else text}\0{_passages(retrieved)}"
            yield position, attempt, hashlib.sha256(said.encode()).digest()


def _passages(retrieved: str) -> list[str]:
    documents = json.loads(retrieved) if retrieved else []
    return [document.get("text") or "" for document in documents]


def _shown(
    bundle: int,
    unit: tuple[Given, ...],
    said: Mapping[Given, bytes],
    examples: _Examples,
) -> Shown:
    sides = [examples.digest_of(output) + said[output] for output in unit]
    if len(unit) == 1:
        return Shown(bundle, unit[0], None, sides[0])
    return Shown(bundle, unit[0], unit[1], b"".join(sides), b"".join(reversed(sides)))


def _order(bundles: set[int], plan: Plan, seed: int, examples: _Examples) -> list[int]:
    """Return the examples in the order in which they are handed out."""
    if plan.order_by != Campaign.Order.STRATIFIED:
        return sorted(bundles, key=lambda bundle: shuffled(seed, bundle))
    levels: dict[int, Hashable] = {}
    for run in reversed(plan.runs):  # the first run that has an example says its slice
        found = slicing(run.version, plan.slice_field)
        if found is not None:
            numbers = examples.by_version[run.version_id][0]
            levels |= dict(zip(numbers, found.codes.tolist(), strict=True))
    return in_shares({bundle: levels.get(bundle) for bundle in bundles}, seed=seed)


def _refusal(detail: str, *, field_: str = "runs", code: str = "too_many") -> ContentError:
    return ContentError(detail, errors=[FieldError(field_, code, detail)])


def _refuse_amount(n_units: int, plan: Plan) -> None:
    if n_units > MAX_UNITS:
        what = "pairs" if plan.kind == Campaign.Kind.PAIRS else "outputs"
        raise _refusal(
            f"A campaign holds at most {MAX_UNITS:,} {what}, and these are {n_units:,}; "
            "choose fewer runs, or a number of examples."
        )


def _refuse_none(shown: Sequence[Shown], n_identical: int) -> None:
    if shown:
        return
    if n_identical:
        raise _refusal(
            f"All {n_identical:,} pairs are of two equal outputs: there is nothing to prefer.",
            code="identical",
        )
    raise _refusal(
        "These runs have no output to show: errors and missing outputs are not labeled.",
        code="empty",
    )


def _refuse_quota(shown: Sequence[Shown], plan: Plan) -> None:
    """One person judges an example whole, so a quota takes in one at least."""
    different = {
        (one.bundle, min(one.content, one.reversed_content or one.content)) for one in shown
    }
    largest = max(Counter(bundle for bundle, _ in different).values())
    if plan.quota is not None and plan.quota < largest:
        raise _refusal(
            f"One person judges everything about an example, which is up to {largest} here: "
            f"a quota is at least {largest}.",
            field_="quota",
            code="quota",
        )
