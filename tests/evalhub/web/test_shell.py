"""The frame of every page."""

import pytest
from django.contrib.auth.models import AnonymousUser
from django.template.loader import render_to_string
from django.test import RequestFactory

from evalhub.accounts.capabilities import capabilities_of_role
from evalhub.accounts.models import Membership
from evalhub.web import context
from tests.factories import a_member, a_project, a_user


def request_of(project, user, role=""):
    request = RequestFactory().get("/")
    request.user = user
    request.resolver_match = None
    if project is not None:
        request.project = project
        request.capabilities = capabilities_of_role(role)
    return request


@pytest.mark.django_db
def test_an_annotator_finds_nothing_but_labeling():
    project = a_project()
    given = context.shell(request_of(project, a_member(project, "annotator"), "annotator"))
    assert {link.label for link in given["navigation"]} <= {"Labeling"}


@pytest.mark.django_db
def test_settings_lead_to_what_the_role_may_set():
    project, found = a_project("town"), {}
    for role in Membership.Role.values:
        given = context.shell(request_of(project, a_member(project, role), role))
        links = {link.label: link.url for link in given["navigation"]}
        assert len(links) == len(given["navigation"])
        found[role] = links.get("Settings")
    only = {"owner": "/p/town/members/", "lead": "/p/town/invitations/"}
    assert found == {role: only.get(role) for role in Membership.Role.values}


@pytest.mark.django_db
def test_the_switcher_lists_ones_own_projects_and_marks_the_current_one():
    mine, other = a_project("mine"), a_project("other")
    a_project("not-mine")
    user = a_member(mine, "owner")
    Membership.objects.create(
        project=other, user=user, role="annotator", created_at=other.created_at
    )
    links = list(context.shell(request_of(mine, user, "owner"))["project_links"])
    assert [(link.label, link.current, link.note) for link in links] == [
        ("mine", True, "owner"),
        ("other", False, "annotator"),
    ]


@pytest.mark.django_db
def test_a_page_without_project_has_a_frame_too(django_assert_num_queries):
    user = a_user("ada")
    with django_assert_num_queries(0):
        html = render_to_string("404.html", request=request_of(None, AnonymousUser()))
    assert 'aria-label="Project"' not in html
    html = render_to_string("404.html", request=request_of(None, user))
    assert "Account of ada" in html
    assert 'action="/logout/"' in html


def test_the_page_for_a_failure_needs_neither_request_nor_database():
    for name in ("500.html", "403_csrf.html"):
        assert '<main class="wrap stack plain" id="main">' in render_to_string(name)
