"""A campaign as it is asked for, by REST or by the form: read and checked, nothing written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from evalhub.accounts.models import Project
from evalhub.datasets.models import SliceColumn
from evalhub.errors import Conflict, ContentError, FieldError, NotFound, ShapeError
from evalhub.runs.models import Measurement, Run
from labeling import members
from labeling.measures import measurement_names
from labeling.models import Campaign, Question
from labeling.questions import DifferRule, read_differ_rule, read_questions

MAX_RUNS: Final = 50
MAX_OVERLAP: Final = 50
MAX_NAME: Final = 200
MAX_GUIDELINES: Final = 100_000
MAX_QUOTA: Final = 1_000_000
MAX_CONTROL_SHARE: Final = 0.5
SHOWN_FIELDS: Final = 20
AGAINST: Final = ("all", "first")
MEMBERS: Final = (
    *("name", "runs", "questions", "overlap", "guidelines", "show_reference", "examples"),
    *("kind", "against", "order", "slice", "quota", "extra_overlap", "differ"),
    *("control_share", "pass_mark", "submits_by_itself", "invited_only"),
)
FINISHED: Final = (Run.State.SCORING, Run.State.SCORED, Run.State.FAILED)
Kind, Order = Campaign.Kind, Campaign.Order


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a campaign will be."""

    project: Project
    name: str
    kind: str = Kind.OUTPUTS
    against: str = "all"  # of pairs: each run against all others, or against the first
    runs: Sequence[Run]
    questions: Sequence[Question]
    guidelines: str = ""
    shows_reference: bool = False
    n_examples: int | None = None  # drawn at random; None for all
    overlap: int = 1
    extra_overlap: int = 0
    differ_rule: DifferRule = field(default_factory=DifferRule)
    order_by: str = Order.RANDOM
    slice_field: str = ""
    quota: int | None = None
    control_share: float = 0.0
    pass_mark: float | None = None
    submits_by_itself: bool = False
    is_invited_only: bool = False


def read_plan(*, project: Project, body: Mapping[str, object]) -> Plan:
    """Return the plan, or raise one error that names every field that does not work."""
    for member in body.keys() - set(MEMBERS):
        raise ShapeError(
            "The body has a member that is not known.",
            errors=[FieldError(member[:60], "unknown", f"The members are {', '.join(MEMBERS)}.")],
        )
    errors: list[FieldError] = []
    kind = members.one_of(body, "kind", errors, values=Kind.values)
    questions = read_questions(body.get("questions"), errors, is_of_pairs=kind == Kind.PAIRS)
    name = members.text(body, "name", errors, most=MAX_NAME, least=1)
    guidelines = members.text(body, "guidelines", errors, most=MAX_GUIDELINES)
    n_examples = members.whole(body, "examples", errors, most=10**9)
    shows_reference = members.truth(body, "show_reference", errors)
    against = _against(body, kind, errors)
    overlap, extra = _overlap(body, errors)
    rule = _differ_rule(body.get("differ"), errors)
    order, slice_field = _order(body, overlap + extra, errors)
    quota = members.whole(body, "quota", errors, most=MAX_QUOTA)
    controls = members.share(
        body, "control_share", errors, most=MAX_CONTROL_SHARE, may_be_none=True
    )
    pass_mark = members.share(body, "pass_mark", errors, most=1, may_be_none=False)
    submits_by_itself = members.truth(body, "submits_by_itself", errors)
    is_invited_only = members.truth(body, "invited_only", errors)
    runs = _runs(project, _run_ids(body.get("runs"), kind, errors), errors)
    errors += taken_names(runs, questions)
    errors += _missing_slice(runs, slice_field)
    if errors:
        raise ContentError(errors[0].detail, errors=errors)
    return Plan(
        project=project,
        name=name,
        kind=kind,
        against=against,
        runs=runs,
        questions=questions,
        guidelines=guidelines,
        shows_reference=shows_reference,
        n_examples=n_examples,
        overlap=overlap,
        extra_overlap=extra,
        differ_rule=rule,
        order_by=order,
        slice_field=slice_field,
        quota=quota,
        control_share=controls or 0.0,
        pass_mark=pass_mark,
        submits_by_itself=submits_by_itself,
        is_invited_only=is_invited_only,
    )


def _against(body: Mapping[str, object], kind: str, errors: list[FieldError]) -> str:
    against = members.one_of(body, "against", errors, values=AGAINST)
    if body.get("against") is not None and kind != Kind.PAIRS:
        detail = "against says which pairs there are; it goes with the kind pairs."
        errors.append(FieldError("against", "kind", detail))
    return against


def _overlap(body: Mapping[str, object], errors: list[FieldError]) -> tuple[int, int]:
    """Return how many people each example gets, and how many more where they differ."""
    overlap = members.whole(body, "overlap", errors, most=MAX_OVERLAP) or 1
    extra = members.whole(body, "extra_overlap", errors, most=MAX_OVERLAP, least=0) or 0
    if extra and overlap < 2:
        detail = "One person does not differ: extra_overlap needs an overlap of 2 at least."
        errors.append(FieldError("extra_overlap", "overlap", detail))
    return overlap, extra


def _differ_rule(given: object, errors: list[FieldError]) -> DifferRule:
    if given is None:
        return DifferRule()
    try:
        return read_differ_rule({"rule": given} if isinstance(given, str) else given)
    except ValueError as error:
        errors.append(FieldError("differ", "rule", str(error)))
        return DifferRule()


def _order(body: Mapping[str, object], people: int, errors: list[FieldError]) -> tuple[str, str]:
    """Return the order, and the field of the slices where they make it."""
    order = members.one_of(body, "order", errors, values=Order.values)
    field_ = members.text(body, "slice", errors, most=200)
    if (order == Order.STRATIFIED) != bool(field_):
        detail = "The order stratified goes with slice, the metadata field whose values it keeps."
        errors.append(FieldError("slice", "order", detail))
    if order == Order.DISAGREEMENT and people < 3:
        detail = (
            "Two people have to differ before a third is asked sooner: this order needs an "
            "overlap of 3, or of 2 with extra_overlap."
        )
        errors.append(FieldError("order", "overlap", detail))
    return order, field_


def _missing_slice(runs: Sequence[Run], field_: str) -> list[FieldError]:
    """Say where a version has no such slices, and which it has."""
    if not field_ or not runs:
        return []
    slices: dict[int, set[str]] = {run.version_id: set() for run in runs}
    columns = SliceColumn.objects.filter(version__in=slices, is_slice=True)
    for version, name in columns.values_list("version_id", "field"):
        slices[version].add(name)
    common = set.intersection(*slices.values())
    if field_ in common:
        return []
    known = ", ".join(sorted(common)[:SHOWN_FIELDS]) or "none"
    detail = f"These runs have no slices by {field_[:100]!r}; they have slices by {known}."
    return [FieldError("slice", "no_slice", detail)]


def _run_ids(given: object, kind: str, errors: list[FieldError]) -> list[str]:
    least = 2 if kind == Kind.PAIRS else 1
    ids = [item for item in given if isinstance(item, str)] if isinstance(given, list) else []
    if not isinstance(given, list) or not 1 <= len(given) <= MAX_RUNS or len(ids) < len(given):
        detail = f"runs must be a list of {least} to {MAX_RUNS} run ids."
        errors.append(FieldError("runs", "type", detail))
    elif len(set(ids)) < len(ids):
        errors.append(FieldError("runs", "repeated", "runs names one run twice."))
    elif len(ids) < least:
        detail = "A pair is of two runs: name at least two."
        errors.append(FieldError("runs", "pairs", detail))
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
