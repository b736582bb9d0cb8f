"""Who a request is from: asked with every page, so with statements that are put together once."""

from __future__ import annotations

from typing import Any, Final

from django.contrib.auth.backends import ModelBackend
from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session
from django.utils import timezone

from evalhub.accounts.models import User
from evalhub.prepared import Prepared

_SESSIONS: Final = Prepared(lambda key: Session.objects.filter(session_key=key), str)
_USERS: Final = Prepared(lambda pk: User.objects.filter(pk=pk), int)


class SessionStore(db.SessionStore):
    """Django's sessions in the database."""

    def load(self) -> dict[str, Any]:
        session = _SESSIONS.first(self.session_key or "")
        if session is None or session.expire_date <= timezone.now():
            self._session_key = None
            return {}
        data: dict[str, Any] = self.decode(session.session_data)
        return data


class Accounts(ModelBackend):
    """Django's names and passwords."""

    def get_user(self, user_id: int) -> User | None:
        user = _USERS.first(user_id)
        return user if user is not None and self.user_can_authenticate(user) else None
