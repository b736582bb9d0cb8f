"""Ordinary campaigns: finished runs of small systems, questions, people at the desk."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from django.db.models import F
from django.utils import timezone

from evalhub.accounts.models import Project, User
from evalhub.accounts.services import COMMAND_LINE
from evalhub.datasets.models import DatasetVersion
from evalhub.runs.models import Output, Run, System, SystemVersion
from labeling.models import Annotation, Annotator, Campaign, Draft, Purpose, QuestionSet, Unit
from labeling.plans import read_plan
from labeling.services.campaigns import create_campaign
from labeling.services.controls import set_control
from labeling.services.desk import Desk, Submitted, deal, join, pass_by, submit
from tests.factories import a_member, a_project, a_version

_numbers = count(1)

FAITHFUL = {"name": "faithful", "kind": "rating"}
BETTER = {"name": "better", "kind": "preference"}
AT = datetime(2026, 11, 2, 10, tzinfo=UTC)


def a_run(
    version: DatasetVersion,
    texts: Sequence[str | None],
    *,
    system: str | None = None,
    attempts: int = 1,
    state: str = Run.State.SCORED,
) -> Run:
    """Return a finished run with these outputs, position by position; None is an error."""
    project, now = version.dataset.project, timezone.now()
    slug = system or f"system-{next(_numbers)}"
    owner, _ = System.objects.get_or_create(
        project=project, slug=slug, defaults={"created_at": now}
    )
    system_version, _ = SystemVersion.objects.get_or_create(
        system=owner, name="", defaults={"created_at": now}
    )
    run = Run.objects.create(
        project=project,
        version=version,
        system_version=system_version,
        attempts=attempts,
        state=state,
        seed=1,
        n_outputs=len(texts),
        n_errors=sum(text is None for text in texts),
        created_at=now,
        finished_at=now,
    )
    Output.objects.bulk_create(
        Output(
            run=run,
            position=index // attempts,
            attempt=index % attempts + 1,
            text=text,
            error="timed out" if text is None else None,
            digest=hashlib.sha256(f"{index}".encode()).digest(),
        )
        for index, text in enumerate(texts)
    )
    return run


def two_runs(project: Project, *, n: int = 4) -> list[Run]:
    """Return two runs of n examples whose outputs all differ."""
    version = a_version(project, n=n)
    return [
        a_run(version, [f"{name} answers {i}" for i in range(n)], system=f"{name}-{project.pk}")
        for name in ("heron", "stork")
    ]


def a_campaign(
    project: Project | None = None,
    *,
    runs: Sequence[Run] | None = None,
    n: int = 4,
    overlap: int = 2,
    questions: Sequence[object] = (FAITHFUL,),
    **more: object,
) -> Campaign:
    """Return an open campaign over two runs of n examples, unless told otherwise."""
    project = project or (runs[0].project if runs else a_project())
    runs = runs or two_runs(project, n=n)
    body = {
        "name": "Faithful answers",
        "runs": [run.public_id for run in runs],
        "questions": list(questions),
        "overlap": overlap,
        **more,
    }
    plan = read_plan(project=project, body=body)
    return create_campaign(plan=plan, actor=COMMAND_LINE)


def a_pairs_campaign(*, n: int = 4, questions: Sequence[object] = (BETTER,)) -> Campaign:
    """Return an open campaign that compares the two outputs of n examples."""
    return a_campaign(n=n, questions=questions, kind="pairs")


def an_annotator(campaign: Campaign, user: User | None = None) -> Annotator:
    """Return somebody who has opened the desk."""
    user = user or a_member(campaign.project, "annotator")
    return join(campaign=campaign, user=user)


def said(
    campaign: Campaign,
    unit: Unit,
    name: str,
    *,
    question_set: QuestionSet | None = None,
    at_desk: bool = False,
    **answers: object,
) -> Annotation:
    """Return what somebody of this name answered: by a file, or in a free place at the desk."""
    person, _ = Annotator.objects.get_or_create(campaign=campaign, name=name, defaults={"seed": 1})
    slots = campaign.slots.filter(bundle=unit.bundle).exclude(annotations__unit=unit)
    return Annotation.objects.create(
        unit=unit,
        annotator=person,
        slot=slots.order_by("number")[0] if at_desk else None,
        bundle=unit.bundle,
        question_set_id=question_set.pk if question_set else campaign.answers_go_to,
        answers=answers,
        at=AT,
    )


def on_desk(annotator: Annotator) -> Unit | None:
    """Return the unit that a person is to judge now: after a break, past what is only read."""
    state = past_reading(annotator, deal(annotator=annotator))
    now = state.now or after_a_break(annotator).now
    return None if now is None else now.unit


def past_reading(annotator: Annotator, state: Desk) -> Desk:
    """Return a desk once what only stands between two of one example was read."""
    while state.now is not None and state.now.draft.is_between:
        state = pass_by(annotator=annotator, unit=state.now.unit)
    return state


def after_a_break(annotator: Annotator) -> Desk:
    """Return what is on a person's desk an hour later."""
    at_desk = Annotator.objects.filter(pk=annotator.pk)
    at_desk.update(saved_at=F("saved_at") - timedelta(hours=1))
    return deal(annotator=annotator)


def answered(annotator: Annotator, unit: Unit, **answers: object) -> Submitted:
    """Answer a unit as if it had come to this person's desk."""
    Draft.objects.get_or_create(
        annotator=annotator,
        unit=unit,
        defaults={"question_set_id": annotator.campaign.answers_go_to},
    )
    return submit(annotator=annotator, unit=unit, answers=answers)


def value_for(unit: Unit) -> dict[str, object]:
    """Return answers to a unit like everybody's."""
    return {"better": "first"} if unit.second_run_id else {"faithful": 4}


def walk(
    annotator: Annotator,
    *,
    answer: Callable[[Unit], dict[str, object]] = value_for,
    most: int = 10_000,
) -> list[Desk]:
    """Answer all that comes, and return the desks on the way."""
    state = past_reading(annotator, deal(annotator=annotator))
    desks = [state]
    while state.now is not None and len(desks) < most:
        unit = state.now.unit
        state = submit(annotator=annotator, unit=unit, answers=answer(unit)).desk
        state = past_reading(annotator, state)
        desks.append(state)
        if state.now is None and (state := after_a_break(annotator)).now is not None:
            desks.append(state)
    return desks


def known(
    campaign: Campaign,
    bundles: Iterable[int],
    *,
    purpose: str = Purpose.CONTROL,
    value: int = 5,
    **more: Any,
) -> None:
    """Say that the right answer to all units of some examples is a value."""
    for unit in campaign.units.filter(bundle__in=bundles, twin__isnull=True):
        set_control(
            unit=unit,
            answers={"faithful": value},
            purpose=purpose,
            actor=COMMAND_LINE,
            **more,
        )
