"""The demo project: data files put in through the same services as everybody's data."""

from __future__ import annotations

import json
import secrets
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import transaction

from evalhub.accounts.capabilities import scopes_of_role
from evalhub.accounts.models import ApiKey, AuditEvent, Membership, Project, User
from evalhub.accounts.services import (
    Actor,
    create_project,
    issue_api_key,
    record,
    revoke_api_key,
    set_role,
)
from evalhub.datasets.models import Dataset, DatasetVersion
from evalhub.datasets.reading import rows_of
from evalhub.datasets.services import add_version, create_dataset
from evalhub.errors import Conflict
from evalhub.intake.columns import ExampleColumns
from evalhub.intake.lines import ErrorCollector
from evalhub.intake.reading import read_outputs
from evalhub.intake.spool import DATASETS, receive
from evalhub.intake.tables import Format
from evalhub.reports.services import compare_runs
from evalhub.runs.draining import drain
from evalhub.runs.listing import with_names
from evalhub.runs.models import Job, Run, SystemVersion
from evalhub.runs.services import create_run, finish_run, submit_outputs
from evalhub.runs.workers import process_name
from labeling.models import Annotation, Annotator, Campaign, Slot
from labeling.plans import read_plan
from labeling.services.campaigns import create_campaign
from labeling.services.imports import import_annotations
from labeling.services.publication import close, publish

FOLDER = Path(__file__).parent.parent / "demo"
KEY_NAME = "demo"
DONE = "put in the demo"
OWNER, EXPERT, VIEWER = "lead", "expert", "viewer"
SCORING_SECONDS = 20.0  # at most; two seconds are the rule


@dataclass(frozen=True)
class Access:
    """How to get into the demo project: people as (name, password, role), and an API key."""

    people: list[tuple[str, str, str]]
    api_key: str


def is_in() -> bool:
    """Say whether the demo project was put into this database, to its end."""
    return AuditEvent.objects.filter(project__slug=_about()["slug"], verb=DONE).exists()


def seed() -> Access | None:
    """Put the demo project in, or finish an interrupted start; None when all is there already."""
    if is_in():
        return None
    about = _about()
    project = Project.objects.filter(slug=about["slug"]).first()
    _refuse_what_is_not_the_demo(about)
    project = project or create_project(
        slug=about["slug"], name=about["name"], description=about["description"], owner=None
    )
    people = _people(project, about)
    lead = Actor(user=User.objects.get(username=OWNER))
    for dataset in about["datasets"]:
        _dataset(project, dataset, lead)
    runs = [_run(project, about, run, lead) for run in about["runs"]]
    for campaign in about["campaigns"]:
        _campaign(project, campaign, runs, lead)
    _compare(about["comparisons"], runs, lead)
    api_key = _key(project, lead)
    record(project=project, actor=lead, verb=DONE, subject=project.slug)
    return Access(people, api_key)


def _about() -> dict[str, Any]:
    content: dict[str, Any] = json.loads((FOLDER / "project.json").read_text(encoding="utf-8"))
    return content


