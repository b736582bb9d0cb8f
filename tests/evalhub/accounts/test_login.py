"""The way in: names and passwords, guessing slowed down, sessions, the way out."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from evalhub.accounts.forms import TOO_MANY_FAILURES
from evalhub.accounts.models import LoginFailure, Membership, Project, User
from evalhub.accounts.services import FAILURES_WITHIN, MAX_FAILURES, create_user
from evalhub.errors import Conflict, ContentError
from tests.factories import a_member, a_project

pytestmark = pytest.mark.django_db

PASSWORD = "a heron on a pole"
LOGIN = "/login/"


@pytest.fixture
def ada():
    return create_user(username="ada", password=PASSWORD)


def log_in(client, name="ada", password=PASSWORD, **more):
    return client.post(LOGIN, {"username": name, "password": password, **more})


def fail(client, times, name="ada"):
    for number in range(times):
        answer = log_in(client, name, f"guess {number}")
        assert answer.status_code == 422
        assert "_auth_user_id" not in client.session
    return answer.content.decode()


class TestLogin:
    def test_a_name_and_its_password_open_the_home_page(self, client, ada):
        answer = log_in(client)
        assert (answer.status_code, answer["Location"]) == (302, "/")
        assert client.get("/").status_code == 200

    @pytest.mark.parametrize("name", ["ada", "nobody"])
    def test_a_wrong_password_and_an_unknown_name_are_told_alike(self, client, ada, name):
        answer = log_in(client, name, "not it at all")
        assert "This name and password do not belong together." in answer.content.decode()
        assert "_auth_user_id" not in client.session

    def test_an_account_switched_off_stays_out_and_is_out_at_once(self, client, ada):
        log_in(client)
        User.objects.filter(pk=ada.pk).update(is_active=False)
        assert client.get("/")["Location"].startswith(LOGIN)
        assert log_in(client).status_code == 422
        assert client.get("/")["Location"].startswith(LOGIN)

    def test_a_session_from_before_the_login_is_of_no_use_after_it(self, client, ada):
        planted = client.session
        planted["seen"] = "before"
        planted.save()
        client.cookies["evalhub_session"] = planted.session_key
        log_in(client)
        assert client.session.session_key != planted.session_key
        client.cookies["evalhub_session"] = planted.session_key
        assert client.get("/")["Location"].startswith(LOGIN)

    def test_a_form_from_elsewhere_is_refused(self, ada):
        strict = Client(enforce_csrf_checks=True)
        assert log_in(strict).status_code == 403

    @pytest.mark.parametrize("field", ["username", "password"])
    def test_an_empty_field_is_named(self, client, ada, field):
        answer = log_in(client, **{"name" if field == "username" else "password": ""})
        assert answer.status_code == 422
        assert answer.context["form"].errors[field]


class TestWhereToGoAfterwards:
    def test_back_to_the_page_that_asked(self, client, ada):
        a_project("town").memberships.create(user=ada, role="owner", created_at=timezone.now())
        asked = client.get("/p/town/members/")
        assert asked["Location"] == "/login/?next=/p/town/members/"
        answer = client.post(asked["Location"], {"username": "ada", "password": PASSWORD})
        assert answer["Location"] == "/p/town/members/"

    @pytest.mark.parametrize(
        "elsewhere",
        [
            "https://evil.example/",
            "//evil.example/",
            "///evil.example/",
            "http:evil.example",
            "https:///evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "javascript:alert(1)",
            "data:text/html,hello",
            "https://testserver@evil.example/",
            "\thttps://evil.example/",
            " //evil.example",
            "/login/",
            "/login/?next=/login/",
        ],
    )
    @pytest.mark.parametrize("how", ["query", "form"])
    def test_never_to_another_site_nor_in_circles(self, client, ada, elsewhere, how):
        form = {"username": "ada", "password": PASSWORD}
        if how == "query":
            answer = client.post(LOGIN, form, query_params={"next": elsewhere})
        else:
            answer = client.post(LOGIN, {**form, "next": elsewhere})
        assert (answer.status_code, answer["Location"]) == (302, "/")

    @pytest.mark.parametrize("given", ["/login/", "//evil.example/", "", "/account/"])
    def test_who_is_in_already_goes_on(self, client, ada, given):
        client.force_login(ada)
        answer = client.get(LOGIN, {"next": given})
        expected = given if given == "/account/" else "/"
        assert (answer.status_code, answer["Location"]) == (302, expected)


class TestGuessing:
    def test_a_name_that_failed_too_often_waits_even_with_the_right_password(self, client, ada):
        fail(client, MAX_FAILURES)
        answer = log_in(client)
        assert "Try again in 15 minutes." in answer.content.decode()
        assert "_auth_user_id" not in client.session

    def test_one_failure_less_still_opens(self, client, ada):
        fail(client, MAX_FAILURES - 1)
        assert log_in(client).status_code == 302

    def test_other_names_are_not_held_up(self, client, ada):
        create_user(username="ben", password=PASSWORD)
        fail(client, MAX_FAILURES)
        assert log_in(client, "ben").status_code == 302

    def test_a_name_nobody_has_is_held_up_alike(self, client):
        fail(client, MAX_FAILURES, "nobody")
        assert "Try again in 15 minutes." in fail(client, 1, "nobody")

    def test_another_spelling_of_the_name_is_the_same_name(self, client, ada):
        fail(client, MAX_FAILURES // 2, "ADA")
        fail(client, MAX_FAILURES - MAX_FAILURES // 2, " ada ")
        assert "Try again in 15 minutes." in log_in(client).content.decode()

    def test_forms_without_a_password_do_not_start_the_count_anew(self, client, ada):
        for _ in range(MAX_FAILURES):
            fail(client, 1)
            log_in(client, password="")
        assert "Try again in 15 minutes." in log_in(client).content.decode()

    def test_a_login_starts_the_count_anew(self, client, ada):
        fail(client, MAX_FAILURES - 1)
        log_in(client)
        client.post("/logout/")
        fail(client, MAX_FAILURES - 1)
        assert log_in(client).status_code == 302

    def test_the_wait_ends_and_old_failures_are_forgotten(self, client, ada):
        fail(client, MAX_FAILURES)
        fail(client, 1, "someone else")
        LoginFailure.objects.update(at=timezone.now() - FAILURES_WITHIN - timedelta(seconds=1))
        assert log_in(client).status_code == 302
        assert not LoginFailure.objects.exists()

    def test_no_name_is_kept_of_a_failure(self, client, ada):
        fail(client, 1)
        assert "ada" not in LoginFailure.objects.get().username_digest


class TestSession:
    def test_scripts_and_other_sites_do_not_get_the_cookie(self, client, ada):
        cookie = log_in(client).cookies["evalhub_session"]
        assert cookie["httponly"]
        assert cookie["samesite"] == "Lax"
        assert cookie["path"] == "/"
        assert not cookie["domain"]
        assert cookie["max-age"] == 14 * 24 * 60 * 60

    def test_over_https_the_cookies_never_travel_in_the_clear(self, client, ada, settings):
        settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True
        answer = log_in(client)
        assert answer.cookies["evalhub_session"]["secure"]
        assert answer.cookies["evalhub_csrf"]["secure"]

    def test_a_new_password_ends_other_sessions(self, client, ada):
        log_in(client)
        ada.set_password("another heron on a pole")
        ada.save()
        assert client.get("/")["Location"].startswith(LOGIN)


class TestLogout:
    def test_a_post_ends_the_session(self, client, ada):
        log_in(client)
        old = client.session.session_key
        answer = client.post("/logout/")
        assert (answer.status_code, answer["Location"]) == (302, LOGIN)
        client.cookies["evalhub_session"] = old
        assert client.get("/")["Location"].startswith(LOGIN)

    @pytest.mark.parametrize("method", ["get", "head", "put", "delete"])
    def test_nothing_else_does(self, client, ada, method):
        log_in(client)
        assert getattr(client, method)("/logout/").status_code == 405
        assert client.get("/").status_code == 200

    def test_a_form_from_elsewhere_does_not(self, ada):
        strict = Client(enforce_csrf_checks=True)
        strict.force_login(ada)
        assert strict.post("/logout/").status_code == 403
        assert strict.get("/").status_code == 200

    @pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example/"])
    def test_it_never_leads_to_another_site(self, client, ada, elsewhere):
        log_in(client)
        assert client.post("/logout/", {"next": elsewhere})["Location"] == LOGIN


class TestAccounts:
    @pytest.mark.parametrize("password", ["short", "password123", ""])
    def test_a_weak_password_is_refused_with_the_reason(self, password):
        with pytest.raises(ContentError, match="password"):
            create_user(username="ada", password=password)
        assert not User.objects.exists()

    @pytest.mark.parametrize("name", ["", "a b", "a\0b", "<ada>", "a" * 151, "ada\n"])
    def test_a_name_that_cannot_be_one_is_refused(self, name):
        with pytest.raises(ContentError):
            create_user(username=name, password=PASSWORD)
        assert not User.objects.exists()

    def test_a_name_is_given_once(self, ada):
        with pytest.raises((ContentError, Conflict), match="already"):
            create_user(username="ada", password=PASSWORD)

    def test_the_password_is_not_kept(self, ada):
        assert PASSWORD not in User.objects.get().password

    def test_the_account_page_shows_ones_own_projects(self, client):
        town, _other = a_project("town"), a_project("harbor")
        client.force_login(a_member(town, "expert"))
        shown = client.get(reverse("accounts:account")).content.decode()
        assert "town" in shown
        assert "harbor" not in shown


class TestCommand:
    def run(self, *arguments):
        printed = StringIO()
        call_command("create_user", *arguments, stdout=printed)
        return printed.getvalue().removesuffix("\n")

    def test_it_prints_the_first_password_alone(self, client):
        password = self.run("ada")
        assert log_in(client, password=password).status_code == 302
        assert not Membership.objects.exists()

    def test_it_opens_a_project_for_its_owner(self):
        self.run("ada", "--owner-of", "harbor")
        made = Membership.objects.get()
        assert (made.project.slug, made.role) == ("harbor", "owner")

    def test_a_project_that_is_there_gets_one_more_owner(self):
        town = a_project("town")
        for name in ("ada", "ben"):
            self.run(name, "--owner-of", "town")
        assert [one.role for one in town.memberships.all()] == ["owner", "owner"]

    @pytest.mark.parametrize(
        ("arguments", "sentence"),
        [
            (["a b"], "valid username"),
            (["ada"], "already"),
            (["ben", "--owner-of", "a/b"], "does not work"),
            (["ben", "--owner-of", "a\0b"], "does not work"),
            (["ben", "--owner-of", ""], "does not work"),
        ],
    )
    def test_what_cannot_be_is_refused_and_makes_nothing(self, ada, arguments, sentence):
        with pytest.raises(CommandError, match=sentence):
            self.run(*arguments)
        assert User.objects.count() == 1
        assert not Project.objects.exists()


class TestChangingAPassword:
    ADDRESS, NEW = "/account/password/", "two herons on a pole"

    def change(self, client, old=PASSWORD, new=NEW, again=None):
        fields = {"old_password": old, "new_password1": new, "new_password2": again or new}
        return client.post(self.ADDRESS, fields)

    def test_it_counts_from_now_on_and_ends_the_other_sessions_alone(self, client, ada):
        elsewhere = Client()
        log_in(client)
        log_in(elsewhere)
        answer = self.change(client)
        assert (answer.status_code, answer["Location"]) == (302, "/account/")
        assert "Your password is changed." in client.get("/account/").content.decode()
        assert elsewhere.get("/")["Location"].startswith(LOGIN)
        assert log_in(Client()).status_code == 422
        assert log_in(Client(), password=self.NEW).status_code == 302

    @pytest.mark.parametrize(
        ("given", "field"),
        [
            ({"old": "not it at all"}, "old_password"),
            ({"new": "short"}, "new_password1"),
            ({"new": "password123"}, "new_password1"),
            ({"again": "three herons"}, "new_password2"),
            ({"new": "two\0herons on a pole"}, "new_password1"),
        ],
    )
    def test_what_cannot_be_is_named_and_changes_nothing(self, client, ada, given, field):
        log_in(client)
        answer = self.change(client, **given)
        assert answer.status_code == 422
        assert next(iter(answer.context["form"].errors)) == field
        assert log_in(Client()).status_code == 302

    def test_who_has_a_session_alone_cannot_guess_the_password(self, client, ada):
        client.force_login(ada)
        for number in range(MAX_FAILURES):
            assert self.change(client, old=f"guess {number}").status_code == 422
        assert TOO_MANY_FAILURES in self.change(client).content.decode()

    def test_the_rule_is_said_before_and_the_account_page_leads_here(self, client, ada):
        client.force_login(ada)
        assert f'href="{self.ADDRESS}"' in client.get("/account/").content.decode()
        assert "at least 10 characters" in client.get(self.ADDRESS).content.decode()
