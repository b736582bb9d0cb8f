"""Projects and who is in them: roles, strangers, the last owner."""

import threading

import pytest
from django.db import connection, connections
from django.utils import timezone

from evalhub.accounts.departures import remove_member
from evalhub.accounts.models import AuditEvent, Membership, Project, User
from evalhub.accounts.services import (
    COMMAND_LINE,
    Actor,
    create_project,
    record,
    set_role,
)
from evalhub.errors import Conflict, ContentError
from tests.factories import a_member, a_project, a_user

pytestmark = pytest.mark.django_db

MEMBERS = "/p/town/members/"


@pytest.fixture
def town():
    return a_project("town")


@pytest.fixture
def owner(town):
    return a_member(town, "owner")


@pytest.fixture
def in_town(client, owner):
    client.force_login(owner)
    return client


def roles(project):
    return {one.user.username: one.role for one in project.memberships.select_related("user")}


def change(client, user, role):
    return client.post(f"{MEMBERS}{user.pk}/", {"role": role})


class TestProjects:
    def test_who_opens_a_project_owns_it(self, client):
        ada = a_user("ada")
        client.force_login(ada)
        answer = client.post("/projects/new/", {"name": "Harbor", "slug": "harbor"})
        assert (answer.status_code, answer["Location"]) == (302, "/p/harbor/")
        assert roles(Project.objects.get(slug="harbor")) == {"ada": "owner"}
        assert AuditEvent.objects.filter(user=ada, verb="create project").exists()

    @pytest.mark.parametrize(
        "slug", ["", ".", "..", "-a", "a/b", "a b", "ä", "a\n", "a" * 101, "a\0", "<b>"]
    )
    def test_a_slug_that_is_no_address_is_refused(self, client, slug):
        client.force_login(a_user())
        answer = client.post("/projects/new/", {"name": "Harbor", "slug": slug})
        assert answer.status_code == (302 if slug == "a\n" else 422)
        assert Project.objects.count() == (slug == "a\n")  # a form takes the newline away
        with pytest.raises(ContentError):
            create_project(slug=slug, name="Harbor", owner=None)

    def test_a_slug_is_given_once(self, client, town):
        client.force_login(a_user())
        answer = client.post("/projects/new/", {"name": "Another", "slug": "town"})
        assert answer.status_code == 422
        assert "already" in answer.content.decode()
        with pytest.raises(Conflict):
            create_project(slug="town", name="Another", owner=None)
        assert Project.objects.get().name == "town"

    def test_an_empty_form_makes_nothing(self, client):
        client.force_login(a_user())
        assert client.post("/projects/new/", {}).status_code == 422
        assert not Project.objects.exists()

    def test_a_querying_member_finds_their_own_projects_alone(self, town):
        a_project("harbor")
        assert list(Project.objects.for_member(a_member(town, "viewer"))) == [town]
        assert list(Project.objects.for_member(a_user())) == []


