"""What is read of the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db.models import Count, Q, Sum

from evalhub.accounts.models import Project
from evalhub.judging.models import JudgeCall
from metrics.judge import RUBRICS, Rubric
from metrics.reasons import Reason

PAGE = 50


@dataclass(frozen=True)
class Judge:
    """The language model that is set: never its key."""

    model: str
    host: str


def judge() -> Judge | None:
    """Return the judge that the operator has set, or None."""
    if not settings.JUDGE_URL:
        return None
    return Judge(settings.JUDGE_MODEL, urlsplit(settings.JUDGE_URL).netloc.rpartition("@")[2])


@dataclass(frozen=True)
class Asked:
    """A rubric and what was asked with it so far."""

    rubric: Rubric
    totals: Mapping[str, Any]


def rubrics_of(project: Project) -> list[Asked]:
    """Return every rubric with the project's totals."""
    rows = (
        JudgeCall.objects.filter(project=project)
        .values("rubric")
        .annotate(
            calls=Count("pk"),
            verdicts=Count("pk", filter=Q(verdict__isnull=False)),
            failed=Count("pk", filter=Q(state=JudgeCall.State.FAILED)),
            tokens_in=Sum("input_tokens"),
            tokens_out=Sum("output_tokens"),
        )
    )
    totals = {row["rubric"]: row for row in rows}
    return [Asked(rubric, totals.get(name, {"calls": 0})) for name, rubric in RUBRICS.items()]


@dataclass(frozen=True)
class Entry:
    """One call, with the reason why it has no verdict in words."""

    call: JudgeCall
    why: str


def ledger(project: Project, *, before: int | None = None) -> tuple[list[Entry], int | None]:
    """Return a page of calls, newest first, and where the next page starts."""
    calls = JudgeCall.objects.filter(project=project).select_related("run").order_by("-pk")
    if before is not None:
        calls = calls.filter(pk__lt=before)
    rows = list(calls[: PAGE + 1])
    entries = [Entry(call, _why(call)) for call in rows[:PAGE]]
    return entries, rows[PAGE - 1].pk if len(rows) > PAGE else None


def _why(call: JudgeCall) -> str:
    if call.verdict is not None:
        return ""
    if call.state == JudgeCall.State.ASKING:
        return "It is being asked."
    return call.error or Reason(call.reason).sentence
