"""A campaign as it is asked for, by REST or by the form: read and checked, nothing written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from evalhub.accounts.models import Project
from evalhub.errors import Conflict, ContentError, FieldError, NotFound, ShapeError
from evalhub.runs.models import Measurement, Run
from labeling.measures import measurement_names
from labeling.models import Question
from labeling.questions import read_questions

MAX_RUNS: Final = 50
MAX_OVERLAP: Final = 50
MAX_NAME: Final = 200
MAX_GUIDELINES: Final = 100_000
MEMBERS: Final = (
    "name", "runs", "questions", "overlap", "guidelines", "show_reference", "examples"
)  # fmt: skip
FINISHED: Final = (Run.State.SCORING, Run.State.SCORED, Run.State.FAILED)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a campaign will be."""

    project: Project
    name: str
    runs: Sequence[Run]
    questions: Sequence[Question]
    overlap: int
    guidelines: str
    shows_reference: bool
    n_examples: int | None  # drawn at random; None for all


def read_plan(*, project: Project, body: Mapping[str, object]) -> Plan:
    """Return the plan, or raise one error that names every field that does not work."""
    for member in body.keys() - set(MEMBERS):
        raise ShapeError(
            "The body has a member that is not known.",
            errors=[FieldError(member[:60], "unknown", f"The members are {', '.join(MEMBERS)}.")],
        )
    errors: list[FieldError] = []
    questions = read_questions(body.get("questions"), errors)
    name = _text(body, "name", errors, most=MAX_NAME, least=1)
    guidelines = _text(body, "guidelines", errors, most=MAX_GUIDELINES)
    overlap = _count(body, "overlap", errors, most=MAX_OVERLAP, default=1)
    n_examples = _count(body, "examples", errors, most=10**9)
    shows_reference = body.get("show_reference") or False
    if not isinstance(shows_reference, bool):
        errors.append(FieldError("show_reference", "type", "show_reference is true or false."))
    runs = _runs(project, _run_ids(body.get("runs"), errors), errors)
    errors += taken_names(runs, questions)
    if errors:
        raise ContentError(errors[0].detail, errors=errors)
    return Plan(
        project=project,
        name=name,
        runs=runs,
        questions=questions,
        overlap=overlap or 1,
        guidelines=guidelines,
        shows_reference=bool(shows_reference),
        n_examples=n_examples,
    )


def _text(
    body: Mapping[str, object],
    member: str,
    errors: list[FieldError],
    *,
    most: int,
    least: int = 0,
) -> str:
    given = body.get(member)
    text = "" if given is None else given.strip() if isinstance(given, str) else None
    if text is None or not least <= len(text) <= most:
        detail = f"{member} must be text of {least} to {most:,} characters."
        errors.append(FieldError(member, "text", detail))
        return ""
    return text


def _count(
    body: Mapping[str, object],
    member: str,
    errors: list[FieldError],
    *,
    most: int,
    default: int | None = None,
) -> int | None:
    given = body.get(member)
    if given is None:
        return default
    if type(given) is not int or not 1 <= given <= most:
        detail = f"{member} must be a whole number from 1 to {most:,}."
        errors.append(FieldError(member, "number", detail))
        return default
    return given


def _run_ids(given: object, errors: list[FieldError]) -> list[str]:
    ids = [item for item in given if isinstance(item, str)] if isinstance(given, list) else []
    if not isinstance(given, list) or not 1 <= len(given) <= MAX_RUNS or len(ids) < len(given):
        detail = f"runs must be a list of 1 to {MAX_RUNS} run ids."
        errors.append(FieldError("runs", "type", detail))
    elif len(set(ids)) < len(ids):
        errors.append(FieldError("runs", "repeated", "runs names one run twice."))
    return ids


def _runs(project: Project, ids: Sequence[str], errors: list[FieldError]) -> list[Run]:
    """Return the runs. One that cannot be labeled is refused once all else can be read."""
    found = {
        run.public_id: run
        for run in Run.objects.filter(project=project, public_id__in=ids).select_related(
            "version__dataset", "system_version__system"
        )
    }
    if not errors:
        _refuse_unready(ids, found)
    runs = [found[public_id] for public_id in ids if public_id in found]
    datasets = {run.version.dataset.slug for run in runs}
    if len(datasets) > 1:
        detail = f"These runs are on different datasets: {', '.join(sorted(datasets))}."
        errors.append(FieldError("runs", "dataset", detail))
    return runs


def _refuse_unready(ids: Sequence[str], found: Mapping[str, Run]) -> None:
    for index, public_id in enumerate(ids):
        where = f"runs[{index}]"
        if public_id not in found:
            detail = f"There is no run {public_id[:40]!r} in this project."
            raise NotFound(detail, errors=[FieldError(where, "not_found", detail)])
        if found[public_id].state not in FINISHED:
            detail = f"{public_id} is {found[public_id].state}; only finished runs are labeled."
            raise Conflict(detail, errors=[FieldError(where, "state", detail)])


def taken_names(runs: Sequence[Run], questions: Sequence[Question]) -> list[FieldError]:
    """Published labels are measurements named by their question: no metric may be called so."""
    taken = set(
        Measurement.objects.filter(run__in=runs)
        .exclude(kind=Measurement.Kind.HUMAN)
        .values_list("name", flat=True)
    )
    return [
        FieldError(
            f"questions[{question.order}].name",
            "taken",
            f"A metric of these runs is named {name!r}; name the question differently.",
        )
        for question in questions
        for name in measurement_names(question)
        if name in taken
    ]
