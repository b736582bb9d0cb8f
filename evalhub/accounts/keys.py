"""The form of API keys, and what is kept of one."""

from __future__ import annotations

import hashlib
import secrets

START = "evh"
PARTS = 3


def new_key() -> tuple[str, str]:
    """Return a prefix, which is shown, and the whole secret, which is not kept."""
    prefix = secrets.token_hex(5)
    return prefix, f"{START}_{prefix}_{secrets.token_hex(24)}"


def prefix_of(secret: str) -> str | None:
    parts = secret.split("_")
    return parts[1] if len(parts) == PARTS and parts[0] == START else None


def digest_of(secret: str) -> str:
    """Return what is stored of a key. It is 192 random bits, so one hash is enough."""
    return hashlib.sha256(secret.encode()).hexdigest()
