"""Pairs that people compared, as preference data: prompt, chosen, rejected."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, Final

from evalhub.datasets.selectors import examples_at_positions
from evalhub.runs.models import Output
from labeling.counting import Comparable, comparable_sets
from labeling.exports.names import Names
from labeling.measures import share_won
from labeling.models import Annotation, Campaign, Decision, Purpose, Question, Unit

AT_ONCE: Final = 200  # with the texts of their outputs


def preferences(campaign: Campaign, *, with_ties: bool = False) -> Iterator[dict[str, Any]]:
    """Yield the pairs that people compared as prompt, chosen and rejected, a row per question.

    A decision stands before what people said, where the output won that won more often; where
    neither did, the row is a tie, with `outputs` in place of chosen and rejected, and left out
    unless asked for.
    """
    names, comparable = Names.of(campaign), comparable_sets(campaign)
    questions = [each for each in campaign.asked if each.kind == Question.Kind.PREFERENCE]
    units = Unit.objects.filter(
        campaign=campaign,
        second_run__isnull=False,
        twin__isnull=True,
        purpose=Purpose.LABEL,
    ).order_by("pk")
    last = 0
    while page := list(units.filter(pk__gt=last)[:AT_ONCE]):
        texts = _Texts.of(names, page)
        votes, decided = _votes(page), _decisions(page, comparable)
        for unit in page:
            for question in questions:
                given = [
                    answers[question.name]
                    for question_set, answers in votes[unit.pk]
                    if question_set in comparable[question.name]
                    and answers.get(question.name) is not None
                ]
                verdict = _Verdict.of(given, decided.get(unit.pk, {}).get(question.name))
                if verdict is not None and (with_ties or verdict.winner):
                    yield _preference(names, texts, unit, question, verdict)
        last = page[-1].pk


@dataclass(frozen=True)
class _Verdict:
    """Which output of a pair won: 1, 2, or 0 for neither; and by which votes."""

    winner: int
    votes: Mapping[str, int]
    is_decided: bool

    @classmethod
    def of(cls, given: Sequence[Any], decision: Any) -> _Verdict | None:
        if not given and decision is None:
            return None
        shares = [share_won(answer) for answer in ([decision] if decision is not None else given)]
        mean = fmean(share for share in shares if share is not None)
        votes = Counter(_vote(answer) for answer in given)
        winner = 1 if mean > 0.5 else 2 if mean < 0.5 else 0
        return cls(winner, votes, is_decided=decision is not None)


def _vote(answer: Any) -> str:
    if isinstance(answer, str):
        return answer
    return {1.0: "first", 0.0: "second"}.get(share_won(answer) or 0.0, "tie")


@dataclass(frozen=True)
class _Texts:
    """The inputs and outputs of some pairs."""

    inputs: Mapping[tuple[int, int], Any]
    outputs: Mapping[tuple[int, int, int], Any]

    @classmethod
    def of(cls, names: Names, units: Sequence[Unit]) -> _Texts:
        positions: defaultdict[int, set[int]] = defaultdict(set)
        of_runs: defaultdict[int, set[int]] = defaultdict(set)
        for unit in units:
            positions[unit.run_id].add(unit.position)
            of_runs[unit.run_id].add(unit.position)
            of_runs[unit.second_run_id or 0].add(unit.second_position or 0)
        inputs = {
            (run, position): example.fields.get("input")
            for run, wanted in positions.items()
            for position, example in examples_at_positions(
                names.runs[run].version, sorted(wanted)
            ).items()
        }
        outputs = {
            (run, position, attempt): text if data is None else json.loads(data)
            for run, wanted in of_runs.items()
            for position, attempt, text, data in Output.objects.filter(
                run=run, position__in=wanted
            ).values_list("position", "attempt", "text", "data")
        }
        return cls(inputs, outputs)


def _votes(units: Sequence[Unit]) -> Mapping[int, Sequence[tuple[int, dict[str, Any]]]]:
    votes: defaultdict[int, list[tuple[int, dict[str, Any]]]] = defaultdict(list)
    given = Annotation.objects.given().filter(unit__in=units).order_by("pk")
    for unit, question_set, answers in given.values_list("unit_id", "question_set_id", "answers"):
        votes[unit].append((question_set, answers))
    return votes


def _decisions(units: Sequence[Unit], comparable: Comparable) -> dict[int, dict[str, Any]]:
    """Return what was decided about questions that mean the same as those that are asked now."""
    found = Decision.objects.filter(unit__in=units)
    return {
        unit: {
            name: answer
            for name, answer in answers.items()
            if question_set in comparable.get(name, ())
        }
        for unit, question_set, answers in found.values_list(
            "unit_id", "question_set_id", "answers"
        )
    }


def _preference(
    names: Names, texts: _Texts, unit: Unit, question: Question, verdict: _Verdict
) -> dict[str, Any]:
    sides = [
        _side(names, texts, unit.run_id, unit.position, unit.attempt),
        _side(
            names,
            texts,
            unit.second_run_id or 0,
            unit.second_position or 0,
            unit.second_attempt or 0,
        ),
    ]
    row: dict[str, Any] = {
        "key": names.place(unit)["key"],
        "question": question.name,
        "prompt": texts.inputs.get((unit.run_id, unit.position)),
    }
    if verdict.winner:
        won = sides[verdict.winner - 1]
        lost = sides[2 - verdict.winner]
        row |= {"chosen": won["output"], "rejected": lost["output"]}
        row |= {"chosen_run": won["run"], "rejected_run": lost["run"]}
        row |= {"chosen_system": won["system"], "rejected_system": lost["system"]}
    else:
        row |= {"tie": True, "outputs": sides}
    return row | {"votes": _named_votes(verdict), "decided": verdict.is_decided}


def _named_votes(verdict: _Verdict) -> dict[str, int]:
    """Return the votes by what they were for: the chosen output, or the sides of a tie."""
    if not verdict.winner:
        return dict(sorted(verdict.votes.items()))
    chosen, rejected = ("first", "second") if verdict.winner == 1 else ("second", "first")
    given = verdict.votes
    return {
        "chosen": given.get(chosen, 0),
        "rejected": given.get(rejected, 0),
        "tie": given.get("tie", 0),
        "both_bad": given.get("both_bad", 0),
    }


def _side(names: Names, texts: _Texts, run: int, position: int, attempt: int) -> dict[str, Any]:
    return {
        "run": names.runs[run].public_id,
        "system": str(names.runs[run].system_version),
        "attempt": attempt,
        "output": texts.outputs.get((run, position, attempt)),
    }
