"""Campaigns are set up: units, twins, slots in bulk."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, TypeVar

from django.db import models, transaction
from django.utils import timezone

from evalhub.accounts.services import Actor, record
from evalhub.datasets.selectors import keys_and_digests
from evalhub.errors import ContentError, FieldError
from evalhub.runs.models import Output, Run
from labeling.models import Campaign, GuidelineVersion, QuestionSet, Slot, Unit
from labeling.ordering import shuffled
from labeling.plans import Plan

M = TypeVar("M", bound=models.Model)

MAX_OUTPUTS: Final = 200_000
IN_ONE_TRANSACTION: Final = 5_000  # others write in between
GIVEN_UP: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class _Shown:
    """An output that will be a unit. Equal `content` in one bundle is shown once."""

    run: Run
    position: int
    attempt: int
    bundle: int
    content: bytes


def create_campaign(*, plan: Plan, actor: Actor) -> Campaign:
    """Set up a campaign. It is seen by nobody until all its units and slots are there."""
    Campaign.objects.filter(
        project=plan.project,
        state=Campaign.State.PREPARING,
        created_at__lt=timezone.now() - GIVEN_UP,
    ).delete()
    seed = secrets.randbits(62)
    shown = _shown(plan, seed)
    campaign = _begin(plan, seed, actor)
    try:
        _write_units(campaign, shown)
        _write_slots(campaign)
    except BaseException:
        campaign.delete()
        raise
    with transaction.atomic():
        campaign.state = Campaign.State.OPEN
        campaign.n_outputs = len(shown)
        campaign.n_units = campaign.units.filter(twin__isnull=True).count()
        campaign.save(update_fields=["state", "n_outputs", "n_units"])
        record(
            project=plan.project, actor=actor, verb="create campaign", subject=campaign.public_id
        )
    return campaign


@transaction.atomic
def _begin(plan: Plan, seed: int, actor: Actor) -> Campaign:
    campaign = Campaign.objects.create(
        project=plan.project,
        name=plan.name,
        guidelines=plan.guidelines,
        guidelines_number=1 if plan.guidelines else 0,
        overlap=plan.overlap,
        seed=seed,
        shows_reference=plan.shows_reference,
        created_by=actor.user,
        created_at=timezone.now(),
    )
    campaign.runs.set(plan.runs)
    if plan.guidelines:
        GuidelineVersion.objects.create(
            campaign=campaign,
            number=1,
            text=plan.guidelines,
            created_by=actor.user,
            created_at=campaign.created_at,
        )
    campaign.question_set = QuestionSet.objects.create(
        campaign=campaign, number=1, created_by=actor.user, created_at=campaign.created_at
    )
    campaign.save(update_fields=["question_set"])
    for question in plan.questions:
        question.question_set = campaign.question_set
        question.save()
    return campaign


def _shown(plan: Plan, seed: int) -> list[_Shown]:
    """Return what will be labeled: every output with text or JSON, of the examples drawn."""
    shown = [row for run, bundles in _bundles(plan.runs) for row in _of_run(run, bundles)]
    if plan.n_examples is not None:
        examples = sorted({row.bundle for row in shown}, key=lambda at: shuffled(seed, at))
        drawn = set(examples[: plan.n_examples])
        shown = [row for row in shown if row.bundle in drawn]
    if not shown:
        detail = "These runs have no output to show: errors and missing outputs are not labeled."
        raise ContentError(detail, errors=[FieldError("runs", "empty", detail)])
    if len(shown) > MAX_OUTPUTS:
        detail = (
            f"A campaign holds at most {MAX_OUTPUTS:,} outputs, and these are {len(shown):,}; "
            "choose fewer runs, or a number of examples."
        )
        raise ContentError(detail, errors=[FieldError("runs", "too_many", detail)])
    return shown


@dataclass(frozen=True)
class _Bundles:
    """Which example of the campaign each position of a run is, and what the example says."""

    of: Sequence[int]
    digests: Sequence[bytes]


def _bundles(runs: Sequence[Run]) -> Iterator[tuple[Run, _Bundles]]:
    """Number the examples of the campaign: by position, or by key across versions."""
    numbers: dict[str, int] = {}
    by_version: dict[int, _Bundles] = {}
    for run in runs:
        if run.version_id not in by_version:
            keys, digests = keys_and_digests(run.version)
            of = [numbers.setdefault(key, len(numbers)) for key in keys]
            by_version[run.version_id] = _Bundles(of, digests)
        yield run, by_version[run.version_id]


def _of_run(run: Run, bundles: _Bundles) -> Iterator[_Shown]:
    rows = (
        Output.objects.filter(run=run, error__isnull=True)
        .order_by("position", "attempt")
        .values_list("position", "attempt", "text", "data", "retrieved")
    )
    for position, attempt, text, data, retrieved in rows.iterator(chunk_size=2_000):
        said = f"{text is None}\0{data if text is None else text}\0{_passages(retrieved)}"
        content = hashlib.sha256(bundles.digests[position] + said.encode()).digest()
        yield _Shown(run, position, attempt, bundles.of[position], content)


def _passages(retrieved: str) -> list[str]:
    documents = json.loads(retrieved) if retrieved else []
    return [document.get("text") or "" for document in documents]


def _write_units(campaign: Campaign, shown: Sequence[_Shown]) -> None:
    """Write a unit for each output; the first of equal ones stands for the others."""
    first: dict[tuple[int, bytes], _Shown] = {}
    for row in shown:
        first.setdefault((row.bundle, row.content), row)
    firsts = list(first.values())
    units = [_unit(campaign, row, None) for row in firsts]
    _write(Unit, units)
    stands_for = {(row.bundle, row.content): unit for row, unit in zip(firsts, units, strict=True)}
    _write(
        Unit,
        [
            _unit(campaign, row, stands_for[row.bundle, row.content])
            for row in shown
            if first[row.bundle, row.content] is not row
        ],
    )


def _unit(campaign: Campaign, row: _Shown, twin: Unit | None) -> Unit:
    return Unit(
        campaign=campaign,
        run=row.run,
        position=row.position,
        attempt=row.attempt,
        bundle=row.bundle,
        twin=twin,
    )


def _write_slots(campaign: Campaign) -> None:
    sizes = (
        campaign.units.filter(twin__isnull=True)
        .values_list("bundle")
        .annotate(n_units=models.Count("pk"))
        .order_by("bundle")
    )
    ordered = sorted(sizes, key=lambda row: shuffled(campaign.seed, row[0]))
    _write(
        Slot,
        [
            Slot(campaign=campaign, bundle=bundle, number=number, order=order, n_units=n_units)
            for order, (bundle, n_units) in enumerate(ordered)
            for number in range(1, campaign.overlap + 1)
        ],
    )


def _write(model: type[M], rows: Sequence[M]) -> None:
    for start in range(0, len(rows), IN_ONE_TRANSACTION):
        with transaction.atomic():
            model._default_manager.bulk_create(rows[start : start + IN_ONE_TRANSACTION])  # noqa: SLF001
