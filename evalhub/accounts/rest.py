"""What REST views share: the key's project, its scopes, strict bodies, answers given once."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import wraps
from io import BytesIO
from typing import Any, Concatenate, ParamSpec, TypeVar

from django.db import IntegrityError, transaction
from django.db.models import Q
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
from evalhub.intake.http import read_whole
from evalhub.intake.strict import quoted

KEPT = timedelta(hours=24)
ABANDONED = timedelta(minutes=10)
_UNDER_WAY = "The first request with this Idempotency-Key is still under way; send it again later."
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
            raise NotFound(f"There is no project {quoted(slug)} for this API key.")
        self.need(capability)
        return self.key.project


SCOPE_FOR = {
    Capability.VIEW: "read",
    Capability.SUBMIT: "submit",
    Capability.LABEL: "label",
    Capability.DECIDE: "admin",
    Capability.LEAD: "admin",
}


def idempotent(
    method: Callable[Concatenate[V, Request, P], Response],
) -> Callable[Concatenate[V, Request, P], Response]:
    """Answer a repeated `Idempotency-Key` of a small JSON request with the first answer."""
    return idempotent_but()(method)


def idempotent_but(
    *once: str,
) -> Callable[
    [Callable[Concatenate[V, Request, P], Response]],
    Callable[Concatenate[V, Request, P], Response],
]:
    """As `idempotent`, but for secrets among the members, which are given once and not kept."""

    def decorate(
        method: Callable[Concatenate[V, Request, P], Response],
    ) -> Callable[Concatenate[V, Request, P], Response]:
        @wraps(method)
        def wrapped(self: V, request: Request, /, *args: P.args, **kwargs: P.kwargs) -> Response:
            return answer_once(
                self,
                body_digest=lambda: _digest_of_body(self.plain_request),
                produce=lambda: method(self, request, *args, **kwargs),
                once=once,
            )

        return wrapped

    return decorate


def _digest_of_body(request: HttpRequest) -> str:
    """Read a small body as the intake does, and put it back for the view to read."""
    body = read_whole(request)
    request.META["CONTENT_LENGTH"] = str(len(body))
    request.META.pop("HTTP_TRANSFER_ENCODING", None)
    request._stream = BytesIO(body)  # noqa: SLF001 - as Django does with a body it has read
    return hashlib.sha256(body).hexdigest()


def answer_once(
    view: KeyView,
    *,
    body_digest: Callable[[], str],
    produce: Callable[[], Response],
    once: Sequence[str] = (),
) -> Response:
    """Produce the answer, or repeat the one this `Idempotency-Key` was given before.

    The same key with another request is a conflict, and so is one whose first request still
    runs. Refusals are not kept: a corrected request may use the key again. Of the members in
    `once` nothing is kept either: they are null when the answer is repeated.
    """
    request = view.request
    token: str | None = request.headers.get("Idempotency-Key")
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
    kept = {**response.data, **dict.fromkeys(once)} if once else response.data
    mine.update(status=response.status_code, body=JSONRenderer().render(kept).decode())
    return response


def _begin(key: ApiKey, token: str, digest: str) -> Response | None:
    """Take the token for this request, or return what the earlier one was answered."""
    now = timezone.now()
    is_old = Q(created_at__lt=now - KEPT)
    is_abandoned = Q(token=token, status__isnull=True, created_at__lt=now - ABANDONED)
    try:
        with transaction.atomic():
            IdempotentAnswer.objects.filter(is_old | is_abandoned, key=key).delete()
            answer, is_first = IdempotentAnswer.objects.get_or_create(
                key=key, token=token, defaults={"request_digest": digest, "created_at": now}
            )
    except IntegrityError:  # the first one was refused just now
        raise Conflict(_UNDER_WAY) from None
    return None if is_first else _earlier_answer(answer, digest)


def _earlier_answer(answer: IdempotentAnswer, digest: str) -> Response:
    if answer.request_digest != digest:
        raise Conflict("This Idempotency-Key was used for another request.")
    if answer.status is None:
        raise Conflict(_UNDER_WAY)
    return Response(json.loads(answer.body), status=answer.status)
