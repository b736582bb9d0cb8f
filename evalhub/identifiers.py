"""Identifiers shown outside: a kind and twenty random characters."""

from __future__ import annotations

import secrets

ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
LENGTH = 20


def new_id(kind: str) -> str:
    """Return e.g. ``run_5k2…``: 103 bits, so nobody guesses one."""
    return kind + "_" + "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
