"""Invitations by link: whom they let in, as what, how often, and what a closed one says."""

from __future__ import annotations

import re
import threading
from collections import Counter
from contextlib import suppress
from datetime import timedelta

import pytest
from django.contrib.auth import authenticate
from django.db import connection, connections
from django.test import Client
from django.utils import timezone

from evalhub.accounts import signals
from evalhub.accounts.capabilities import ALL, capabilities_of_role
from evalhub.accounts.invitations import MAX_USES, Offer, accept, invite, revoke
from evalhub.accounts.links import digest_of_token
from evalhub.accounts.models import AuditEvent, Invitation, LoginFailure, Membership, User
from evalhub.accounts.services import (
    COMMAND_LINE,
    MAX_FAILURES,
    Actor,
    create_user,
    set_role,
)
from evalhub.errors import Conflict, ContentError, Gone, NotAllowed
from tests.factories import a_key, a_member, a_project, a_user

pytestmark = pytest.mark.django_db

PASSWORD = "a heron on a pole"
PAGE, REST = "/p/town/invitations/", "/api/v1/projects/town/invitations"
LINK = re.compile(r"http://testserver(/invitations/[\w-]{43}/)")
BEN = {"do": "join", "username": "ben", "password1": PASSWORD, "password2": PASSWORD}


@pytest.fixture
def town():
    return a_project("town")


@pytest.fixture
def owner(town):
    return a_member(town, "owner")


def an_invitation(project, role="annotator", *, by=None, **more):
    """Return an invitation and the address of its link."""
    invitation, token = invite(
        project=project,
        offer=Offer(role=role, **more),
        actor=Actor(user=by),
        capabilities=ALL,
    )
    return invitation, f"/invitations/{token}/"


def expire(invitation):
    Invitation.objects.filter(pk=invitation.pk).update(expires_at=timezone.now())


def place(project, user):
    return project.memberships.get(user=user).place


class TestMaking:
    def test_the_link_is_shown_once_and_only_its_digest_is_kept(self, client, town, owner):
        client.force_login(owner)
        given = {"note": "Ben", "role": "limited", "max_uses": 3, "days": 2}
        answer = client.post(PAGE, given)
        (address,) = LINK.findall(answer.content.decode())
        token = address.split("/")[2]
        one = Invitation.objects.get()
        assert one.digest == digest_of_token(token)
        assert (one.role, one.is_limited, one.max_uses) == ("annotator", True, 3)
        assert one.expires_at - one.created_at == timedelta(days=2)
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM accounts_invitation")
            kept = repr(cursor.fetchall())
        shown = client.get(PAGE).content.decode()
        assert "Ben" in shown
        assert token not in kept + shown + repr(list(AuditEvent.objects.values()))
        assert "no-store" in answer["Cache-Control"]

    def test_owners_invite_everybody_and_leads_those_who_label(self, town):
        made = {}
        for inviting in Membership.Role.values:
            for role in Membership.Role.values:
                with suppress(NotAllowed):
                    invite(
                        project=town,
                        offer=Offer(role=role),
                        actor=COMMAND_LINE,
                        capabilities=capabilities_of_role(inviting),
                    )
                    made.setdefault(inviting, set()).add(role)
        everybody = set(Membership.Role.values)
        assert made == {"owner": everybody, "lead": {"annotator", "expert"}}

    @pytest.mark.parametrize(
        ("given", "field"),
        [
            ({"role": "king"}, "role"),
            ({"role": "expert", "is_limited": True}, "is_limited"),
            ({"note": "n" * 101}, "note"),
            ({"note": "a\0"}, "note"),
            ({"note": "a\nb"}, "note"),
            ({"max_uses": 0}, "max_uses"),
            ({"max_uses": MAX_USES + 1}, "max_uses"),
            ({"days": 0}, "days"),
            ({"days": 91}, "days"),
        ],
    )
    def test_what_cannot_be_is_named_and_makes_none(self, town, given, field):
        with pytest.raises(ContentError) as refusal:
            an_invitation(town, **{"role": "annotator", **given})
        assert [error.field for error in refusal.value.errors] == [field]
        assert not Invitation.objects.exists()

    def test_a_lead_sees_the_page_and_may_not_choose_owners(self, client, town):
        client.force_login(a_member(town, "lead"))
        shown = client.get(PAGE).content.decode()
        assert re.findall(r'<option value="(\w+)"', shown) == ["expert", "annotator", "limited"]
        assert "/p/town/members/" not in shown
        assert client.post(PAGE, {"role": "owner", "max_uses": 1, "days": 1}).status_code == 422

    def test_who_steps_down_or_is_removed_leaves_no_link_they_could_not_make(self, town, owner):
        a_member(town, "owner")
        labels, _ = an_invitation(town, "annotator", by=owner)
        owns, _ = an_invitation(town, "owner", by=owner)
        set_role(project=town, user=owner, role="lead")
        states = {one.role: one.state for one in Invitation.objects.all()}
        assert states == {"annotator": "open", "owner": "revoked"}
        said = AuditEvent.objects.get(verb="revoke invitation")
        assert said.subject == owns.public_id != labels.public_id


