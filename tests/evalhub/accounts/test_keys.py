"""API keys: shown once, kept as a digest, bounded by scopes, noted when used, ended at once."""

import re
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command, load_command_class
from django.db import OperationalError, connection
from django.utils import timezone

from evalhub.accounts import authentication
from evalhub.accounts.capabilities import SCOPES
from evalhub.accounts.keys import digest_of, new_key, prefix_of
from evalhub.accounts.models import ApiKey, AuditEvent
from evalhub.accounts.services import COMMAND_LINE, issue_api_key, revoke_api_key
from evalhub.errors import ContentError
from tests.factories import a_key, a_member, a_project

pytestmark = pytest.mark.django_db

KEYS = "/p/town/keys/"
DATASETS = "/api/v1/projects/town/datasets"
FORM = re.compile(r"evh_[0-9a-f]{10}_[0-9a-f]{48}")


@pytest.fixture
def town():
    return a_project("town")


@pytest.fixture
def in_town(client, town):
    client.force_login(a_member(town, "owner"))
    return client


def bearer(secret):
    return {"Authorization": f"Bearer {secret}"}


def issue(project, *scopes):
    return issue_api_key(project=project, name="script", scopes=list(scopes or SCOPES))


class TestMaking:
    def test_the_secret_is_shown_once_and_only_its_digest_is_kept(self, in_town, town):
        answer = in_town.post(KEYS, {"name": "nightly", "scopes": ["read", "submit"]})
        (secret,) = set(FORM.findall(answer.content.decode()))
        key = ApiKey.objects.get()
        assert (key.prefix, key.digest) == (prefix_of(secret), digest_of(secret))
        assert key.scopes == ["read", "submit"]
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM accounts_apikey")
            kept = repr(cursor.fetchall())
        assert key.prefix in kept
        assert secret.rpartition("_")[2] not in kept
        shown = in_town.get(KEYS).content.decode()
        assert key.prefix in shown
        assert not FORM.search(shown)
        assert in_town.get(DATASETS, headers=bearer(secret)).status_code == 200

    def test_no_cache_keeps_the_page_that_shows_it(self, in_town):
        answer = in_town.post(KEYS, {"name": "nightly", "scopes": ["read"]})
        assert "no-store" in answer["Cache-Control"]

    def test_the_log_of_what_was_done_names_the_prefix_alone(self, town):
        key, secret = issue(town)
        said = AuditEvent.objects.get()
        assert (said.verb, said.subject) == ("issue key", key.prefix)
        assert secret not in repr(said.detail)

    @pytest.mark.parametrize(
        "given",
        [
            {},
            {"name": "nightly"},
            {"scopes": ["read"]},
            {"name": "   ", "scopes": ["read"]},
            {"name": "nightly", "scopes": ["own"]},
            {"name": "nightly", "scopes": ["read", "root"]},
            {"name": "n" * 101, "scopes": ["read"]},
            {"name": "nightly\0", "scopes": ["read"]},
            {"name": "night\u202ely", "scopes": ["read"]},
        ],
    )
    def test_a_form_that_says_too_little_or_too_much_makes_none(self, in_town, given):
        answer = in_town.post(KEYS, given)
        assert answer.status_code == 422
        assert answer.context["form"].errors
        assert not ApiKey.objects.exists()

    @pytest.mark.parametrize("name", ["", " ", "n" * 101, "a\nb", "\udcff", "a\0"])
    def test_a_name_that_cannot_be_shown_makes_none(self, town, name):
        with pytest.raises(ContentError, match="name"):
            issue_api_key(project=town, name=name, scopes=["read"])

    @pytest.mark.parametrize("scopes", [[], ["own"], ["read", "everything"]])
    def test_unknown_scopes_make_none(self, town, scopes):
        with pytest.raises(ContentError, match="scopes"):
            issue_api_key(project=town, name="script", scopes=scopes)

    def test_two_keys_have_nothing_in_common(self):
        (first, secret), (second, other) = new_key(), new_key()
        assert first != second
        assert secret.rpartition("_")[2] != other.rpartition("_")[2]
        assert len(secret.rpartition("_")[2]) * 4 == 192


