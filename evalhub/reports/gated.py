"""What gates said about a comparison, and what leads decided since.

Both are rows of their own beside a comparison that never changes, so every form of a report shows
what is known when it is written. Gates stand above reports: they are asked by their path in
settings.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.utils.module_loading import import_string

from evalhub.reports.models import Comparison
from evalhub.web.formatting import day, plural

_ANSWERS = {"inconclusive": "not settled"}


@dataclass(frozen=True, kw_only=True)
class Waived:
    """A lead let a run through in spite of a gate. `who` is empty where nobody is known."""

    reason: str
    who: str
    at: datetime

    @property
    def by(self) -> str:
        """Say who did and when: ``let through by a waiver of ada on 26 November 2026``."""
        return f"let through by a waiver{f' of {self.who}' if self.who else ''} on {day(self.at)}"

    @property
    def heading(self) -> str:
        return f"L{self.by[1:]}"


@dataclass(frozen=True, kw_only=True)
class RuleSaid:
    """What one rule of a gate said: pass, fail or inconclusive, and why.

    One with a `margin` names the `metric`, and the `slice` where it protects one.
    """

    rule: str
    answer: str
    reason: str
    metric: str = ""
    slice: str = ""
    margin: float | None = None

    @property
    def heading(self) -> str:
        """Return the answer in a word for people: ``Not settled``."""
        return _ANSWERS.get(self.answer, self.answer).capitalize()

    @property
    def query(self) -> str:
        """Return what asks a report for the examples that a margin speaks of; else nothing."""
        if not self.metric:
            return ""
        return urlencode({"metric": self.metric} | ({"slice": self.slice} if self.slice else {}))

    @property
    def words(self) -> str:
        """Return the reason, after the rule where it does not begin with that."""
        is_named = self.reason.startswith(self.rule)
        return self.reason if is_named else f"{self.rule}. {self.reason}"


@dataclass(frozen=True, kw_only=True)
class GateSaid:
    """What a gate said about the comparison; `title` says it as a sentence."""

    id: str
    answer: str
    title: str
    advice: list[str]
    rules: list[RuleSaid]
    gate_version: int
    branch: str  # empty where the baseline was named
    chosen: str  # how the baseline was chosen
    at: datetime
    waived: Waived | None
    address: str
    version_now: int | None = None  # the version that counts by now, where it is another

    @property
    def old_version(self) -> int | None:
        """Return the version that answered, where another one counts by now."""
        return None if self.version_now is None else self.gate_version

    @property
    def passes(self) -> bool:
        return self.answer == "pass"

    @property
    def open_rules(self) -> list[RuleSaid]:
        """Return the rules that the run did not pass, those that failed first."""
        left = [one for one in self.rules if one.answer != "pass"]
        return sorted(left, key=lambda one: one.answer != "fail")

    @property
    def shown_rules(self) -> list[RuleSaid]:
        """Return the rules that the run did not pass; of a run that passed, its margins."""
        return self.open_rules or [one for one in self.rules if one.metric]

    @property
    def all_pass(self) -> str:
        """Name every rule of a gate that passed; nothing where one did not."""
        if self.open_rules or not self.rules:
            return ""
        named = ", ".join(one.rule for one in self.rules)
        n = len(self.rules)
        return f"{f'All {n} rules pass' if n > 1 else 'Its one rule passes'}: {named}."

    @property
    def in_spite_of(self) -> str:
        """Say what a waiver leaves as it is, and what a CI job is told; nothing without one.

        A waiver is of one version of a gate, and counts no more once there is another.
        """
        if self.waived is None:
            return ""
        for_branch = f" for {self.branch}" if self.branch else ""
        n_failed = sum(one.answer == "fail" for one in self.rules)
        n_open = len(self.open_rules) - n_failed
        left = [
            f"{plural(n_failed, 'rule')} failed and {_stays(n_failed)} failed" if n_failed else "",
            f"{plural(n_open, 'rule')} {_stays(n_open)} not settled" if n_open else "",
        ]
        told = "passes"
        if self.version_now is not None:
            told = f"is told by version {self.version_now}, which this waiver does not count for"
        return f"{', '.join(filter(None, left))}; a CI job that asks again{for_branch} {told}."

    @property
    def to_do(self) -> list[str]:
        """Return what to do; nothing once a lead has let the run through."""
        return [] if self.waived else self.advice

    @property
    def margins(self) -> dict[str, float]:
        """Return what each metric may lose, over all examples."""
        return {one.metric: one.margin for one in self.rules if one.margin and not one.slice}

    def allows(self, metric: str, in_slice: str) -> bool:
        """Say whether a margin of the gate lets pass what a metric lost, there."""
        return any(
            (one.metric, one.slice, one.answer) == (metric, in_slice, "pass") for one in self.rules
        )


@dataclass(frozen=True, kw_only=True)
class WaivedBefore:
    """A waiver by which the baseline, or the candidate before this one, went through."""

    sentence: str  # without the reason
    candidate: str  # the run's id
    comparison: str  # its id
    answer: str
    branch: str
    is_baseline: bool
    waived: Waived


@dataclass(frozen=True, kw_only=True)
class Said:
    """Everything that is said about one comparison now; the newest answer first, which counts."""

    answers: tuple[GateSaid, ...] = ()
    before: tuple[WaivedBefore, ...] = ()
    not_asked: str = ""  # what to do, where no gate has answered
    changed: str = ""  # that the comparison has other margins than the gate by now
    gate_page: str = ""  # where to do that

    @property
    def newest(self) -> GateSaid | None:
        return self.answers[0] if self.answers else None


NONE = Said()


def about(comparison: Comparison) -> Said:
    """Return what gates and leads have said about a comparison by now."""
    ask: Callable[[Comparison], Said] = import_string(settings.SAID_OF_COMPARISONS)
    return ask(comparison)


@dataclass(frozen=True, kw_only=True)
class InShort:
    """The newest answer about a comparison, for a list: `answer` is empty where none was asked."""

    has_gate: bool
    answer: str = ""
    is_waived: bool = False
    old_version: int | None = None  # the version that answered, where another one counts by now

    @property
    def said(self) -> str:
        return "waived" if self.is_waived else self.answer


def in_short(comparisons: Sequence[Comparison]) -> dict[int, InShort]:
    """Return the newest answer about each comparison, by its primary key."""
    ask: Callable[[Sequence[Comparison]], dict[int, InShort]]
    ask = import_string(settings.SAID_IN_SHORT)
    return ask(comparisons)


def as_json(said: Said) -> dict[str, Any]:
    """Return the members that a comparison in JSON has of them."""
    return {
        "gates": [_gate(one) for one in said.answers],
        "waived_before": waived_before(said.before),
        "gate_changed": said.changed,
    }


def waived_before(before: Sequence[WaivedBefore]) -> list[dict[str, Any]]:
    return [
        {
            "summary": one.sentence,
            "candidate": one.candidate,
            "comparison": one.comparison,
            "answer": one.answer,
            "branch": one.branch or None,
            "is_baseline": one.is_baseline,
            **_waived(one.waived),
        }
        for one in before
    ]


def _gate(one: GateSaid) -> dict[str, Any]:
    return {
        "id": one.id,
        "answer": one.answer,
        "summary": one.title,
        "advice": one.advice,
        "rules": [
            {"rule": rule.rule, "answer": rule.answer, "reason": rule.reason} for rule in one.rules
        ],
        "gate_version": one.gate_version,
        "branch": one.branch or None,
        "chosen": one.chosen,
        "waiver": _waived(one.waived) if one.waived else None,
        "created_at": one.at,
    }


def _waived(waived: Waived) -> dict[str, Any]:
    return {
        "reason": waived.reason,
        "created_by": waived.who or None,
        "created_at": waived.at,
    }


def _stays(n: int) -> str:
    return "stays" if n == 1 else "stay"
