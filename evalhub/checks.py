"""System checks of the installation, with stable ids, so that one can be silenced by name."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import connections

from evalhub.embedded import FIXED_SQLITE, is_weak_secret

LOOPBACK = {"localhost", "127.0.0.1", "[::1]"}

Apps = Sequence[AppConfig] | None


def check_secret_key(app_configs: Apps, **_kwargs: Any) -> list[CheckMessage]:
    if not is_weak_secret(settings.SECRET_KEY):
        return []
    return [
        Warning(
            "EVALHUB_SECRET_KEY is weak: whoever guesses it can forge sessions.",
            hint="Leave it out: a strong one is made and kept in the data directory.",
            id="evalhub.W001",
        )
    ]


def check_production_services(app_configs: Apps, **_kwargs: Any) -> list[CheckMessage]:
    if settings.MODE != "production":
        return []
    found: list[CheckMessage] = []
    if connections["default"].vendor == "sqlite":
        found.append(
            Error(
                "Production runs on PostgreSQL, and DATABASE_URL names none.",
                hint="Set DATABASE_URL=postgresql://user@host/name, or leave EVALHUB_MODE out.",
                id="evalhub.E001",
            )
        )
    if settings.REDIS_URL.startswith("unix://"):
        found.append(
            Error(
                "Production needs a Redis that all its machines reach, and REDIS_URL names none.",
                hint="Set REDIS_URL=redis://host:6379/0.",
                id="evalhub.E002",
            )
        )
    return found


def check_production_addresses(app_configs: Apps, **_kwargs: Any) -> list[CheckMessage]:
    if settings.MODE != "production":
        return []
    found: list[CheckMessage] = []
    if "*" in settings.ALLOWED_HOSTS:
        found.append(
            Error(
                "EVALHUB_ALLOWED_HOSTS takes any host name, which lets links be forged.",
                hint="Name the hosts: EVALHUB_ALLOWED_HOSTS=evalhub.example.org.",
                id="evalhub.E003",
            )
        )
    if set(settings.ALLOWED_HOSTS) <= LOOPBACK:
        found.append(
            Warning(
                "EVALHUB_ALLOWED_HOSTS names this machine alone: all other requests get 400.",
                hint="Name the hosts: EVALHUB_ALLOWED_HOSTS=evalhub.example.org.",
                id="evalhub.W002",
            )
        )
    if not settings.SESSION_COOKIE_SECURE:
        found.append(
            Warning(
                "Session cookies travel over plain HTTP, where others can read them.",
                hint="Serve over HTTPS and leave EVALHUB_HTTPS out.",
                id="evalhub.W003",
            )
        )
    return found


def check_sqlite_version(
    app_configs: Apps, databases: Sequence[str] | None = None, **_kwargs: Any
) -> list[CheckMessage]:
    on_sqlite = any(connections[name].vendor == "sqlite" for name in databases or ())
    if not on_sqlite or sqlite3.sqlite_version_info >= FIXED_SQLITE:
        return []
    return [
        Warning(
            f"SQLite {sqlite3.sqlite_version} lacks the fix for a rare loss of commits.",
            hint="EvalHub keeps clear of its known cause. PostgreSQL is free of it: DATABASE_URL.",
            id="evalhub.W004",
        )
    ]


def register_all() -> None:
    register(check_secret_key, Tags.security)
    register(check_production_services, Tags.compatibility)
    register(check_production_addresses, Tags.security)
    register(check_sqlite_version, Tags.database)
