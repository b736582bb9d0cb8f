"""The secret part of an address that lets somebody in, and what is kept of it."""

from __future__ import annotations

import re
import secrets

from evalhub.accounts.keys import digest_of

_FORM = re.compile(r"[A-Za-z0-9_-]{43}")


def new_token() -> tuple[str, str]:
    """Return a token of 256 random bits, which is shown once, and its digest, which is kept."""
    token = secrets.token_urlsafe(32)
    return token, digest_of(token)


def digest_of_token(token: str) -> str | None:
    """Return the digest of a text that has the form of a token, or None."""
    return digest_of(token) if _FORM.fullmatch(token) else None
