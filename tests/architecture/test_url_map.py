"""Every address, for every role, a stranger and nobody: who is let in, and who is not.

An address that this table does not know fails the test, and so does a line without its address.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from evalhub.accounts.capabilities import (
    Capability,
    capabilities_of_role,
    capabilities_of_scopes,
    scopes_of_role,
)
from evalhub.accounts.models import Membership
from evalhub.accounts.services import COMMAND_LINE, issue_api_key
from evalhub.reports.services import compare_runs
from tests.evalhub.runs.building import a_run, right, scored
from tests.factories import a_key, a_member, a_project, a_user, a_version
from tests.labeling.building import FAITHFUL, a_campaign

OPEN, SIGNED_IN, MEMBER, KEY = "open", "signed in", "member", "any key"
VIEW, LABEL, SUBMIT, LEAD, OWN = Capability
ROLES = Membership.Role.values

# Which capability each method of each address asks for. Pages need a session, REST a key.
PAGES = {
    "web:home": {"get": SIGNED_IN},
    "web:healthz": {"get": OPEN},
    "web:readyz": {"get": OPEN},
    "web:openapi": {"get": OPEN},
    "web:docs": {"get": OPEN},
    "web:overview": {"get": MEMBER},
    "accounts:login": {"get": OPEN, "post": OPEN},
    "accounts:logout": {"post": OPEN},
    "accounts:account": {"get": SIGNED_IN},
    "accounts:project_new": {"get": SIGNED_IN, "post": SIGNED_IN},
    "accounts:members": {"get": OWN, "post": OWN},
    "accounts:member": {"post": OWN},
    "accounts:keys": {"get": OWN, "post": OWN},
    "accounts:key_revoke": {"post": OWN},
    "datasets:list": {"get": VIEW},
    "datasets:upload": {"get": SUBMIT, "post": SUBMIT},
    "datasets:upload_columns": {"get": SUBMIT, "post": SUBMIT},
    "datasets:detail": {"get": VIEW},
    "datasets:version": {"get": VIEW},
    "datasets:example": {"get": VIEW},
    "runs:list": {"get": VIEW},
    "runs:detail": {"get": VIEW},
    "runs:progress": {"get": VIEW},
    "runs:measure": {"post": SUBMIT},
    "runs:output": {"get": VIEW},
    "judging:list": {"get": VIEW},
    "reports:list": {"get": VIEW},
    "reports:new": {"get": VIEW},
    "reports:detail": {"get": VIEW},
    "labeling:list": {"get": MEMBER},
    "labeling:new": {"get": LEAD, "post": LEAD},
    "labeling:campaign": {"get": LEAD, "post": LEAD},
    "labeling:agreement": {"get": LEAD},
    "labeling:desk": {"get": LABEL, "post": LABEL},
}
REST = {
    "datasets:api_datasets": {"get": VIEW, "post": SUBMIT},
    "datasets:api_versions": {"get": VIEW, "post": SUBMIT},
    "datasets:api_examples": {"get": VIEW},
    "runs:api_metrics": {"get": KEY},
    "runs:api_runs": {"get": VIEW, "post": SUBMIT},
    "runs:api_run": {"get": VIEW},
    "runs:api_outputs": {"get": VIEW, "post": SUBMIT},
    "runs:api_finish": {"post": SUBMIT},
    "runs:api_measurements": {"get": VIEW, "post": SUBMIT},
    "runs:api_cancel": {"post": SUBMIT},
    "runs:api_reopen": {"post": LEAD},
    "reports:api_comparisons": {"get": VIEW},
    "labeling:api_campaigns": {"get": VIEW, "post": LABEL},
    "labeling:api_campaign": {"get": VIEW},
    "labeling:api_annotations": {"get": VIEW, "post": LABEL},
    "labeling:api_agreement": {"get": VIEW},
    "labeling:api_publish": {"post": LABEL},
}
# What a form must say at least to be taken for one.
FORMS = {"labeling:desk": {"do": "undo"}, "labeling:campaign": {"do": "publish"}}
# Reached with the parameters of this address alone; a refusal says so before any other.
WAITS_FOR_AN_UPLOAD = "datasets:upload_columns"


def every_name() -> Iterator[str]:
    yield from _names(get_resolver(), "")


def _names(resolver: URLResolver, space: str) -> Iterator[str]:
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLPattern):
            yield f"{space}:{pattern.name}"
        else:
            yield from _names(pattern, pattern.namespace or space)


def test_every_address_is_in_the_table_and_every_line_has_its_address():
    assert sorted(every_name()) == sorted([*PAGES, *REST])


@dataclass
class World:
    """A project with one of everything, and the parameters of its addresses."""

    project: Any
    parameters: dict[str, object]
    query: dict[str, str]

    def address(self, name: str) -> str:
        found = next(one for one in get_resolver_of(name) if one.name == name.partition(":")[2])
        wanted = found.pattern.converters
        return reverse(name, kwargs={one: self.parameters[one] for one in wanted})


def get_resolver_of(name: str) -> Iterator[URLPattern]:
    space = name.partition(":")[0]
    for resolver in get_resolver().url_patterns:
        if isinstance(resolver, URLResolver) and resolver.namespace == space:
            yield from resolver.url_patterns


@pytest.fixture
def world(db: None) -> World:
    project = a_project("town")
    version = a_version(project, n=25)
    baseline, candidate = (
        scored(a_run(version, system=name), *right(*range(1, 26))) for name in ("old", "new")
    )
    comparison = compare_runs(baseline=baseline, candidate=candidate, actor=COMMAND_LINE)
    campaign = a_campaign(project, runs=[candidate], questions=(FAITHFUL,))
    key, _ = issue_api_key(project=project, name="test", scopes=["read"])
    return World(
        project=project,
        parameters={
            "project": project.slug,
            "dataset": version.dataset.slug,
            "number": 1,
            "version": "1",
            "position": 0,
            "attempt": 1,
            "token": "0" * 32,
            "run_id": candidate.public_id,
            "comparison_id": comparison.public_id,
            "campaign_id": campaign.public_id,
            "user_id": a_member(project, "viewer").pk,
            "prefix": key.prefix,
        },
        query={"baseline": baseline.public_id, "candidate": candidate.public_id},
    )


def ask(client: Client, method: str, address: str, world: World, **how: Any) -> int:
    if method == "get":
        return client.get(address, world.query, **how).status_code
    return client.post(address, **how).status_code


def is_let_in(status: int) -> bool:
    """A post of an empty form is let in when it is refused for what it says, not for who asks."""
    return status in {200, 201, 202, 204, 302, 303, 400, 409, 422}


pages = pytest.mark.parametrize(
    ("name", "method", "need"),
    [(name, method, need) for name, by in PAGES.items() for method, need in by.items()],
)
endpoints = pytest.mark.parametrize(
    ("name", "method", "need"),
    [(name, method, need) for name, by in REST.items() for method, need in by.items()],
)


@pages
def test_pages(client, world, name, method, need):
    address = world.address(name)
    for role in ROLES:
        client.force_login(a_member(world.project, role))
        form = {"data": FORMS[name]} if method == "post" and name in FORMS else {}
        status = ask(client, method, address, world, **form)
        allowed = need in {OPEN, SIGNED_IN, MEMBER} or need in capabilities_of_role(role)
        if allowed and name == WAITS_FOR_AN_UPLOAD:
            assert status == 404, f"{role}: the upload of this address is nobody's"
        elif allowed:
            assert is_let_in(status), f"{role} is kept out with {status}"
        else:
            assert status == 403, f"{role} got {status}"


@pages
def test_pages_for_strangers(client, world, name, method, need):
    address = world.address(name)
    client.force_login(a_user())
    expected_404 = need not in {OPEN, SIGNED_IN}
    status = ask(client, method, address, world)
    assert status == 404 if expected_404 else is_let_in(status)
    client.force_login(a_member(a_project(), "owner"))
    status = ask(client, method, address, world)
    assert status == 404 if expected_404 else is_let_in(status)


@pages
def test_pages_for_nobody(client, world, name, method, need):
    address = world.address(name)
    if need == OPEN:
        assert is_let_in(ask(client, method, address, world))
        return
    answer = client.get(address) if method == "get" else client.post(address)
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/login/?next=")


@endpoints
def test_rest_by_role(client, world, name, method, need):
    address = world.address(name)
    for role in ROLES:
        allowed = need == KEY or need in capabilities_of_scopes(scopes_of_role(role))
        how = {"content_type": "application/json", "data": "{}"} if method == "post" else {}
        status = ask(client, method, address, world, headers=a_key(world.project, role), **how)
        if allowed:
            assert is_let_in(status), f"a key of {role} is kept out with {status}"
        else:
            assert status == 403, f"a key of {role} got {status}"


@endpoints
def test_rest_for_strangers_and_nobody(client, world, name, method, need):
    address = world.address(name)
    how = {"content_type": "application/json", "data": "{}"} if method == "post" else {}
    stranger = ask(client, method, address, world, headers=a_key(a_project(), "owner"), **how)
    assert stranger == (200 if need == KEY else 404)
    assert ask(client, method, address, world, **how) == 401
    client.force_login(a_member(world.project, "owner"))
    assert ask(client, method, address, world, **how) == 401, "a session is no key"
