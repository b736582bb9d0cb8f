"""Runs for judges: examples with passages, outputs of every kind, asked and drained."""

from __future__ import annotations

from django.utils import timezone

from evalhub.judging.models import JudgeCall
from evalhub.runs.models import Rating, Run
from tests.evalhub.runs.building import a_run, scored
from tests.factories import a_project, a_version, example_row

BOTH = ["judge_faithfulness", "judge_answer_relevance"]


def bridges(n: int = 3, project=None):
    """Return a version of n different questions, each with a passage."""
    rows = [
        example_row(f"q{i}", context=[f"Bridge {i} was opened in {1890 + i}."])
        for i in range(1, n + 1)
    ]
    return a_version(project or a_project(), rows)


def answers(n: int = 3) -> list[dict[str, object]]:
    return [{"key": f"q{i}", "output": f"In {1890 + i}."} for i in range(1, n + 1)]


def judged(*lines, metrics=("judge_faithfulness",), version=None, **fields) -> Run:
    """Return a run whose outputs went to the judges."""
    lines = lines or tuple(answers())
    run = a_run(version or bridges(), metrics=list(metrics), **fields)
    return scored(run, *lines)


def a_call(project, **fields) -> JudgeCall:
    """Return a call that the judge answered with 4, about no run that is still there."""
    wished = {
        **{"digest": "0" * 64, "rubric": "faithfulness", "rubric_version": 1},
        **{"model": "tiny-judge", "position": 0, "attempt": 1, "created_at": timezone.now()},
        **{"state": "answered", "verdict": 4.0, "answered_at": timezone.now(), **fields},
    }
    return JudgeCall.objects.create(project=project, **wished)


def calls() -> list[JudgeCall]:
    return list(JudgeCall.objects.order_by("position", "attempt", "rubric"))


def ratings(name: str = "judge_faithfulness") -> list[tuple[int, float | None, int]]:
    """Return (position, value, reason) of every rating under a name, newest generation."""
    found = Rating.objects.filter(measurement__name=name).order_by(
        "-measurement__generation", "position", "attempt"
    )
    newest = found[0].measurement_id if found else None
    kept = found.filter(measurement=newest)
    return list(kept.values_list("position", "value", "reason"))