class TestBearing:
    @pytest.mark.parametrize(
        "header",
        [
            None,
            "",
            "Bearer",
            "Bearer ",
            "Bearer x",
            "Bearer evh__",
            "Bearer evh_\0\0\0\0\0\0\0\0\0\0_" + "0" * 48,
            "Bearer evh_0123456789_" + "0" * 48,
            "Bearer evh_0123456789_" + "é" * 48,
            "Bearer " + "evh_" * 20_000,
            "Basic YWRhOnBhc3N3b3Jk",
            "Token evh_0123456789_" + "0" * 48,
        ],
    )
    def test_without_a_key_that_is_one_nothing_opens(self, client, town, header):
        headers = {} if header is None else {"Authorization": header}
        answer = client.get(DATASETS, headers=headers)
        assert answer.status_code == 401
        assert answer["WWW-Authenticate"] == "Bearer"
        assert answer.json()["code"] == "unauthenticated"
        assert answer.json()["detail"]

    def test_the_right_prefix_with_another_secret_does_not(self, client, town):
        key, _ = issue(town)
        forged = f"evh_{key.prefix}_{'0' * 48}"
        assert client.get(DATASETS, headers=bearer(forged)).status_code == 401
        key.refresh_from_db()
        assert key.last_used_at is None

    def test_a_session_is_no_key(self, in_town):
        assert in_town.get(DATASETS).status_code == 401

    def test_a_key_opens_no_page(self, client, town):
        assert client.get(KEYS, headers=a_key(town, "owner"))["Location"].startswith("/login/")

    def test_a_key_reaches_its_own_project_alone(self, client, town):
        a_project("harbor")
        answer = client.get("/api/v1/projects/harbor/datasets", headers=a_key(town))
        assert answer.status_code == 404

    @pytest.mark.parametrize("scope", sorted(set(SCOPES) - {"read"}))
    def test_another_scope_is_told_which_it_lacks(self, client, town, scope):
        _, secret = issue(town, scope)
        answer = client.get(DATASETS, headers=bearer(secret))
        assert answer.status_code == 403
        assert answer.json()["detail"].endswith("scope for it: read.")

    def test_the_scheme_may_be_written_in_any_case(self, client, town):
        _, secret = issue(town)
        headers = {"Authorization": f"bearer   {secret} "}
        assert client.get(DATASETS, headers=headers).status_code == 200

    def test_what_a_key_does_is_noted_with_the_key(self, client, town):
        client.post(
            DATASETS,
            {"name": "tides"},
            content_type="application/json",
            headers=a_key(town, "lead"),
        )
        said = AuditEvent.objects.get(verb="create dataset")
        assert said.api_key == ApiKey.objects.get()


class TestLastUse:
    def test_it_is_noted_to_the_minute(self, client, town):
        key, secret = issue(town)

        def used():
            assert client.get(DATASETS, headers=bearer(secret)).status_code == 200
            key.refresh_from_db()
            return key.last_used_at

        first = used()
        assert timezone.now() - first < timedelta(seconds=10)
        assert used() == first
        ApiKey.objects.update(last_used_at=first - timedelta(seconds=59))
        assert used() == first - timedelta(seconds=59)
        ApiKey.objects.update(last_used_at=first - timedelta(seconds=61))
        assert used() >= first

    def test_a_refused_key_is_not_a_used_one(self, client, town):
        key, secret = issue(town)
        revoke_api_key(key=key, actor=COMMAND_LINE)
        client.get(DATASETS, headers=bearer(secret))
        key.refresh_from_db()
        assert key.last_used_at is None

    @pytest.mark.django_db(transaction=True)
    def test_a_database_too_busy_to_note_it_does_not_fail_the_request(self, client, town):
        _, secret = issue(town)

        def refuse(execute, sql, params, many, context):
            if sql.startswith("UPDATE"):
                raise OperationalError("database is locked")
            return execute(sql, params, many, context)

        with connection.execute_wrapper(refuse):
            assert client.get(DATASETS, headers=bearer(secret)).status_code == 200
        assert timedelta(minutes=1) == authentication.USED_EVERY


