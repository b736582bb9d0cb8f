"""Bearer keys for the REST interface."""

from __future__ import annotations

import hmac
from contextlib import suppress
from datetime import timedelta
from typing import Any

from django.db import OperationalError
from django.db.models import Q
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from evalhub.accounts.keys import digest_of, prefix_of
from evalhub.accounts.models import ApiKey

USED_EVERY = timedelta(minutes=1)


class ApiKeyAuthentication(BaseAuthentication):
    """``Authorization: Bearer evh_<prefix>_<secret>``"""

    def authenticate(self, request: Request) -> tuple[None, ApiKey] | None:
        scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
        if not scheme:
            return None
        prefix = prefix_of(secret.strip())
        if scheme.lower() != "bearer" or prefix is None:
            raise AuthenticationFailed("The Authorization header is not `Bearer <api key>`.")
        key = ApiKey.objects.usable().select_related("project").filter(prefix=prefix).first()
        if key is None or not hmac.compare_digest(key.digest, digest_of(secret.strip())):
            raise AuthenticationFailed("There is no such API key, or it was revoked.")
        _note_use(key)
        return None, key

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


def _note_use(key: ApiKey) -> None:
    """Remember when a key was last used, to the minute: not every request is a write.

    A database too busy to note it does not fail the request.
    """
    now = timezone.now()
    is_due = Q(last_used_at__isnull=True) | Q(last_used_at__lt=now - USED_EVERY)
    if key.last_used_at is None or now - key.last_used_at > USED_EVERY:
        with suppress(OperationalError):
            ApiKey.objects.filter(is_due, pk=key.pk).update(last_used_at=now)


class HasApiKey(BasePermission):
    """Everything but the few open documents needs a key."""

    def has_permission(self, request: Request, view: Any) -> bool:
        auth: Any = request.auth
        return isinstance(auth, ApiKey)
