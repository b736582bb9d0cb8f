"""System checks: what is said about an installation, and when nothing is."""

import sqlite3

import pytest

from evalhub import checks

PRODUCTION = {
    "MODE": "production",
    "REDIS_URL": "redis://redis:6379/0",
    "ALLOWED_HOSTS": ["evalhub.example.org"],
    "SESSION_COOKIE_SECURE": True,
}


@pytest.fixture
def production(settings):
    for name, value in PRODUCTION.items():
        setattr(settings, name, value)
    return settings


def ids(found):
    return [message.id for message in found]


def test_a_sound_production_installation_hears_nothing(production):
    assert ids(checks.check_production_addresses(None)) == []
    assert ids(checks.check_secret_key(None)) == []


def test_the_embedded_default_hears_nothing_of_production(settings):
    settings.MODE = "embedded"
    assert checks.check_production_services(None) == []
    assert checks.check_production_addresses(None) == []


@pytest.mark.parametrize("secret", ["secret", "a" * 80])
def test_a_weak_secret_is_named(settings, secret):
    settings.SECRET_KEY = secret
    assert ids(checks.check_secret_key(None)) == ["evalhub.W001"]


@pytest.mark.sqlite
def test_production_on_sqlite_is_an_error(production):
    assert ids(checks.check_production_services(None)) == ["evalhub.E001"]


@pytest.mark.postgres
def test_production_on_postgresql_is_fine(production):
    assert ids(checks.check_production_services(None)) == []


def test_production_on_the_embedded_broker_is_an_error(production):
    production.REDIS_URL = "unix:///var/lib/evalhub/run/valkey.sock"
    assert "evalhub.E002" in ids(checks.check_production_services(None))


@pytest.mark.parametrize(
    ("setting", "value", "expected"),
    [
        ("ALLOWED_HOSTS", ["*"], ["evalhub.E003"]),
        ("ALLOWED_HOSTS", ["localhost"], ["evalhub.W002"]),
        ("SESSION_COOKIE_SECURE", False, ["evalhub.W003"]),
    ],
)
def test_what_others_could_abuse_or_not_reach_is_named(production, setting, value, expected):
    setattr(production, setting, value)
    assert ids(checks.check_production_addresses(None)) == expected


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("version", "expected"), [((3, 40, 1), ["evalhub.W004"]), ((3, 51, 3), []), ((3, 52, 0), [])]
)
def test_an_old_sqlite_is_named_where_it_is_used(monkeypatch, version, expected):
    monkeypatch.setattr(sqlite3, "sqlite_version_info", version)
    assert ids(checks.check_sqlite_version(None, databases=["default"])) == expected


def test_no_database_is_looked_at_unless_asked():
    assert checks.check_sqlite_version(None, databases=None) == []
