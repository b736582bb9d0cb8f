"""Every address, for every role, a stranger and nobody: who is let in, and who is not.

An address that this table does not know fails the test, and so does a line without its address.
"""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from evalhub.accounts.capabilities import (
    SCOPES,
    Capability,
    capabilities_of_role,
    capabilities_of_scopes,
    scopes_of_role,
)
from evalhub.accounts.models import Membership
from evalhub.accounts.rest import SCOPE_FOR
from evalhub.accounts.services import issue_api_key
from evalhub.web import reference
from labeling.models import Campaign
from labeling.services.seats import seat
from tests.factories import a_key, a_member, a_project, a_user
from tests.world import World, addresses, build_world, undone

OPEN, SIGNED_IN, MEMBER, KEY = "open", "signed in", "member", "any key"
VIEW, LABEL, DECIDE, SUBMIT, LEAD, OWN = Capability
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
    "accounts:password": {"get": SIGNED_IN, "post": SIGNED_IN},
    "accounts:project_new": {"get": SIGNED_IN, "post": SIGNED_IN},
    "accounts:members": {"get": OWN, "post": OWN},
    "accounts:invitation": {"get": OPEN, "post": OPEN},
    "accounts:new_password": {"get": OPEN, "post": OPEN},
    "accounts:member": {"post": OWN},
    "accounts:member_password": {"post": OWN},
    "accounts:invitations": {"get": LEAD, "post": LEAD},
    "accounts:invitation_revoke": {"post": LEAD},
    "accounts:keys": {"get": OWN, "post": OWN},
    "accounts:key_revoke": {"post": OWN},
    "datasets:list": {"get": VIEW},
    "datasets:upload": {"get": SUBMIT, "post": SUBMIT},
    "datasets:upload_columns": {"get": SUBMIT, "post": SUBMIT},
    "datasets:detail": {"get": VIEW},
    "datasets:version": {"get": VIEW},
    "datasets:tag": {"post": LEAD},
    "datasets:example": {"get": VIEW},
    "runs:metrics": {"get": SIGNED_IN},
    "runs:list": {"get": VIEW},
    "runs:detail": {"get": VIEW},
    "runs:progress": {"get": VIEW},
    "runs:measure": {"get": SUBMIT, "post": SUBMIT},
    "runs:output": {"get": VIEW},
    "runs:rescorings": {"get": VIEW},
    "runs:rescore": {"get": SUBMIT, "post": SUBMIT},
    "runs:rescoring": {"get": VIEW, "post": SUBMIT},
    "scorers:list": {"get": VIEW},
    "scorers:new": {"get": LEAD, "post": LEAD},
    "scorers:detail": {"get": VIEW},
    "scorers:try": {"post": LEAD},
    "scorers:host": {"post": OWN},
    "scorers:retire": {"post": LEAD},
    "judging:list": {"get": VIEW},
    "judging:call": {"get": VIEW},
    "reports:list": {"get": VIEW},
    "reports:new": {"get": VIEW},
    "reports:many": {"get": VIEW},
    "reports:detail": {"get": VIEW},
    "boards:trends": {"get": VIEW},
    "boards:leaderboard": {"get": VIEW},
    "reports:file": {"get": VIEW},
    "reports:schema": {"get": OPEN},
    "reports:share": {"post": LEAD},
    "reports:link_revoke": {"post": LEAD},
    "reports:shared": {"get": OPEN},
    "gates:gate": {"get": VIEW, "post": LEAD},
    "gates:answer": {"get": VIEW, "post": LEAD},
    "labeling:list": {"get": MEMBER},
    "labeling:new": {"get": LEAD, "post": LEAD},
    "labeling:campaign": {"get": LEAD, "post": LEAD},
    "labeling:people": {"get": LEAD, "post": LEAD},
    "labeling:person": {"post": LEAD},
    "labeling:guidelines": {"get": LEAD, "post": LEAD},
    "labeling:questions": {"get": LEAD, "post": LEAD},
    "labeling:agreement": {"get": LEAD},
    "labeling:agreement_more": {"get": LEAD},
    "labeling:files": {"get": LEAD},
    "labeling:file": {"get": LEAD},
    "labeling:deciding": {"get": DECIDE, "post": LEAD},
    "labeling:decide": {"get": DECIDE, "post": DECIDE},
    "labeling:controls": {"get": LEAD, "post": LEAD},
    "labeling:desk": {"get": LABEL, "post": LABEL},
    "labeling:history": {"get": LABEL},
}
REST = {
    "datasets:api_datasets": {"get": VIEW, "post": SUBMIT},
    "datasets:api_versions": {"get": VIEW, "post": SUBMIT},
    "datasets:api_examples": {"get": VIEW},
    "runs:api_metrics": {"get": KEY},
    "runs:api_runs": {"get": VIEW, "post": SUBMIT},
    "runs:api_run": {"get": VIEW},
    "runs:api_outputs": {"get": VIEW, "post": SUBMIT},
    "runs:api_slices": {"get": VIEW},
    "runs:api_finish": {"post": SUBMIT},
    "runs:api_measurements": {"get": VIEW, "post": SUBMIT},
    "runs:api_confusion": {"get": VIEW},
    "runs:api_cancel": {"post": SUBMIT},
    "runs:api_reopen": {"post": LEAD},
    "runs:api_rescorings": {"get": VIEW, "post": SUBMIT},
    "runs:api_rescoring": {"get": VIEW},
    "runs:api_rescoring_runs": {"get": VIEW},
    "runs:api_rescoring_cancel": {"post": SUBMIT},
    "runs:api_rescoring_resume": {"post": SUBMIT},
    "scorers:api_scorers": {"get": VIEW, "post": LEAD},
    "reports:api_comparisons": {"get": VIEW},
    "reports:api_comparison": {"get": VIEW},
    "reports:api_many": {"get": VIEW},
    "boards:api_trends": {"get": VIEW},
    "boards:api_leaderboard": {"get": VIEW},
    "gates:api_gate": {"get": VIEW, "put": LEAD},
    "gates:api_blessings": {"get": VIEW, "post": LEAD},
    "gates:api_ask": {"post": SUBMIT},
    "gates:api_answer": {"get": VIEW},
    "gates:api_waiver": {"post": LEAD},
    "labeling:api_campaigns": {"get": VIEW, "post": LEAD},
    "labeling:api_campaign": {"get": VIEW},
    "labeling:api_annotations": {"get": VIEW, "post": LABEL},
    "labeling:api_preferences": {"get": VIEW},
    "labeling:api_agreement": {"get": VIEW},
    "labeling:api_decisions": {"get": VIEW, "post": DECIDE},
    "labeling:api_guidelines": {"get": VIEW, "post": LEAD},
    "labeling:api_questions": {"get": VIEW, "post": LEAD},
    "labeling:api_state": {"post": LEAD},
    "labeling:api_controls": {"get": LEAD, "post": LEAD},
    "labeling:api_publish": {"post": LEAD},
    "accounts:api_invitations": {"get": LEAD, "post": LEAD},
    "accounts:api_invitation": {"delete": LEAD},
}
# What somebody is told from whom the runs are kept, because they label.
CLOSED = b"stay closed to you meanwhile"
METHODS = ("get", "post", "put", "patch", "delete")
# What a form must say at least to be taken for one of its page.
FORMS = {
    "labeling:desk": {"do": "undo"},
    "labeling:campaign": {"do": "publish"},
    "labeling:people": {"do": "add"},
    "labeling:deciding": {"do": "rule", "rule": "any"},
    "labeling:controls": {"do": "add"},
    "runs:rescoring": {"do": "cancel"},
    "gates:gate": {"do": "bless"},
}
# A body that says nothing is let in when it is refused for what it says, not for who sends it.
LET_IN = {
    "get": {200, 302, 409},
    "post": {200, 201, 202, 204, 302, 400, 409, 422},
    "put": {200, 422},
    "delete": {200},
}