def _people(project: Project, about: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Make the accounts, each with a new random password. Nobody else's account is touched."""
    people = []
    roles = _roles(about)
    passwords = [secrets.token_urlsafe(9) for _ in roles]
    with ThreadPoolExecutor() as pool:  # a hash is slow on purpose
        hashes = pool.map(make_password, passwords)
    for (name, role), password, hashed in zip(roles.items(), passwords, hashes, strict=True):
        with transaction.atomic():
            user, _ = User.objects.get_or_create(username=name, defaults={"made_in": project})
            user.password = hashed
            user.save()
            set_role(project=project, user=user, role=role)
        people.append((name, password, role.value))
    return people


def _refuse_what_is_not_the_demo(about: dict[str, Any]) -> None:
    names = _roles(about)
    ours = User.objects.filter(memberships__project__slug=about["slug"])
    if ours.exclude(username__in=names).exists():
        raise Conflict(f"There is a project {about['slug']} already, and it is not the demo.")
    taken = User.objects.filter(username__in=names).exclude(pk__in=ours).order_by("username")
    if taken:
        raise Conflict(
            f"The demo wants an account {taken[0].username}, and somebody has it. "
            "Give the demo a database of its own: DATABASE_URL or EVALHUB_DATA_DIR."
        )


def _roles(about: dict[str, Any]) -> dict[str, Membership.Role]:
    """Return who takes part, by name: the annotators are those whose labels come with it."""
    annotators = {
        json.loads(line)["annotator"]
        for campaign in about["campaigns"]
        for line in (FOLDER / campaign["annotations"]).read_text(encoding="utf-8").splitlines()
    }
    return {
        OWNER: Membership.Role.OWNER,
        EXPERT: Membership.Role.EXPERT,
        VIEWER: Membership.Role.VIEWER,
        **dict.fromkeys(sorted(annotators), Membership.Role.ANNOTATOR),
    }


def _dataset(project: Project, about: dict[str, Any], actor: Actor) -> DatasetVersion:
    dataset = Dataset.objects.filter(project=project, slug=about["slug"]).first()
    if dataset is None:
        dataset = create_dataset(
            project=project, name=about["slug"], description=about["description"], actor=actor
        )
        Dataset.objects.filter(pk=dataset.pk).update(name=about["name"])
    with (
        (FOLDER / about["file"]).open("rb") as file,
        receive(file, folder=settings.SPOOL_DIR, limits=DATASETS) as spool,
    ):
        added = add_version(
            dataset=dataset,
            source=rows_of(spool, kind=Format.JSONL, columns=ExampleColumns()),
            cluster_field=about["cluster"] or "",
            notes="As it came with EvalHub.",
            actor=actor,
        )
    return added.version


def _run(project: Project, about: dict[str, Any], wanted: dict[str, Any], actor: Actor) -> Run:
    dataset = next(one for one in about["datasets"] if one["slug"] == wanted["dataset"])
    name = f"demo {wanted['dataset']} {wanted['system']}"
    run = Run.objects.filter(project=project, external_id=name).first()
    if run is None:
        run = create_run(
            project=project,
            dataset=wanted["dataset"],
            system=wanted["system"],
            metrics=dataset["metrics"],
            external_id=name,
            tags=["demo"],
            actor=actor,
        )
        system = next(one for one in about["systems"] if one["slug"] == wanted["system"])
        SystemVersion.objects.filter(pk=run.system_version_id).update(
            configuration=system["config"]
        )
    if run.state == Run.State.OPEN:
        errors = ErrorCollector()
        with (FOLDER / wanted["outputs"]).open("rb") as lines:
            rows = list(read_outputs(lines, errors))
        errors.raise_if_any()
        submit_outputs(run=run, rows=rows)
        run = finish_run(run=run, actor=actor)
    return run


def _campaign(project: Project, about: dict[str, Any], runs: list[Run], actor: Actor) -> None:
    """Set up a campaign with its labels, as if the demo's accounts had given them at the desk."""
    body = json.loads((FOLDER / about["plan"]).read_text(encoding="utf-8"))
    chosen = [run.public_id for run in runs if run.version.dataset.slug == about["dataset"]]
    campaign = Campaign.objects.filter(project=project, name=body["name"]).first()
    if campaign is None:
        campaign = create_campaign(
            plan=read_plan(project=project, body={**body, "runs": chosen}), actor=actor
        )
    if not campaign.annotators.filter(user__isnull=False).exists():
        with transaction.atomic(), (FOLDER / about["annotations"]).open("rb") as lines:
            import_annotations(campaign=campaign, lines=lines, actor=actor)
            _take_places(campaign)
    if about["until"] == "closed" and campaign.state == Campaign.State.OPEN:
        close(campaign=campaign, actor=actor)
    elif about["until"] != "open" and campaign.published_at is None:
        publish(campaign=campaign, actor=actor)


def _take_places(campaign: Campaign) -> None:
    """Give imported answers to the accounts of those who gave them, and to places of their own."""
    users = {user.username: user for user in User.objects.all()}
    people = list(campaign.annotators.all())
    for annotator in people:
        annotator.user = users[annotator.name]
    Annotator.objects.bulk_update(people, ["user"])
    free: defaultdict[int, list[Slot]] = defaultdict(list)
    for slot in campaign.slots.order_by("bundle", "-number"):
        free[slot.bundle].append(slot)
    taken: dict[tuple[int, int], Slot] = {}
    given = list(Annotation.objects.filter(unit__campaign=campaign, unit__twin__isnull=True))
    for annotation in sorted(given, key=lambda one: (one.bundle, one.annotator_id)):
        place = annotation.bundle, annotation.annotator_id
        slot = taken.get(place) or taken.setdefault(place, free[annotation.bundle].pop())
        slot.annotator_id, slot.n_answered = annotation.annotator_id, slot.n_answered + 1
        slot.state = Slot.State.DONE
        annotation.slot = slot
        # Of a pair every other one had its second output on the left.
        annotation.is_swapped = campaign.is_of_pairs and (slot.pk + annotation.unit_id) % 2 == 1
    Slot.objects.bulk_update(taken.values(), ["annotator", "n_answered", "state"], batch_size=200)
    Annotation.objects.bulk_update(given, ["slot", "is_swapped"], batch_size=200)


def _compare(wanted: list[dict[str, str]], runs: list[Run], actor: Actor) -> None:
    """Score the runs here, as a worker would, and ask what a visitor would ask first.

    A first start has no workers yet. Where others are at work too, the queue may be long: what
    is not scored in time is left to the workers, and its comparison to the visitor.
    """
    drain(process_name(), seconds=SCORING_SECONDS)
    scored = Run.objects.filter(pk__in=[run.pk for run in runs], state=Run.State.SCORED)
    of_names = {
        (run.version.dataset.slug, run.system_version.system.slug): run
        for run in with_names(scored)
        if not run.jobs.filter(state=Job.State.WORKING).exists()
    }
    for one in wanted:
        sides = [of_names.get((one["dataset"], one[side])) for side in ("baseline", "candidate")]
        baseline, candidate = sides
        if baseline and candidate:
            compare_runs(baseline=baseline, candidate=candidate, actor=actor)


def _key(project: Project, actor: Actor) -> str:
    for old in ApiKey.objects.usable().filter(project=project, name=KEY_NAME):
        revoke_api_key(key=old, actor=actor)
    scopes = scopes_of_role(Membership.Role.OWNER)
    return issue_api_key(project=project, name=KEY_NAME, scopes=scopes, actor=actor)[1]