class TestArriving:
    def test_a_stranger_chooses_name_and_password_and_lands_logged_in(self, client, town, owner):
        invitation, address = an_invitation(town, "expert", by=owner)
        page = client.get(address).content.decode()
        assert owner.username in page
        assert "at least 10 characters" in page
        answer = client.post(address, BEN)
        assert (answer.status_code, answer["Location"]) == (302, "/p/town/")
        assert client.get("/p/town/").status_code == 200
        ben = User.objects.get(username="ben")
        assert place(town, ben) == "expert"
        assert authenticate(username="ben", password=PASSWORD) == ben
        said = AuditEvent.objects.get(verb="accept invitation")
        assert (said.user, said.subject) == (ben, invitation.public_id)
        assert Invitation.objects.get().state == "used"

    @pytest.mark.parametrize(
        ("given", "field"),
        [
            ({"username": ""}, "username"),
            ({"username": "b n"}, "username"),
            ({"username": "removed person 3f2a"}, "username"),
            ({"password1": "short", "password2": "short"}, "password1"),
            ({"password1": "password123", "password2": "password123"}, "password1"),
            ({"password2": "not the same"}, "password2"),
        ],
    )
    def test_what_cannot_be_is_named_and_takes_no_place(self, client, town, given, field):
        _, address = an_invitation(town)
        answer = client.post(address, {**BEN, **given})
        assert answer.status_code == 422
        assert list(answer.context["form"].errors) == [field]
        assert not User.objects.exists()
        assert Invitation.objects.get().uses == 0

    def test_a_name_that_differs_by_capitals_alone_is_taken(self, client, town):
        create_user(username="Ben", password=PASSWORD)
        _, address = an_invitation(town)
        answer = client.post(address, BEN)
        assert "This name is taken." in answer.content.decode()
        assert User.objects.count() == 1

    def test_the_link_does_not_go_on_telling_which_names_are_taken(self, client, town):
        create_user(username="ben", password=PASSWORD)
        _, address = an_invitation(town)
        for _ in range(MAX_FAILURES + 1):
            assert client.post(address, BEN).status_code == 422
        for name in ("ben", "cal"):
            answer = client.post(address, {**BEN, "username": name})
            assert answer.status_code == 429
            assert "Try again in 15 minutes." in answer.content.decode()
        LoginFailure.objects.update(at=timezone.now() - timedelta(minutes=16))
        assert client.post(address, {**BEN, "username": "cal"}).status_code == 302

    def test_who_has_an_account_logs_in_there_and_guessing_is_slowed_down(self, client, town):
        ben = create_user(username="ben", password=PASSWORD)
        _, address = an_invitation(town)
        given = {"do": "login", "login-username": "ben", "login-password": "not it at all"}
        for _ in range(MAX_FAILURES):
            assert client.post(address, given).status_code == 422
        given["login-password"] = PASSWORD
        assert "Try again" in client.post(address, given).content.decode()
        LoginFailure.objects.all().delete()
        assert client.post(address, given)["Location"] == "/p/town/"
        assert place(town, ben) == "annotator"

    def test_who_is_logged_in_accepts_with_one_click(self, client, town):
        ben = a_user("ben")
        client.force_login(ben)
        _, address = an_invitation(town, is_limited=True)
        assert "Join as ben" in client.get(address).content.decode()
        assert client.post(address)["Location"] == "/p/town/"
        assert place(town, ben) == "limited"

    def test_a_form_from_elsewhere_is_refused(self, town):
        _, address = an_invitation(town)
        strict = Client(enforce_csrf_checks=True)
        assert strict.post(address, BEN).status_code == 403
        strict.force_login(a_user())
        assert strict.post(address).status_code == 403
        assert not Membership.objects.exists()

    def test_an_app_says_where_to_land(self, client, town):
        heard = []

        def receiver(sender, **given):
            heard.append((given["invitation"], given["user"], given["membership"].role))
            return "/there/"

        ben = a_user("ben")
        client.force_login(ben)
        invitation, address = an_invitation(town)
        signals.invitation_accepted.connect(receiver)
        try:
            assert client.post(address)["Location"] == "/there/"
        finally:
            signals.invitation_accepted.disconnect(receiver)
        assert heard == [(invitation, ben, "annotator")]