@pytest.fixture(scope="module")
def db(django_db_setup, django_db_blocker):
    """Open the database for the whole module, to build the world once."""
    with django_db_blocker.unblock(), undone():
        yield


@pytest.fixture(scope="module")
def world(db):
    return build_world()


def lines(table):
    known = addresses()
    return [
        (name, method, need)
        for name, by in table.items()
        for method, need in by.items()
        if name in known
    ]


def other_methods(table):
    """Return the methods that an address must not know."""
    known = addresses()
    return [
        (name, method)
        for name in table
        if name in known
        for method in METHODS
        if method not in table[name]
    ]


def on_page(world: World, client: Client, name: str, method: str, user=None):
    """Ask for a page, as its own forms and links do; whatever it changes is undone."""
    with undone():
        instead = {"token": world.upload_of(user)} if user else {}
        given = world.comparing if name == "reports:new" else {}
        given = given if method == "get" else FORMS.get(name, {})
        return getattr(client, method)(world.address(name, **instead), given)


def over_rest(world: World, name: str, method: str, headers):
    with undone():
        given: Any = {"data": "{}", "content_type": "application/json"} if method != "get" else {}
        if name in ("reports:api_comparisons", "reports:api_many") and method == "get":
            given = {"data": world.comparing}
        return getattr(Client(), method)(world.address(name), headers=headers, **given)


