"""What the embedded default keeps in its data directory."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from evalhub.environment import SettingError

MIN_SECRET_LENGTH = 50
MIN_SECRET_CHARACTERS = 10
# The first version without the WAL-reset bug, which can lose a commit.
FIXED_SQLITE = (3, 51, 3)


def secret_key(*, given: str, production: bool, data_dir: Path) -> str:
    """Return the given secret, or the one kept in the data directory (made on first use).

    Production takes only a given one: several machines must share it.
    """
    if given:
        if production and is_weak_secret(given):
            raise SettingError(
                "EVALHUB_SECRET_KEY is weak: production needs at least "
                f"{MIN_SECRET_LENGTH} random characters, for example from "
                "`python -c 'import secrets; print(secrets.token_urlsafe(50))'`."
            )
        return given
    if production:
        raise SettingError(
            "EVALHUB_SECRET_KEY (or EVALHUB_SECRET_KEY_FILE) is not set; production needs one."
        )
    return _kept_secret(data_dir / "secret_key")


def is_weak_secret(secret: str) -> bool:
    return len(secret) < MIN_SECRET_LENGTH or len(set(secret)) < MIN_SECRET_CHARACTERS


def _kept_secret(path: Path) -> str:
    try:
        if not path.exists():
            _make_secret(path)
        kept = path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError as exc:
        raise SettingError(
            f"The data directory {path.parent} cannot be used: {exc.strerror}. "
            "Set EVALHUB_DATA_DIR to a folder this user can write."
        ) from exc
    if is_weak_secret(kept):
        raise SettingError(
            f"The file {path} holds no strong secret any more. Remove it: the next start makes "
            "one, and everybody has to log in again."
        )
    return kept


def _make_secret(path: Path) -> None:
    """Write a new secret, unless another process was first.

    It is linked into place only when whole, so nobody ever reads half of one.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_urlsafe(64))
    with contextlib.suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()
