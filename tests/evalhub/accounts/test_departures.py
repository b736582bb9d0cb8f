"""People leave: every way in ends at once, and what they left stays under a neutral name."""

from __future__ import annotations

import re
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from evalhub.accounts import signals
from evalhub.accounts.capabilities import ALL
from evalhub.accounts.departures import remove_account
from evalhub.accounts.invitations import Offer, invite
from evalhub.accounts.models import ApiKey, AuditEvent, Invitation, Membership, User
from evalhub.accounts.password_links import make_password_link, password_link_of
from evalhub.accounts.services import (
    COMMAND_LINE,
    Actor,
    create_user,
    issue_api_key,
    set_role,
)
from evalhub.errors import Conflict, NotAllowed, NotFound
from tests.factories import a_member, a_project, a_user

pytestmark = pytest.mark.django_db

PASSWORD = "a heron on a pole"
NEUTRAL = re.compile(r"removed person [0-9a-f]{4}")


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


@pytest.fixture
def ben(town):
    user = create_user(username="ben", password=PASSWORD, made_in=town)
    user.email = "ben@example.org"
    user.save()
    set_role(project=town, user=user, role="annotator")
    return user


def remove(client, user, **more):
    return client.post(f"/p/town/members/{user.pk}/", {"role": "remove", **more}, follow=True)


class TestFromAProject:
    def test_keys_and_links_of_theirs_end_and_their_name_stays(self, in_town, town):
        other = a_member(town, "owner")
        harbor = a_project("harbor")
        for project in (town, harbor):
            issue_api_key(project=project, name="theirs", scopes=["read"], actor=Actor(other))
        issue_api_key(project=town, name="ours", scopes=["read"])
        offer = Offer(role="owner")
        made, _ = invite(project=town, offer=offer, actor=Actor(other), capabilities=ALL)
        said = remove(in_town, other).content.decode()
        assert "API keys of theirs that no longer work: 1." in said
        usable = {(key.project.slug, key.name) for key in ApiKey.objects.usable()}
        assert usable == {("harbor", "theirs"), ("town", "ours")}
        assert Invitation.objects.get(pk=made.pk).state == "revoked"
        assert User.objects.filter(username=other.username, is_active=True).exists()

    def test_the_page_says_what_it_means_and_whose_account_stays(self, in_town, town, owner, ben):
        set_role(project=a_project("harbor"), user=a_member(town, "lead"), role="viewer")
        page = in_town.get("/p/town/members/").content.decode()
        assert page.count("Their answers stay, under their name.") == 3
        assert page.count("Remove the account too.") == 1
        assert f"{owner.username} is an owner." in page
        assert "also belongs to a project that is not yours." in page

    def test_apps_hear_of_it(self, in_town, town, ben):
        heard = []

        def receiver(sender, **given):
            heard.append((given["project"], given["user"]))

        signals.member_removed.connect(receiver)
        try:
            remove(in_town, ben)
        finally:
            signals.member_removed.disconnect(receiver)
        assert heard == [(town, ben)]


class TestTheAccount:
    def test_an_owner_ends_it_and_the_person_is_out_at_once(self, in_town, town, ben):
        theirs = Client()
        theirs.login(username="ben", password=PASSWORD)
        assert theirs.get("/account/").status_code == 200
        said = remove(in_town, ben, with_account="on").content.decode()
        assert "The account ben is removed" in said
        assert theirs.get("/account/")["Location"].startswith("/login/")
        assert not Client().login(username="ben", password=PASSWORD)
        ben.refresh_from_db()
        assert NEUTRAL.fullmatch(ben.username)
        assert (ben.email, ben.is_active, ben.has_usable_password()) == ("", False, False)
        assert not ben.memberships.exists()
        said = AuditEvent.objects.get(verb="remove account")
        assert (said.project, said.subject) == (town, ben.username)

    @pytest.mark.parametrize("why", ["an owner", "elsewhere too", "made elsewhere"])
    def test_one_beyond_reach_stays_and_the_reason_is_told(self, in_town, town, ben, why):
        if why == "an owner":
            set_role(project=town, user=ben, role="owner")
        elif why == "elsewhere too":
            set_role(project=a_project("harbor"), user=ben, role="viewer")
        else:
            User.objects.filter(pk=ben.pk).update(made_in=None)
        said = remove(in_town, ben, with_account="on").content.decode()
        told = {
            "an owner": "ben is an owner",
            "elsewhere too": "ben also belongs to a project that is not yours",
            "made elsewhere": "ben has an account that was not made in a project of yours",
        }
        assert told[why] in said
        ben.refresh_from_db()
        assert (ben.username, ben.is_active) == ("ben", True)
        assert town.memberships.filter(user=ben).exists()

    def test_two_projects_of_one_owner_are_both_left(self, town, owner, ben):
        harbor = a_project("harbor")
        set_role(project=harbor, user=owner, role="owner")
        set_role(project=harbor, user=ben, role="viewer")
        for project in (town, harbor, a_project("left long ago")):
            issue_api_key(project=project, name="theirs", scopes=["read"], actor=Actor(ben))
        assert remove_account(user=ben, actor=Actor(owner)).keys == 3
        assert not Membership.objects.filter(user=ben).exists()
        assert not ApiKey.objects.usable().exists()

    def test_apps_hear_of_it_once_the_name_is_neutral(self, ben):
        heard = []

        def receiver(sender, user, **given):
            heard.append(User.objects.get(pk=user.pk).username)

        signals.account_removed.connect(receiver)
        try:
            left = remove_account(user=ben, actor=COMMAND_LINE)
        finally:
            signals.account_removed.disconnect(receiver)
        assert heard == [left.name]
        with pytest.raises(Conflict, match="nothing left"):
            remove_account(user=ben, actor=COMMAND_LINE)

    def test_the_command_prints_the_name_that_stays(self, town, owner, ben):
        User.objects.filter(pk=ben.pk).update(made_in=None)
        printed = StringIO()
        call_command("remove_account", "ben", stdout=printed)
        assert NEUTRAL.fullmatch(printed.getvalue().strip())
        for name, sentence in (("ben", "no account"), ("b\0n", "no account")):
            with pytest.raises(CommandError, match=sentence):
                call_command("remove_account", name)
        with pytest.raises(CommandError, match="is the only owner of town"):
            call_command("remove_account", owner.username)
        owner.refresh_from_db()
        assert owner.is_active
        assert town.memberships.count() == 1