def test_every_address_is_in_the_table_and_every_line_has_its_address():
    assert sorted(addresses()) == sorted([*PAGES, *REST])


def test_rest_stands_under_its_own_path_and_pages_do_not():
    under = {name for name, one in addresses().items() if str(one.pattern).startswith("api/v1/")}
    assert under == {*REST, "web:openapi", "web:docs"}


@pytest.mark.parametrize("role", ROLES)
def test_a_member_sees_the_pages_of_the_role(world, role):
    wrong, user, client = [], world.people[role], Client()
    for name, method, need in lines(PAGES):
        client.force_login(user)
        status = on_page(world, client, name, method, user).status_code
        may = need in {OPEN, SIGNED_IN, MEMBER} or need in capabilities_of_role(role)
        if status not in (LET_IN[method] if may else {403}):
            wrong.append((name, method, status))
    assert wrong == []


def test_an_expert_who_labels_sees_no_page_that_tells_systems_or_scores(world):
    user, client, wrong = world.people["expert"], Client(), []
    with undone():
        seat(campaign=Campaign.objects.get(project__memberships__user=user), user=user)
        for name, method, need in lines(PAGES):
            client.force_login(user)
            answer = on_page(world, client, name, method, user)
            if need is VIEW and not (answer.status_code == 403 and CLOSED in answer.content):
                wrong.append((name, method, answer.status_code))
            if need in (LABEL, DECIDE) and answer.status_code not in LET_IN[method]:
                wrong.append((name, method, answer.status_code))
    assert wrong == []


@pytest.mark.parametrize("whose", ["no project", "another project"])
def test_for_a_stranger_a_project_does_not_exist(world, whose):
    wrong, client = [], Client()
    with undone():
        user = a_user() if whose == "no project" else a_member(a_project(), "owner")
        for name, method, need in lines(PAGES):
            client.force_login(user)
            status = on_page(world, client, name, method, user).status_code
            is_open = need in {OPEN, SIGNED_IN}
            if status not in (LET_IN[method] if is_open else {404}):
                wrong.append((name, method, status))
    assert wrong == []


def test_who_is_not_logged_in_is_sent_to_the_login(world):
    wrong = []
    for name, method, need in lines(PAGES):
        answer = on_page(world, Client(), name, method)
        is_sent = answer.status_code == 302 and answer["Location"].startswith("/login/?next=")
        if is_sent == (need == OPEN) or answer.status_code not in LET_IN[method]:
            wrong.append((name, method, answer.status_code))
    assert wrong == []