class TestMembers:
    @pytest.mark.parametrize(
        ("before", "offered", "after"),
        [
            ("owner", "annotator", "owner"),
            ("lead", "expert", "lead"),
            ("expert", "annotator", "expert"),
            ("annotator", "expert", "expert"),
            ("viewer", "lead", "lead"),
            ("limited", "annotator", "annotator"),
            ("annotator", "limited", "annotator"),
            ("limited", "limited", "limited"),
            ("limited", "expert", "expert"),
            ("viewer", "annotator", None),
            ("annotator", "viewer", None),
        ],
    )
    def test_the_role_that_does_more_stays(self, town, before, offered, after):
        def parts(name):
            limited = name == "limited"
            return {"role": "annotator" if limited else name, "is_limited": limited}

        ben = a_user("ben")
        set_role(project=town, user=ben, **parts(before))
        invitation, _ = an_invitation(town, **parts(offered))
        if after is None:
            with pytest.raises(Conflict, match="nobody is both"):
                accept(invitation=invitation, user=ben)
        else:
            assert accept(invitation=invitation, user=ben).was_member
        assert place(town, ben) == (after or before)
        invitation.refresh_from_db()
        assert invitation.uses == (after not in {None, before})

    def test_they_are_told_so(self, client, town, owner):
        client.force_login(owner)
        _, address = an_invitation(town, by=owner)
        page = client.get(address).content.decode()
        assert "You are <b>owner</b> of this project already" in page

    def test_a_second_click_gives_the_same_and_takes_no_place(self, client, town):
        client.force_login(a_user("ben"))
        _, address = an_invitation(town)
        for _ in range(2):
            assert client.post(address)["Location"] == "/p/town/"
        assert client.get(address).status_code == 200
        assert Invitation.objects.get().uses == 1

    def test_who_was_removed_does_not_come_back_by_the_same_link(self, client, town, owner):
        ben = a_user("ben")
        invitation, address = an_invitation(town, note="all", max_uses=5)
        accept(invitation=invitation, user=ben)
        client.force_login(owner)
        removed = client.post(f"/p/town/members/{ben.pk}/", {"role": "remove"}, follow=True)
        assert "“all” let ben in and is still open" in removed.content.decode()
        client.force_login(ben)
        answer = client.post(address)
        assert answer.status_code == 403
        assert "You were taken out of town" in answer.content.decode()
        assert not town.memberships.filter(user=ben).exists()


