"""The judge pages: what judges, by which rubrics, and every call that was made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from evalhub.accounts.capabilities import Capability
from evalhub.accounts.http import SignedInRequest, enter_project, signed_in
from evalhub.judging import selectors
from evalhub.judging.models import JudgeCall
from metrics.judge import RUBRICS, Material, Rubric, messages_for
from metrics.reasons import Reason

LISTED = 50
EXAMPLE_LINES = (
    "export EVALHUB_JUDGE_URL=https://models.example.org/v1\n"
    "export EVALHUB_JUDGE_MODEL=name-of-the-model\n"
    "export EVALHUB_JUDGE_KEY=the-key"
)


@require_safe
@signed_in
def judge_list(request: SignedInRequest, project: str) -> HttpResponse:
    """The judge that is set, the rubrics, and the ledger, newest first."""
    found = enter_project(request, project, Capability.VIEW)
    before = request.GET.get("before", "")
    calls = selectors.calls_of(found)
    if before.isascii() and before.isdigit():
        calls = calls.filter(pk__lt=int(before[:18]))
    rows = list(calls[: LISTED + 1])
    rest = request.build_absolute_uri("/api/v1")
    context = {
        "judge": _judge(),
        "example_lines": EXAMPLE_LINES,
        "example_curl": _example_curl(rest),
        "rubrics": [ShownRubric(rubric) for rubric in RUBRICS.values()],
        "totals": selectors.totals_of(found),
        "calls": [ShownCall(call) for call in rows[:LISTED]],
        "pagination": {
            "previous": "?#calls" if before else "",
            "next": f"?before={rows[LISTED - 1].pk}#calls" if len(rows) > LISTED else "",
        },
    }
    return render(request, "judging/list.html", context)


@require_safe
@signed_in
def judge_call(request: SignedInRequest, project: str, digest: str) -> HttpResponse:
    """One call: what was asked, what came back, what it took."""
    found = enter_project(request, project, Capability.VIEW)
    call = selectors.call_of(found, digest)
    question = selectors.question_of(call)
    context = {
        "call": call,
        "shown": ShownCall(call),
        "messages_sent": question.messages if question else (),
        "settings": ", ".join(f"{name} {value}" for name, value in sorted(call.settings.items())),
    }
    return render(request, "judging/call.html", context)


def _judge() -> Mapping[str, Any] | None:
    """Return what a page may say of the judge: never the key, of the address the host alone."""
    if not settings.JUDGE_URL:
        return None
    address = urlsplit(settings.JUDGE_URL)
    return {
        "model": settings.JUDGE_MODEL,
        "host": address.netloc.rpartition("@")[2],
        "has_key": bool(settings.JUDGE_KEY),
        "timeout": settings.JUDGE_TIMEOUT_SECONDS,
        "concurrency": settings.JUDGE_CONCURRENCY,
    }


def _example_curl(rest: str) -> str:
    return (
        f"curl -sS {rest}/runs/<run>/measurements \\\n"
        '  -H "Authorization: Bearer $KEY" -H "Content-Type: application/json" \\\n'
        '  -d \'{"metrics": ["judge_faithfulness", "judge_answer_relevance"]}\''
    )


@dataclass(frozen=True)
class ShownRubric:
    """A rubric in full: its parts, and what the judge is told in the end."""

    rubric: Rubric

    @property
    def points(self) -> list[tuple[int, str]]:
        return list(enumerate(self.rubric.scale, start=self.rubric.low))

    @property
    def told(self) -> str:
        return messages_for(self.rubric, Material(input="…", output="…"))[0]["content"]


@dataclass(frozen=True)
class ShownCall:
    """A call as the pages tell of it."""

    call: JudgeCall

    @property
    def title(self) -> str:
        rubric = RUBRICS.get(self.call.rubric)
        return rubric.title if rubric else self.call.rubric

    @property
    def highest(self) -> int | None:
        rubric = RUBRICS.get(self.call.rubric)
        is_the_same = rubric is not None and rubric.version == self.call.rubric_version
        return rubric.high if rubric and is_the_same else None

    @property
    def why(self) -> str:
        """Why there is no verdict, in a sentence."""
        return Reason(self.call.reason).sentence if self.call.reason else ""