def test_a_page_knows_no_other_methods_than_those_of_the_table(world):
    wrong, user, client = [], world.people["owner"], Client()
    for name, method in other_methods(PAGES):
        client.force_login(user)
        status = on_page(world, client, name, method, user).status_code
        if status != 405:
            wrong.append((name, method, status))
    assert wrong == []


def test_every_form_that_changes_something_is_bound_to_its_session(world):
    wrong, user, client = [], world.people["owner"], Client(enforce_csrf_checks=True)
    for name, method, _ in lines(PAGES):
        if method == "post":
            client.force_login(user)
            status = on_page(world, client, name, method, user).status_code
            if status != 403:
                wrong.append((name, status))
    assert wrong == []


def statuses_over_rest(world, capabilities, headers):
    """Return what was answered otherwise than these capabilities promise."""
    wrong = []
    for name, method, need in lines(REST):
        status = over_rest(world, name, method, headers).status_code
        may = need == KEY or need in capabilities
        if status not in (LET_IN[method] if may else {403}):
            wrong.append((name, method, status))
    return wrong


@pytest.mark.parametrize("role", ROLES)
def test_a_key_of_a_role_reaches_what_the_role_does(world, role):
    with undone():
        given = capabilities_of_scopes(scopes_of_role(role))
        assert statuses_over_rest(world, given, a_key(world.project, role)) == []


@pytest.mark.parametrize("scope", SCOPES)
def test_a_key_of_one_scope_reaches_no_further(world, scope):
    with undone():
        _, secret = issue_api_key(project=world.project, name="test", scopes=[scope])
        headers = {"Authorization": f"Bearer {secret}"}
        assert statuses_over_rest(world, capabilities_of_scopes([scope]), headers) == []


def test_for_the_key_of_another_project_a_project_does_not_exist(world):
    wrong = []
    with undone():
        headers = a_key(a_project(), "owner")
        for name, method, need in lines(REST):
            status = over_rest(world, name, method, headers).status_code
            if status != (200 if need == KEY else 404):
                wrong.append((name, method, status))
    assert wrong == []


@pytest.mark.parametrize("scheme", ["", "Bearer x", "Bearer evh_0123456789_" + "0" * 48])
def test_without_a_key_rest_answers_401(world, scheme):
    wrong = []
    for name in REST:
        for method in METHODS:
            answer = over_rest(world, name, method, {"Authorization": scheme} if scheme else {})
            if (answer.status_code, answer.get("WWW-Authenticate")) != (401, "Bearer"):
                wrong.append((name, method, answer.status_code))
    assert wrong == []


def test_a_session_is_no_key(world):
    client, wrong = Client(), []
    client.force_login(world.people["owner"])
    for name, method, _ in lines(REST):
        with undone():
            status = getattr(client, method)(world.address(name)).status_code
        if status != 401:
            wrong.append((name, method, status))
    assert wrong == []


def test_an_endpoint_knows_no_other_methods_than_those_of_the_table(world):
    wrong = []
    with undone():
        headers = a_key(world.project, "owner")
        for name, method in other_methods(REST):
            status = over_rest(world, name, method, headers).status_code
            if status != 405:
                wrong.append((name, method, status))
    assert wrong == []


def test_the_reference_names_the_scope_that_each_endpoint_asks_for():
    paths, told, asked = reference.document()["paths"], {}, {}
    for name, method, need in lines(REST):
        path = f"/{addresses()[name].pattern}".replace("<str:", "{").replace(">", "}")
        told[name, method] = paths[path][method]["x-scope"]
        asked[name, method] = "any" if need == KEY else SCOPE_FOR[need]
    assert told == asked


def test_members_and_keys_are_beyond_rest():
    assert OWN not in {need for _, _, need in lines(REST)}
    assert OWN not in SCOPE_FOR