class TestMembers:
    def test_an_owner_makes_an_account_with_its_first_password(self, in_town, town):
        given = {"username": "ben", "role": "annotator", "password": "a heron on a pole"}
        answer = in_town.post(MEMBERS, given)
        assert (answer.status_code, answer["Location"]) == (302, MEMBERS)
        assert roles(town)["ben"] == "annotator"
        assert User.objects.get(username="ben").check_password("a heron on a pole")

    def test_an_account_that_exists_keeps_its_password(self, in_town, town):
        ben = a_user("ben")
        ben.set_password("a heron on a pole")
        ben.save()
        given = {"username": "ben", "role": "viewer", "password": "not the same at all"}
        assert in_town.post(MEMBERS, given).status_code == 302
        ben.refresh_from_db()
        assert ben.check_password("a heron on a pole")
        assert roles(town)["ben"] == "viewer"

    @pytest.mark.parametrize(
        ("given", "field"),
        [
            ({"username": "ben", "role": "viewer"}, "password"),
            ({"username": "ben", "role": "viewer", "password": "short"}, "password"),
            ({"username": "ben", "role": "king", "password": "a heron on a pole"}, "role"),
            ({"username": "b n", "role": "viewer", "password": "a heron on a pole"}, "username"),
            ({"username": "b\0n", "role": "viewer", "password": "a heron on a pole"}, "username"),
            ({}, "username"),
        ],
    )
    def test_what_cannot_be_is_named_and_changes_nothing(self, in_town, town, given, field):
        answer = in_town.post(MEMBERS, given)
        assert answer.status_code == 422
        assert answer.context["form"].errors[field]
        assert len(roles(town)) == 1
        assert User.objects.count() == 1

    def test_the_rule_of_passwords_is_said_before_and_its_breach_once_at_the_field(self, in_town):
        rule = "at least 10 characters"
        before = in_town.get(MEMBERS).content.decode()
        given = {"username": "ben", "role": "viewer", "password": "short"}
        after = in_town.post(MEMBERS, given).content.decode()
        assert (before.count(rule), after.count(rule)) == (1, 2)
        assert '<ul class="err" id="id_password_error">' in after

    def test_a_role_changes_at_once(self, in_town, town, client):
        ben = a_member(town, "viewer")
        assert change(in_town, ben, "expert").status_code == 302
        assert roles(town)[ben.username] == "expert"
        said = AuditEvent.objects.latest("pk")
        assert (said.verb, said.subject, said.detail) == (
            "set role",
            ben.username,
            {"role": "expert"},
        )

    def test_who_is_removed_sees_a_404_at_once(self, in_town, town, client):
        ben = a_member(town, "lead")
        change(in_town, ben, "remove")
        assert ben.username not in roles(town)
        client.force_login(ben)
        assert client.get("/p/town/").status_code == 404
        assert User.objects.filter(pk=ben.pk).exists()

    @pytest.mark.parametrize("role", ["", "king", "owner\0"])
    def test_an_unknown_role_and_an_empty_form_change_nothing(self, in_town, town, role):
        ben = a_member(town, "viewer")
        assert change(in_town, ben, role).status_code == 422
        assert in_town.post(f"{MEMBERS}{ben.pk}/").status_code == 422
        assert roles(town)[ben.username] == "viewer"

    def test_a_member_of_another_project_is_not_there(self, in_town):
        stranger = a_member(a_project(), "viewer")
        assert change(in_town, stranger, "remove").status_code == 404
        assert Membership.objects.filter(user=stranger).exists()

    @pytest.mark.parametrize("number", [2**31, 2**63, 10**30, "9" * 5_000])
    def test_a_number_beyond_any_member_is_not_there(self, in_town, number):
        assert in_town.post(f"{MEMBERS}{number}/", {"role": "remove"}).status_code == 404

    def test_the_longest_name_fits_the_audit_log(self, town):
        long = a_user("x" * 150)
        set_role(project=town, user=long, role="viewer")
        record(project=town, actor=COMMAND_LINE, verb="test", subject="y" * 1_000)
        assert AuditEvent.objects.filter(subject=long.username).exists()


class TestLastOwner:
    @pytest.mark.parametrize("role", ["lead", "remove"])
    def test_the_last_owner_stays(self, in_town, town, owner, role):
        a_member(town, "lead")
        answer = in_town.post(f"{MEMBERS}{owner.pk}/", {"role": role}, follow=True)
        assert "A project keeps at least one owner." in answer.content.decode()
        assert roles(town)[owner.username] == "owner"

    def test_one_of_two_owners_may_go(self, in_town, town, owner):
        a_member(town, "owner")
        change(in_town, owner, "remove")
        assert list(roles(town).values()) == ["owner"]

    def test_an_owner_may_stay_owner(self, in_town, town, owner):
        change(in_town, owner, "owner")
        assert roles(town)[owner.username] == "owner"


@pytest.mark.django_db(transaction=True)
def test_two_owners_who_remove_each_other_at_once_leave_one():
    for round_number in range(5):
        project = a_project(f"round-{round_number}")
        owners = [a_member(project, "owner") for _ in range(2)]
        start, refused = threading.Barrier(2), []

        def remove(user, project=project, start=start, refused=refused):
            start.wait()
            try:
                remove_member(project=project, user=user, actor=Actor())
            except Conflict:
                refused.append(user)
            finally:
                connections.close_all()

        threads = [threading.Thread(target=remove, args=(user,)) for user in owners]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(refused) == 1
        assert list(roles(project).values()) == ["owner"]


@pytest.mark.django_db(transaction=True)
def test_two_who_open_a_project_of_one_name_at_once_get_one():
    start, outcomes = threading.Barrier(2), []

    def open_one():
        start.wait()
        try:
            create_project(slug="town", name="Town", owner=None)
            outcomes.append("made")
        except Conflict:
            outcomes.append("refused")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=open_one) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["made", "refused"]
    assert Project.objects.count() == 1


def test_a_moment_is_kept_in_utc(town):
    assert timezone.is_aware(town.created_at)
    assert connection.timezone_name == "UTC"
