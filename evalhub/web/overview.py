"""What a project's overview shows: what needs a person first, then what is there."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import F
from django.urls import reverse

from evalhub.accounts.models import Project, User
from evalhub.datasets.models import Dataset, DatasetVersion
from evalhub.datasets.selectors import datasets_of
from evalhub.reports import wording
from evalhub.reports.models import Comparison
from evalhub.reports.selectors import comparisons_of
from evalhub.runs.listing import Record, records, runs_of, with_names
from evalhub.runs.models import Measurement, Run, SystemVersion
from evalhub.web.formatting import count, of, plural
from labeling.deciding import n_waiting
from labeling.models import Campaign
from labeling.selectors import Listed, listed
from metrics.statistics.findings import Outcome

SHOWN_RUNS = 8
SHOWN_DATASETS = 10
SHOWN_CAMPAIGNS = 5
NEEDS_OF_A_KIND = 3
LOOKED_AT = 20  # the newest comparisons
LOOKED_AT_FOR_DECISIONS = 3  # the newest campaigns


@dataclass(frozen=True, kw_only=True)
class Need:
    """Something that waits for a person, and where to see to it."""

    kind: str
    icon: str
    word: str
    text: str
    detail: str
    url: str
    action: str


@dataclass(frozen=True, kw_only=True)
class RecentRun:
    public_id: str
    system_version: SystemVersion
    state: str
    primary: Measurement | None
    version: DatasetVersion
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class NewestVersion:
    number: int
    n_examples: int
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class ShownDataset:
    slug: str
    name: str
    newest: NewestVersion | None


def overview_context(
    project: Project, user: User, capabilities: Collection[str]
) -> dict[str, Any]:
    """Return the context of `web/overview.html`."""
    runs = runs_of(project)
    recent = records(list(runs[:SHOWN_RUNS]))
    campaigns = listed(project, user)
    needs = [
        *_regressions(project),
        *_failures(project),
        *_undecided(campaigns, capabilities),
        *_unpublished(campaigns, capabilities),
        *_unfinished(project, capabilities),
        *_at_work(project),
    ]
    return {
        "needs": needs,
        "runs": [_recent(record) for record in recent],
        "n_runs": runs.count(),
        "datasets": [_dataset(dataset) for dataset in datasets_of(project)[:SHOWN_DATASETS]],
        "campaigns": [_campaign(one) for one in campaigns[:SHOWN_CAMPAIGNS]],
        "n_labeling": sum(
            one.campaign.state == Campaign.State.OPEN and one.filled < one.places
            for one in campaigns
        ),
        "has_key": project.api_keys.filter(revoked_at__isnull=True).exists(),
    }


def _recent(record: Record) -> RecentRun:
    run = record.run
    return RecentRun(
        public_id=run.public_id,
        system_version=run.system_version,
        state=run.state,
        primary=record.primary,
        version=run.version,
        created_at=run.created_at,
    )


def _dataset(dataset: Dataset) -> ShownDataset:
    # The selector adds what the newest version has.
    given: Any = dataset
    newest = None
    if given.newest is not None:
        newest = NewestVersion(
            number=given.newest, n_examples=given.n_examples, created_at=given.changed_at
        )
    return ShownDataset(slug=dataset.slug, name=dataset.name, newest=newest)


def _campaign(one: Listed) -> dict[str, Any]:
    imported = plural(one.n_imported, "imported answer") if one.n_imported else ""
    return {
        "name": one.campaign.name,
        "url": reverse("labeling:campaign", args=[one.campaign.public_id]),
        "done": one.filled,
        "total": one.places,
        "note": imported,
    }


def _regressions(project: Project) -> Iterator[Need]:
    """Yield the newest comparison of each candidate that says it got worse."""
    newest: dict[int, Comparison] = {}
    for comparison in comparisons_of(project)[:LOOKED_AT]:
        newest.setdefault(comparison.candidate_id, comparison)
    worse = [one for one in newest.values() if one.outcome == Outcome.REGRESSED]
    for comparison in worse[:NEEDS_OF_A_KIND]:
        yield Need(
            kind="down",
            icon="",
            word=wording.verdict(comparison) or "regressed",
            text=wording.title(comparison),
            detail=f"On {comparison.candidate.version}, {count(comparison.n_pairs)} pairs.",
            url=reverse("reports:detail", args=[comparison.public_id]),
            action="Read the report",
        )


def _failures(project: Project) -> Iterator[Need]:
    failed = with_names(Run.objects.filter(project=project, state=Run.State.FAILED))
    for run in failed.order_by("-pk")[:NEEDS_OF_A_KIND]:
        yield Need(
            kind="down",
            icon="x",
            word="failed",
            text=f"No metric of {run.system_version} on {run.version} could be computed.",
            detail="Its outputs are kept; score them with another metric.",
            url=reverse("runs:detail", args=[run.public_id]),
            action="Read why",
        )


def _undecided(campaigns: list[Listed], capabilities: Collection[str]) -> Iterator[Need]:
    """Yield campaigns under way in which people differ, or raised a flag."""
    under_way = [one.campaign for one in campaigns if one.campaign.state == Campaign.State.OPEN]
    for campaign in under_way[:LOOKED_AT_FOR_DECISIONS] if "decide" in capabilities else ():
        if n := n_waiting(campaign):
            wait = plural(n, "output waits", "outputs wait")
            yield Need(
                kind="warn",
                icon="flag",
                word="people differ",
                text=f"{wait} for a decision in “{campaign.name}”.",
                detail="An expert sees all answers, without names and systems, and decides.",
                url=reverse("labeling:deciding", args=[campaign.public_id]),
                action="Decide",
            )


def _unpublished(campaigns: list[Listed], capabilities: Collection[str]) -> Iterator[Need]:
    """Yield campaigns whose labels are all there, and that no run shows yet."""
    full = [
        one
        for one in campaigns
        if one.campaign.published_at is None and one.places and one.filled >= one.places
    ]
    for one in full[:NEEDS_OF_A_KIND] if "lead" in capabilities else ():
        yield Need(
            kind="warn",
            icon="flag",
            word="labels wait",
            text=f"All answers of “{one.campaign.name}” are in; no run shows them yet.",
            detail=f"{of(one.filled, one.places)} answers.",
            url=reverse("labeling:campaign", args=[one.campaign.public_id]),
            action="Publish labels",
        )


def _unfinished(project: Project, capabilities: Collection[str]) -> Iterator[Need]:
    """Yield open runs that have all their outputs: nothing but `finish` is missing."""
    whole = Run.objects.filter(
        project=project,
        state=Run.State.OPEN,
        n_outputs=F("version__n_examples") * F("attempts"),
    )
    runs = with_names(whole).order_by("-pk")[:NEEDS_OF_A_KIND]
    for run in runs if "submit" in capabilities else ():
        yield Need(
            kind="",
            icon="edit",
            word="open",
            text=f"{run.system_version} on {run.version} has all its outputs and is not finished.",
            detail="Nothing is scored before a run is finished.",
            url=reverse("runs:detail", args=[run.public_id]),
            action="See how to finish it",
        )


def _at_work(project: Project) -> Iterator[Need]:
    scoring = with_names(Run.objects.filter(project=project, state=Run.State.SCORING))
    for record in records(list(scoring.order_by("-pk")[:NEEDS_OF_A_KIND])):
        run, progress = record.run, record.progress
        yield Need(
            kind="live",
            icon="clock",
            word="scoring",
            text=f"{run.system_version} on {run.version} is being scored.",
            detail=f"{of(progress.done, progress.total)} outputs so far.",
            url=reverse("runs:detail", args=[run.public_id]),
            action="Watch",
        )