class TestRevoking:
    def test_it_works_no_more_at_once_and_for_good(self, in_town, town):
        key, secret = issue(town)
        assert in_town.get(DATASETS, headers=bearer(secret)).status_code == 200
        assert in_town.post(f"{KEYS}{key.prefix}/revoke/")["Location"] == KEYS
        answer = in_town.get(DATASETS, headers=bearer(secret))
        assert answer.status_code == 401
        assert "revoked" in answer.json()["detail"]

    def test_revoked_twice_it_keeps_its_moment_and_is_told_once(self, in_town, town):
        key, _ = issue(town)
        in_town.post(f"{KEYS}{key.prefix}/revoke/")
        key.refresh_from_db()
        first = key.revoked_at
        in_town.post(f"{KEYS}{key.prefix}/revoke/")
        key.refresh_from_db()
        assert key.revoked_at == first
        assert AuditEvent.objects.filter(verb="revoke key").count() == 1

    @pytest.mark.parametrize("prefix", ["0123456789", "x", "%20", "é"])
    def test_an_unknown_key_is_not_there(self, in_town, prefix):
        assert in_town.post(f"{KEYS}{prefix}/revoke/").status_code == 404

    def test_the_key_of_another_project_is_not_there(self, in_town):
        key, _ = issue(a_project())
        assert in_town.post(f"{KEYS}{key.prefix}/revoke/").status_code == 404
        key.refresh_from_db()
        assert key.revoked_at is None

    def test_looking_at_the_address_revokes_nothing(self, in_town, town):
        key, _ = issue(town)
        assert in_town.get(f"{KEYS}{key.prefix}/revoke/").status_code == 405
        key.refresh_from_db()
        assert key.revoked_at is None


class TestCommand:
    def run(self, *arguments):
        printed = StringIO()
        call_command("create_api_key", *arguments, stdout=printed)
        return printed.getvalue()

    def test_its_help_says_which_role_has_which_scopes(self):
        words = " ".join(
            load_command_class("evalhub.accounts", "create_api_key")
            .create_parser("manage.py", "create_api_key")
            .format_help()
            .split()
        )
        assert "lead: read, submit, label, admin; expert: read, label; annotator: label" in words

    def test_it_prints_the_key_alone(self, client, town):
        printed = self.run("--project", "town", "--name", "nightly")
        assert FORM.fullmatch(printed.removesuffix("\n"))
        assert client.get(DATASETS, headers=bearer(printed.strip())).status_code == 200
        assert ApiKey.objects.get().name == "nightly"

    @pytest.mark.parametrize(
        ("role", "scopes"),
        [
            ("owner", list(SCOPES)),
            ("lead", list(SCOPES)),
            ("expert", ["read", "label"]),
            ("annotator", ["label"]),
            ("viewer", ["read"]),
        ],
    )
    def test_the_key_may_do_what_the_role_may(self, town, role, scopes):
        self.run("--project", "town", "--name", "nightly", "--role", role)
        assert ApiKey.objects.get().scopes == scopes

    def test_without_a_role_it_is_a_leads(self, town):
        self.run("--project", "town", "--name", "nightly")
        assert ApiKey.objects.get().scopes == list(SCOPES)

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["--project", "nowhere", "--name", "n"], "There is no project 'nowhere'."),
            (["--project", "\udcff", "--name", "n"], "There is no project '\\udcff'."),
            (["--project", "town", "--name", " "], "needs a name"),
            (["--project", "town", "--name", "\udcff"], "needs a name"),
            (["--project", "town", "--name", "n", "--role", "king"], "invalid choice: 'king'"),
            (["--project", "town"], "--name"),
            (["--name", "n"], "--project"),
        ],
    )
    def test_what_cannot_be_is_told_in_a_sentence(self, town, arguments, said):
        with pytest.raises(CommandError, match=re.escape(said)):
            self.run(*arguments)
        assert not ApiKey.objects.exists()
