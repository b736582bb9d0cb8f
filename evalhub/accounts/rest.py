"""What REST views share: the key's project, its scopes, strict bodies, answers given once."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.utils import timezone
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from evalhub.accounts.capabilities import Capability, capabilities_of_scopes
from evalhub.accounts.models import ApiKey, IdempotentAnswer, Project
from evalhub.accounts.services import Actor
from evalhub.errors import Conflict, NotAllowed, NotFound, ShapeError

KEPT = timedelta(hours=24)
ABANDONED = timedelta(minutes=10)
_TOKEN = re.compile(r"[\x21-\x7e]{1,200}")
P = ParamSpec("P")
V = TypeVar("V", bound="KeyView")


class KeyView(APIView):
    """A view whose caller holds an API key of one project."""

    @property
    def key(self) -> ApiKey:
        auth: Any = self.request.auth
        assert isinstance(auth, ApiKey)  # noqa: S101 - HasApiKey has checked
        return auth

    @property
    def actor(self) -> Actor:
        return Actor(user=self.key.created_by, api_key=self.key)

    @property
    def plain_request(self) -> HttpRequest:
        """Django's own request, whose body the intake reads."""
        plain: HttpRequest = self.request._request  # noqa: SLF001 - the framework's own way
        return plain

    def need(self, capability: Capability) -> None:
        if capability not in capabilities_of_scopes(self.key.scopes):
            raise NotAllowed(f"This API key lacks the scope for it: {SCOPE_FOR[capability]}.")

    def project(self, slug: str, capability: Capability) -> Project:
        """Return the key's project if the address names it: others do not exist for it."""
        if self.key.project.slug != slug:
            raise NotFound(f"There is no project {slug!r} for this API key.")
        self.need(capability)
        return self.key.project


SCOPE_FOR = {
    Capability.VIEW: "read",
    Capability.SUBMIT: "submit",
    Capability.LABEL: "label",
    Capability.LEAD: "admin",
    Capability.OWN: "admin",
}


def idempotent(
    method: Callable[Concatenate[V, Request, P], Response],
) -> Callable[Concatenate[V, Request, P], Response]:
    """Answer a repeated `Idempotency-Key` of a small JSON request with the first answer."""

    @wraps(method)
    def wrapped(self: V, request: Request, /, *args: P.args, **kwargs: P.kwargs) -> Response:
        return answer_once(
            self,
            body_digest=lambda: hashlib.sha256(self.plain_request.body).hexdigest(),
            produce=lambda: method(self, request, *args, **kwargs),
        )

    return wrapped


def answer_once(
    view: KeyView, *, body_digest: Callable[[], str], produce: Callable[[], Response]
) -> Response:
    """Produce the answer, or repeat the one this `Idempotency-Key` was given before.

    The same key with another request is a conflict, and so is one whose first request still
    runs. Refusals are not kept: a corrected request may use the key again.
    """
    request = view.request
    token = request.headers.get("Idempotency-Key")
    if token is None:
        return produce()
    if not _TOKEN.fullmatch(token):
        raise ShapeError("Idempotency-Key must be 1 to 200 visible ASCII characters.")
    line = f"{request.method} {request.get_full_path()} {body_digest()}"
    earlier = _begin(view.key, token, hashlib.sha256(line.encode()).hexdigest())
    if earlier is not None:
        return earlier
    mine = IdempotentAnswer.objects.filter(key=view.key, token=token)
    try:
        response = produce()
    except BaseException:
        mine.delete()
        raise
    mine.update(status=response.status_code, body=JSONRenderer().render(response.data).decode())
    return response


def _begin(key: ApiKey, token: str, digest: str) -> Response | None:
    """Take the token for this request, or return what the earlier one was answered."""
    now = timezone.now()
    mine = IdempotentAnswer.objects.filter(key=key, token=token)
    mine.filter(created_at__lt=now - KEPT).delete()
    mine.filter(status__isnull=True, created_at__lt=now - ABANDONED).delete()
    try:
        with transaction.atomic():
            IdempotentAnswer.objects.create(
                key=key, token=token, request_digest=digest, created_at=now
            )
    except IntegrityError:
        return _earlier_answer(mine.get(), digest)
    return None


def _earlier_answer(answer: IdempotentAnswer, digest: str) -> Response:
    if answer.request_digest != digest:
        raise Conflict("This Idempotency-Key was used for another request.")
    if answer.status is None:
        raise Conflict("The first request with this Idempotency-Key is still under way.")
    return Response(json.loads(answer.body), status=answer.status)
