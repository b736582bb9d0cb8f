"""What pages share: a signed-in person, their project, and what they may do in it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, Final, ParamSpec, Protocol, TypeVar, cast

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from evalhub.accounts.capabilities import NEEDED, Capability
from evalhub.accounts.models import Membership, Project, User
from evalhub.accounts.services import Actor
from evalhub.accounts.signals import capabilities_asked
from evalhub.errors import NotAllowed
from evalhub.prepared import Prepared

P = ParamSpec("P")
R = TypeVar("R", bound=HttpResponseBase)
get_or_post = require_http_methods(["GET", "HEAD", "POST"])


class SignedInRequest(HttpRequest):
    """A request whose user is never anonymous."""

    user: User
    project: Project
    membership: Membership
    capabilities: frozenset[Capability]


class Page(Protocol[P]):
    def __call__(
        self, request: SignedInRequest, *args: P.args, **kwargs: P.kwargs
    ) -> HttpResponse: ...


def signed_in(
    view: Callable[Concatenate[SignedInRequest, P], R],
) -> Callable[..., R]:
    """Send strangers to the login page."""

    @login_required
    @wraps(view)
    def wrapped(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> R:
        return view(cast(SignedInRequest, request), *args, **kwargs)

    return wrapped


def enter_project(request: SignedInRequest, slug: str, capability: Capability | None) -> Project:
    """Return the project of a page: 404 for strangers, 403 without the capability.

    None asks for no more than membership.
    Sets `request.project`, `request.membership` and `request.capabilities`, which the page
    shell reads.
    """
    membership = (
        Membership.objects.select_related("project")
        .filter(project__slug=slug, user=request.user)
        .first()
    )
    return _enter(request, membership, capability)


def enter_project_of(
    request: SignedInRequest, project: Project | int, capability: Capability | None
) -> Project:
    """Like `enter_project`, for a page reached by a run, a campaign or a comparison.

    A project that is not read yet is named by its key.
    """
    known = project if isinstance(project, Project) else None
    key = project.pk if isinstance(project, Project) else project
    membership = _MEMBERSHIPS.first(key, request.user.pk)
    if membership is not None and known is not None:
        membership.project = known
    return _enter(request, membership, capability)


_MEMBERSHIPS: Final = Prepared(
    lambda project, user: Membership.objects.select_related("project").filter(
        project=project, user=user
    ),
    *(int, int),
)


def _enter(
    request: SignedInRequest, membership: Membership | None, capability: Capability | None
) -> Project:
    if membership is None:
        raise Http404("There is no such page, or it is not yours.")
    request.project = membership.project
    request.membership = membership
    withheld = _withheld_from(membership)
    request.capabilities = membership.capabilities - withheld.keys()
    if capability is not None and capability not in request.capabilities:
        raise NotAllowed(withheld.get(capability, NEEDED[capability]))
    return membership.project


def _withheld_from(membership: Membership) -> dict[Capability, str]:
    """Return what a member may not do for the time being, whatever their role, and why."""
    answers: Any = capabilities_asked.send(sender=Membership, membership=membership)
    return {capability: why for _, found in answers for capability, why in found.items()}


def posted(request: HttpRequest) -> QueryDict | None:
    """Return a form that was sent, though it be empty, and None where none was."""
    return request.POST if request.method == "POST" else None


def address_of(request: HttpRequest, name: str, token: str) -> str:
    """Return the whole address of a link, to be copied and sent."""
    return request.build_absolute_uri(reverse(name, args=[token]))


def actor_of(request: SignedInRequest) -> Actor:
    return Actor(user=request.user)