class TestClosed:
    UNKNOWN = "/invitations/" + "x" * 43 + "/"

    def closed(self, town):
        """Return an address for each way in which a link can be closed."""
        (used, a), (expired, b), (revoked, c) = (an_invitation(town) for _ in range(3))
        accept(invitation=used, user=a_user())
        expire(expired)
        revoke(invitation=revoked, actor=COMMAND_LINE)
        return {"used": a, "expired": b, "revoked": c, "unknown": self.UNKNOWN}

    def test_each_says_so_with_the_way_out_and_lets_nobody_in(self, client, town):
        addresses = {**self.closed(town), "no token": "/invitations/.../"}
        said = {}
        for what, address in addresses.items():
            for ask in (client.get, lambda to: client.post(to, BEN)):
                answer = ask(address)
                words = answer.content.decode()
                assert "Ask whoever sent it for a new one." in words
                assert "town" not in words
                said.setdefault(what, set()).add(
                    (answer.status_code, re.search(r'<p class="soft">(.*?)</p>', words)[1])
                )
        assert {what: len(one) for what, one in said.items()} == dict.fromkeys(addresses, 1)
        assert said["revoked"] == said["unknown"] == said["no token"]
        statuses = {what: status for what, ((status, _),) in said.items()}
        assert statuses == {
            **{"used": 410, "expired": 410},
            **{"revoked": 404, "unknown": 404, "no token": 404},
        }
        assert not User.objects.filter(username="ben").exists()

    def test_no_page_of_a_link_tells_where_one_was_or_is_kept(self, client, town):
        _, open_one = an_invitation(town)
        for address in (open_one, *self.closed(town).values()):
            answer = client.get(address)
            # With no-referrer, Chromium sends forms with "Origin: null", and Django refuses them.
            assert answer["Referrer-Policy"] == "strict-origin"
            assert "no-store" in answer["Cache-Control"]

    def test_the_log_does_not_name_the_link(self, client, town, caplog):
        _, address = an_invitation(town)
        with caplog.at_level("INFO"):
            client.get(address)
        (line,) = [one for one in caplog.records if one.name == "evalhub.access"]
        assert line.fields["route"] == "invitations/<str:invitation_token>/"
        assert address.split("/")[2] not in repr([one.__dict__ for one in caplog.records])

    def test_a_button_revokes_and_who_came_by_it_stays(self, client, town, owner):
        invitation, address = an_invitation(town, max_uses=2)
        ben = a_user("ben")
        accept(invitation=invitation, user=ben)
        client.force_login(owner)
        answer = client.post(f"{PAGE}{invitation.public_id}/revoke/", follow=True)
        assert "lets nobody in any more" in answer.content.decode()
        assert Client().get(address).status_code == 404
        assert place(town, ben) == "annotator"
        strange = client.post("/p/town/invitations/inv_none/revoke/")
        assert strange.status_code == 404


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_as_many_come_in_as_there_are_places():
    project = a_project()
    invitation, _ = an_invitation(project, max_uses=3)
    people = [a_user() for _ in range(6)]
    start, outcomes = threading.Barrier(12), []

    def come(user):
        start.wait()
        try:
            accept(invitation=Invitation.objects.get(pk=invitation.pk), user=user)
            outcomes.append((user.pk, "in"))
        except Gone:
            outcomes.append((user.pk, "late"))
        finally:
            connections.close_all()

    # Everybody clicks twice.
    threads = [threading.Thread(target=come, args=(user,)) for user in people * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    invitation.refresh_from_db()
    inside = set(project.memberships.values_list("user", flat=True))
    assert invitation.uses == len(inside) == invitation.used_by.count() == 3
    assert Counter(outcomes) == {
        (one.pk, "in" if one.pk in inside else "late"): 2 for one in people
    }


class TestRest:
    @pytest.fixture
    def headers(self, town):
        return a_key(town)

    def post(self, client, headers, body, **more):
        given = {"content_type": "application/json", "headers": {**headers, **more}}
        return client.post(REST, body, **given)

    def test_an_invitation_is_made_listed_and_revoked(self, client, town, headers):
        body = {"role": "annotator", "is_limited": True, "note": "Ben", "max_uses": 2, "days": 7}
        made = self.post(client, headers, body)
        assert made.status_code == 201
        link = made.json().pop("link")
        assert LINK.fullmatch(link)
        assert Client().get(link).status_code == 200
        (listed,) = client.get(REST, headers=headers).json()["data"]
        assert listed == {name: made.json()[name] for name in listed}
        assert {**made.json(), "link": None}.keys() - listed.keys() == {"link"}
        assert (listed["state"], listed["uses"], listed["max_uses"]) == ("open", 0, 2)
        address = f"{REST}/{listed['id']}"
        for _ in range(2):
            gone = client.delete(address, headers=headers)
            assert (gone.status_code, gone.json()["state"]) == (200, "revoked")
        assert Client().get(link).status_code == 404
        assert client.delete(f"{REST}/inv_none", headers=headers).status_code == 404

    def test_a_key_reaches_no_further_than_a_lead(self, client, town):
        headers = a_key(town, "owner")
        for role in ("owner", "lead", "viewer"):
            answer = self.post(client, headers, {"role": role})
            assert answer.status_code == 403
            assert "need an owner" in answer.json()["detail"]
        assert self.post(client, headers, {"role": "king"}).status_code == 422
        assert not Invitation.objects.exists()

    def test_a_repeated_request_gets_the_same_without_the_link(self, client, headers):
        said = {"Idempotency-Key": "once"}
        first = self.post(client, headers, {"role": "annotator"}, **said).json()
        again = self.post(client, headers, {"role": "annotator"}, **said).json()
        assert again == {**first, "link": None}
        assert Invitation.objects.count() == 1

    def test_the_list_comes_in_pages(self, client, town, headers):
        made = [an_invitation(town)[0].public_id for _ in range(3)]
        first = client.get(f"{REST}?limit=2", headers=headers).json()
        rest = client.get(f"{REST}?cursor={first['next_cursor']}", headers=headers).json()
        ids = [one["id"] for one in [*first["data"], *rest["data"]]]
        assert (ids, rest["next_cursor"]) == (made[::-1], None)
