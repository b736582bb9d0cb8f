"""Settings from the environment: each is read once, checked, and refused with a sentence."""

from __future__ import annotations

import ipaddress
import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

MAX_DIGITS = 18
HOST_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
TRUE, FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


class SettingError(SystemExit):
    """A wrong setting. Being a SystemExit, it stops any process with its sentence alone."""


def text(name: str, default: str = "") -> str:
    """Return the variable, or the content of the file that NAME_FILE names."""
    if path := os.environ.get(f"{name}_FILE"):
        if name in os.environ:
            raise SettingError(f"{name} and {name}_FILE are both set; keep one of them.")
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except OSError as exc:
            raise SettingError(f"{name}_FILE cannot be read: {exc.strerror}.") from exc
        except UnicodeDecodeError as exc:
            raise SettingError(f"{name}_FILE cannot be read: it is not UTF-8.") from exc
    return os.environ.get(name, default).strip()


def flag(name: str, *, default: bool) -> bool:
    value = text(name).lower()
    if not value:
        return default
    if value in TRUE:
        return True
    if value in FALSE:
        return False
    raise SettingError(f"{name} must be true or false.")


def integer(name: str, default: int, *, low: int, high: int) -> int:
    value = text(name)
    if not value:
        return default
    is_number = value.isascii() and value.isdigit() and len(value) <= MAX_DIGITS
    if not is_number or not low <= int(value) <= high:
        raise SettingError(f"{name} must be a whole number from {low} to {high}.")
    return int(value)


def number(name: str, default: float, *, low: float, high: float) -> float:
    value = text(name)
    if not value:
        return default
    try:
        result = float(value)
    except ValueError:
        result = float("nan")
    if not low <= result <= high:
        raise SettingError(f"{name} must be a number from {low:g} to {high:g}.")
    return result


def choice(name: str, default: str, options: tuple[str, ...]) -> str:
    value = text(name, default)
    if value not in options:
        raise SettingError(f"{name} must be one of {', '.join(options)}.")
    return value


def names(name: str, default: str = "") -> list[str]:
    return [part.strip() for part in text(name, default).split(",") if part.strip()]


def sources(name: str) -> list[str]:
    """Return modules and files in a list with commas; a file that ends in .py as absolute path."""
    return [
        str(Path(part).expanduser().absolute()) if part.endswith(".py") else part
        for part in names(name)
    ]


def folder(name: str, default: Path) -> Path:
    """Return an absolute path; ``~`` is somebody's home."""
    try:
        return Path(text(name) or default).expanduser().absolute()
    except RuntimeError as exc:
        raise SettingError(f"{name} names the home of somebody who has none.") from exc


def web_address(name: str) -> str:
    """Return an http or https address without a trailing slash, or nothing."""
    value = text(name)
    if value:
        _check_web_address(name, value)
    return value.rstrip("/")


def origins(name: str) -> list[str]:
    """Return the http or https addresses in a list with commas."""
    values = names(name)
    for value in values:
        _check_web_address(name, value)
    return values


def networks(name: str) -> list[str]:
    """Return the networks (as CIDR), addresses and host names in a list with commas."""
    values = names(name)
    for value in values:
        try:
            ipaddress.ip_network(value, strict=False)
        except ValueError:
            is_name = HOST_NAME.fullmatch(value) and not value.replace(".", "").isdigit()
            if not is_name:
                raise SettingError(
                    f"{name} must be a list of networks (10.0.0.0/8), addresses and host names, "
                    "without ports."
                ) from None
    return values


def _check_web_address(name: str, value: str) -> None:
    parts = _split(name, value)
    if parts.scheme not in ("http", "https") or not parts.hostname or " " in value:
        raise SettingError(f"{name} must be an address that starts with http:// or https://.")


def _split(name: str, value: str) -> SplitResult:
    """Return the parts of an address; a fault is named without quoting it: it may be a secret."""
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError as exc:
        raise SettingError(
            f"{name} is not a valid address; percent-encode what is special in a password."
        ) from exc
    return parts


def broker(name: str, default: str) -> str:
    value = text(name, default)
    if not value.startswith(("redis://", "rediss://", "unix://", "redis+socket://")):
        raise SettingError(f"{name} must start with redis://, rediss:// or unix://.")
    _split(name, value)
    return value


def database(name: str, *, data_dir: Path, busy_seconds: int) -> dict[str, Any]:
    """Return Django's database settings for a postgresql:// or sqlite:// address.

    Without one it is the SQLite file in the data directory.
    """
    value = text(name)
    if not value:
        return _sqlite(data_dir / "evalhub.sqlite3", busy_seconds)
    parts = _split(name, value)
    if parts.scheme == "sqlite":
        if not parts.path.strip("/"):
            raise SettingError(f"{name} names no file; write sqlite:////path/to/file.")
        return _sqlite(Path(unquote(parts.path[1:])), busy_seconds)
    if parts.scheme not in ("postgres", "postgresql"):
        raise SettingError(f"{name} must start with postgresql:// or sqlite://.")
    if not parts.path.strip("/"):
        raise SettingError(f"{name} names no database.")
    options = dict(parse_qsl(parts.query))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path[1:]),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": options.pop("host", unquote(parts.hostname or "")),
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        # Only `evalhub.prepared` asks through cursors that can prepare; these always do.
        "OPTIONS": {"connect_timeout": 10, "prepare_threshold": 0, **options},
    }


def _sqlite(path: Path, busy_seconds: int) -> dict[str, Any]:
    return {
        "ENGINE": "evalhub.fair_sqlite3",
        "NAME": str(path),
        "CONN_MAX_AGE": 60,
        "OPTIONS": {
            # IMMEDIATE: a transaction that reads first and writes later fails at once
            # in WAL mode when another writer came between, whatever the timeout.
            "transaction_mode": "IMMEDIATE",
            "timeout": busy_seconds,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
        },
    }
