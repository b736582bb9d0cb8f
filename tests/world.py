"""One of everything, for tests that walk all addresses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from evalhub.accounts.capabilities import ALL
from evalhub.accounts.invitations import MAX_USES, Offer, invite
from evalhub.accounts.models import Membership, Project, User
from evalhub.accounts.password_links import make_password_link
from evalhub.accounts.services import COMMAND_LINE, Actor, issue_api_key
from evalhub.datasets import uploads
from evalhub.gates.services import ask, set_gate
from evalhub.reports.links import share
from evalhub.reports.services import compare_runs
from evalhub.runs import rescoring
from labeling.models import Campaign, Unit
from tests.evalhub.judging.building import a_call
from tests.evalhub.runs.building import a_run, right, scored
from tests.evalhub.scorers.building import a_scorer
from tests.factories import a_member, a_project, a_version, jsonl
from tests.labeling.building import FAITHFUL, a_campaign, an_annotator

N_EXAMPLES = 21
TWO_LINES = jsonl({"key": "a", "input": "?"}, {"key": "b", "input": "?"}).encode()


@dataclass(frozen=True, kw_only=True)
class World:
    """A project with one of everything, and a member of every role."""

    project: Project
    people: dict[str, User]
    campaign: Campaign
    open_run: str
    scored_run: str
    baseline_run: str
    cancelled_rescoring: str
    parts: dict[str, object]  # of addresses, by name

    def address(self, name: str, **instead: object) -> str:
        """Return an address by its name; what it names is in this world, unless told otherwise."""
        wanted = pattern_of(name).pattern.converters
        return reverse(name, kwargs={part: ({**self.parts, **instead})[part] for part in wanted})

    @property
    def comparing(self) -> dict[str, str]:
        """The query that names two runs to compare."""
        return {"baseline": self.baseline_run, "candidate": self.scored_run}

    @property
    def unit(self) -> str:
        """An output that anybody of the campaign may judge."""
        units = Unit.objects.filter(campaign=self.campaign, twin__isnull=True)
        return units.order_by("pk")[0].public_id

    def upload_of(self, user: User, content: bytes = TWO_LINES) -> str:
        """Return the token of a file that waits for the names of its columns."""
        return uploads.keep(
            SimpleUploadedFile("examples.jsonl", content),
            user_id=user.pk,
            project_id=self.project.pk,
            name="tides",
            slug="",
        ).token


def build_world() -> World:
    """Build it, with everything scored that is to be scored."""
    project = a_project("town")
    version = a_version(project, n=N_EXAMPLES)
    all_right = right(*range(1, N_EXAMPLES + 1))
    baseline, candidate = (
        scored(a_run(version, system=name), *all_right) for name in ("old", "new")
    )
    third = scored(a_run(version, system="third"), *all_right)
    cancelled, working = (
        rescoring.begin(dataset=version.dataset, metrics=[metric], runs=[third.public_id])
        for metric in ("chrf", "token_f1")
    )
    rescoring.cancel(rescoring=cancelled, actor=COMMAND_LINE)
    open_run = a_run(version, system="newest")
    comparison = compare_runs(baseline=baseline, candidate=candidate, actor=COMMAND_LINE)
    link, share_token = share(comparison=comparison, days="7", actor=COMMAND_LINE)
    rules = {"margins": [{"metric": "exact_match", "margin": 0.01}]}
    set_gate(dataset=version.dataset, given=rules, actor=COMMAND_LINE)
    answer = ask(run=candidate, baseline=baseline.public_id, actor=COMMAND_LINE)
    campaign = a_campaign(project, runs=[candidate], questions=(FAITHFUL,))
    # At an address that leads nowhere, so that nothing is sent.
    scorer = a_scorer(project, url="http://scorer.example.org:9/")
    key, _ = issue_api_key(project=project, name="test", scopes=["read"])
    people = {role: a_member(project, role) for role in Membership.Role.values}
    somebody = a_member(project, "viewer", made_here=True)
    return World(
        project=project,
        people=people,
        campaign=campaign,
        open_run=open_run.public_id,
        scored_run=candidate.public_id,
        baseline_run=baseline.public_id,
        cancelled_rescoring=cancelled.public_id,
        parts={
            "project": project.slug,
            "dataset": version.dataset.slug,
            "number": 1,
            "version": "1",
            "position": 0,
            "attempt": 1,
            "token": "0" * 32,
            "run_id": candidate.public_id,
            "rescoring_id": working.public_id,
            "comparison_id": comparison.public_id,
            "form": "html",
            "link_id": link.public_id,
            "share_token": share_token,
            "answer_id": answer.public_id,
            "campaign_id": campaign.public_id,
            "unit_id": Unit.objects.filter(campaign=campaign).latest("pk").public_id,
            "annotator_id": an_annotator(campaign, people["annotator"]).pk,
            "name": "annotations.csv",
            "user_id": somebody.pk,
            **_links(project, people["owner"], somebody),
            "prefix": key.prefix,
            "digest": a_call(project).digest,
            "slug": scorer.slug,
        },
    )


def _links(project: Project, owner: User, somebody: User) -> dict[str, object]:
    """Return the parts of addresses that let people in."""
    offer = Offer(role="annotator", max_uses=MAX_USES)
    invitation, token = invite(
        project=project, offer=offer, actor=Actor(user=owner), capabilities=ALL
    )
    _, password_token = make_password_link(project=project, user=somebody, owner=owner)
    return {
        "invitation_id": invitation.public_id,
        "invitation_token": token,
        "password_token": password_token,
    }


def addresses() -> dict[str, URLPattern]:
    """Return every address of the service by its name, with the app before the colon."""
    return dict(_addresses(get_resolver(), ""))


def pattern_of(name: str) -> URLPattern:
    return addresses()[name]


def _addresses(resolver: URLResolver, space: str) -> Iterator[tuple[str, URLPattern]]:
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLPattern):
            yield f"{space}:{pattern.name}", pattern
        else:
            yield from _addresses(pattern, pattern.namespace or space)


@contextmanager
def savepoint() -> Iterator[None]:
    """As Django's own test cases: a block that wants to be outermost may stand inside this one."""
    block = transaction.atomic()
    block._from_testcase = True  # type: ignore[attr-defined]
    with block:
        yield
    assert connection.is_usable()


@contextmanager
def undone() -> Iterator[None]:
    """Undo what is done to the database inside."""
    with savepoint():
        yield
        transaction.set_rollback(True)
