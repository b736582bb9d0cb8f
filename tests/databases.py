"""A database that all migrations have made, once, and copies of it for whoever needs one.

Migrating takes longer than most test modules, and a run of the tests needs two dozen databases:
one for each worker process and each service of a journey. What is copied is what the migrations
made, so nothing is proven less; that they make it from nothing is proven by the copied one itself.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import django
import psycopg
from psycopg import sql

BASE_DIR = Path(__file__).resolve().parent.parent
SQLITE_NAME = "evalhub.sqlite3"
# Kept from run to run, for as long as no migration changes.
_KEPT = BASE_DIR / ".pytest_cache" / "migrated"
# Made for one run, in the server that DATABASE_URL names, and dropped at its end.
_TEMPLATE = "evalhub_migrated_{}"


def clean_environment() -> dict[str, str]:
    """Return the environment without what the tests or whoever calls them set for EvalHub."""
    ours = ("EVALHUB_", "DJANGO_", "REDIS_", "PYTEST_", "COV_", "DATABASE_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


def copy_sqlite(path: Path) -> None:
    """Put a migrated database at the path, readable by its owner alone."""
    path.unlink(missing_ok=True)
    with _one_at_a_time(_KEPT):
        kept = _KEPT / f"{_digest_of_migrations()}.sqlite3"
        if not kept.exists():
            for old in _KEPT.glob("*.sqlite3"):
                old.unlink()
            with tempfile.TemporaryDirectory() as place:
                _migrate({"EVALHUB_DATA_DIR": place})
                shutil.copyfile(Path(place) / SQLITE_NAME, kept.with_suffix(".new"))
            kept.with_suffix(".new").rename(kept)
        shutil.copyfile(kept, path, follow_symlinks=False)
    path.chmod(0o600)


@contextmanager
def own_postgres(url: str, *, migrated: bool) -> Iterator[str]:
    """Yield the address of a new database in the server of that address; drop it at the end."""
    name = f"evalhub_journey_{secrets.token_hex(6)}"
    create_postgres(url, name, migrated=migrated)
    try:
        yield _beside(url, name)
    finally:
        _run(url, "DROP DATABASE IF EXISTS {} WITH (FORCE)", name)


def create_postgres(url: str, name: str, *, migrated: bool) -> None:
    """Make a database in the server of the address, in place of an old one of that name."""
    _run(url, "DROP DATABASE IF EXISTS {} WITH (FORCE)", name)
    if not migrated:
        _run(url, "CREATE DATABASE {}", name)
        return
    run = Path(os.environ["EVALHUB_TEST_DIR"])
    template = _TEMPLATE.format(run.name.rpartition("-")[2])
    made = run / "migrated-postgres"
    with _one_at_a_time(run):
        if not made.exists():
            _run(url, "CREATE DATABASE {}", template)
            made.write_text(template, encoding="utf-8")
            _migrate({"EVALHUB_DATA_DIR": str(run), "DATABASE_URL": _beside(url, template)})
        _run(url, "CREATE DATABASE {} TEMPLATE {}", name, template)


def drop_postgres_template(run: Path) -> None:
    """Drop what this run of the tests made for copying, if it made one."""
    with suppress(FileNotFoundError):
        template = (run / "migrated-postgres").read_text(encoding="utf-8")
        _run(os.environ["DATABASE_URL"], "DROP DATABASE IF EXISTS {} WITH (FORCE)", template)


def _digest_of_migrations() -> str:
    """Name what a migrated database hangs on: our migrations, and Django with those of its own."""
    digest = hashlib.sha256(django.__version__.encode())
    apps = [*BASE_DIR.glob("*/migrations/*.py"), *BASE_DIR.glob("*/*/migrations/*.py")]
    for path in sorted(apps):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:20]


def _migrate(settings: Mapping[str, str]) -> None:
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
        cwd=BASE_DIR,
        env={**clean_environment(), "EVALHUB_ROLE": "command", **settings},
        check=True,
    )


def _beside(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def _run(url: str, statement: str, *names: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


@contextmanager
def _one_at_a_time(place: Path) -> Iterator[None]:
    """Hold off the other processes of the tests: the first one makes what all copy."""
    place.mkdir(parents=True, exist_ok=True)
    with (place / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