class TestPasswordLinks:
    NEW = {"password1": "two herons on a pole", "password2": "two herons on a pole"}

    def make(self, client, user):
        answer = client.post(f"/p/town/members/{user.pk}/password/")
        assert "no-store" in answer["Cache-Control"]
        (address,) = re.findall(
            r"http://testserver(/passwords/[\w-]{43}/)", answer.content.decode()
        )
        return address

    def test_it_sets_a_password_once_and_logs_in(self, in_town, ben):
        elsewhere, client = Client(), Client()
        elsewhere.login(username="ben", password=PASSWORD)
        address = self.make(in_town, ben)
        page = client.get(address)
        assert "A new password for ben" in page.content.decode()
        assert page["Referrer-Policy"] == "strict-origin"
        for wrong in ({"password1": "short", "password2": "short"}, {"password2": "another"}):
            assert client.post(address, {**self.NEW, **wrong}).status_code == 422
        assert client.post(address, self.NEW)["Location"] == "/"
        assert client.get("/account/").status_code == 200
        assert elsewhere.get("/account/")["Location"].startswith("/login/")
        assert Client().login(username="ben", password=self.NEW["password1"])
        for closed in (client.get(address), Client().post(address, self.NEW)):
            assert closed.status_code == 404
            assert "Ask an owner of your project for a new one." in closed.content.decode()
        verbs = set(AuditEvent.objects.values_list("verb", flat=True))
        assert {"make password link", "set password by link"} <= verbs

    def test_a_newer_one_replaces_it_and_a_day_ends_it(self, in_town, ben):
        first, second = self.make(in_town, ben), self.make(in_town, ben)
        assert [in_town.get(one).status_code for one in (first, second)] == [404, 200]
        link = ben.password_links.latest("pk")
        assert (link.expires_at - link.created_at).total_seconds() == 24 * 60 * 60
        ben.password_links.update(expires_at=link.created_at)
        assert in_town.get(second).status_code == 404

    @pytest.mark.parametrize("change", ["joins", "rises", "leaves", "is removed", "maker leaves"])
    def test_it_opens_nothing_once_the_account_is_beyond_reach(self, town, owner, ben, change):
        _, token = make_password_link(project=town, user=ben, owner=owner)
        assert password_link_of(token).user == ben
        if change == "joins":
            set_role(project=a_project("harbor"), user=ben, role="viewer")
        elif change == "rises":
            set_role(project=town, user=ben, role="owner")
        elif change == "leaves":
            town.memberships.filter(user=ben).delete()
        elif change == "is removed":
            remove_account(user=ben, actor=COMMAND_LINE)
        else:
            town.memberships.filter(user=owner).delete()
        with pytest.raises(NotFound):
            password_link_of(token)

    def test_accounts_beyond_reach_get_none_and_the_reason_is_told(self, in_town, town, owner):
        stranger = a_user("cal")
        set_role(project=town, user=stranger, role="viewer")
        answer = in_town.post(f"/p/town/members/{stranger.pk}/password/", follow=True)
        assert "cal has an account that was not made in a project of yours" in (
            answer.content.decode()
        )
        with pytest.raises(NotAllowed, match="is an owner"):
            make_password_link(project=town, user=owner, owner=owner)
