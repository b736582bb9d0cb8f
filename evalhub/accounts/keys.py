"""The form of API keys, and what is kept of one."""

from __future__ import annotations

import hashlib
import re
import secrets

START = "evh"
_FORM = re.compile(rf"{START}_([0-9a-f]{{10}})_[0-9a-f]{{48}}")


def new_key() -> tuple[str, str]:
    """Return a prefix, which is shown, and the whole secret, which is not kept."""
    prefix = secrets.token_hex(5)
    return prefix, f"{START}_{prefix}_{secrets.token_hex(24)}"


def prefix_of(secret: str) -> str | None:
    """Return the prefix of a text that has the form of a key, or None."""
    found = _FORM.fullmatch(secret)
    return found[1] if found else None


def digest_of(secret: str) -> str:
    """Return what is stored of a key. It is 192 random bits, so one hash is enough."""
    return hashlib.sha256(secret.encode()).hexdigest()
