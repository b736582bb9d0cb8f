"""Campaigns are set up: units, twins, slots in bulk; and they are paused and go on."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Final, TypeVar

from django.db import models, transaction
from django.utils import timezone

from evalhub.accounts.services import Actor, record
from evalhub.errors import Conflict
from labeling.models import Campaign, GuidelineVersion, QuestionSet, Slot, Unit
from labeling.plans import Plan
from labeling.services.gathering import Gathered, Shown, gather
from labeling.services.seats import hold_everybody

M = TypeVar("M", bound=models.Model)

IN_ONE_TRANSACTION: Final = 5_000  # others write in between
GIVEN_UP: Final = timedelta(hours=1)


def create_campaign(*, plan: Plan, actor: Actor) -> Campaign:
    """Set up a campaign. It is seen by nobody until all its units and slots are there."""
    Campaign.objects.filter(
        project=plan.project,
        state=Campaign.State.PREPARING,
        created_at__lt=timezone.now() - GIVEN_UP,
    ).delete()
    seed = secrets.randbits(62)
    gathered = gather(plan, seed)
    campaign = _begin(plan, seed, actor)
    try:
        _write_units(campaign, gathered.shown)
        _write_slots(campaign, gathered)
    except BaseException:
        campaign.delete()
        raise
    with transaction.atomic():
        campaign.state = Campaign.State.OPEN
        campaign.n_outputs = len(gathered.shown)
        campaign.n_identical = gathered.n_identical
        campaign.n_units = campaign.units.filter(twin__isnull=True).count()
        campaign.save(update_fields=["state", "n_outputs", "n_identical", "n_units"])
        record(
            project=plan.project, actor=actor, verb="create campaign", subject=campaign.public_id
        )
    return campaign


@transaction.atomic
def _begin(plan: Plan, seed: int, actor: Actor) -> Campaign:
    campaign = Campaign.objects.create(
        project=plan.project,
        name=plan.name,
        kind=plan.kind,
        guidelines=plan.guidelines,
        guidelines_number=1 if plan.guidelines else 0,
        overlap=plan.overlap,
        extra_overlap=plan.extra_overlap,
        differ_rule=plan.differ_rule.stored(),
        order_by=plan.order_by,
        slice_field=plan.slice_field,
        quota=plan.quota,
        control_share=plan.control_share,
        pass_mark=plan.pass_mark,
        submits_by_itself=plan.submits_by_itself,
        is_invited_only=plan.is_invited_only,
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


def _write_units(campaign: Campaign, shown: Sequence[Shown]) -> None:
    """Write a unit for each output or pair; the first of equal ones stands for the others."""
    first: dict[tuple[int, bytes], Shown] = {}
    twins: list[tuple[Shown, tuple[int, bytes], bool]] = []
    for one in shown:
        same, mirrored = (one.bundle, one.content), (one.bundle, one.reversed_content)
        if same in first:
            twins.append((one, same, False))
        elif mirrored in first:
            twins.append((one, mirrored, True))
        else:
            first[same] = one
    units = {key: _unit(campaign, one) for key, one in first.items()}
    _write(Unit, list(units.values()))
    _write(
        Unit,
        [
            _unit(campaign, one, twin=units[key], is_reversed=is_reversed)
            for one, key, is_reversed in twins
        ],
    )


def _unit(
    campaign: Campaign, one: Shown, *, twin: Unit | None = None, is_reversed: bool = False
) -> Unit:
    unit = Unit(
        campaign=campaign,
        run_id=one.first.run,
        position=one.first.position,
        attempt=one.first.attempt,
        bundle=one.bundle,
        twin=twin,
        is_reversed=is_reversed,
    )
    if one.second is not None:
        unit.second_run_id = one.second.run
        unit.second_position = one.second.position
        unit.second_attempt = one.second.attempt
    return unit


def _write_slots(campaign: Campaign, gathered: Gathered) -> None:
    shown = campaign.units.filter(twin__isnull=True)
    sizes = dict(shown.values_list("bundle").annotate(n_units=models.Count("pk")))
    _write(
        Slot,
        [
            Slot(
                campaign=campaign,
                bundle=bundle,
                number=number,
                order=order,
                n_units=sizes[bundle],
            )
            for order, bundle in enumerate(gathered.order)
            for number in range(1, campaign.overlap + 1)
        ],
    )


def _write(model: type[M], rows: Sequence[M]) -> None:
    for start in range(0, len(rows), IN_ONE_TRANSACTION):
        with transaction.atomic():
            model._default_manager.bulk_create(rows[start : start + IN_ONE_TRANSACTION])  # noqa: SLF001


# Later


def pause(*, campaign: Campaign, actor: Actor) -> None:
    """Hand nothing out and take nothing until the campaign goes on; what is begun is kept."""
    _move(campaign, Campaign.State.OPEN, Campaign.State.PAUSED, actor)


def go_on(*, campaign: Campaign, actor: Actor) -> None:
    """Hand out and take again after a pause."""
    _move(campaign, Campaign.State.PAUSED, Campaign.State.OPEN, actor)


def _move(campaign: Campaign, before: str, after: str, actor: Actor) -> None:
    """Change the state; when this returns, everything that began before is finished."""
    with transaction.atomic():
        hold_everybody(campaign)
        moved = Campaign.objects.filter(pk=campaign.pk, state=before).update(state=after)
        if not moved:
            campaign.refresh_from_db(fields=["state"])
            raise Conflict(f"This campaign is {campaign.state}, not {before}.")
        verb = "pause campaign" if after == Campaign.State.PAUSED else "resume campaign"
        record(project=campaign.project, actor=actor, verb=verb, subject=campaign.public_id)
    campaign.state = after
