"""What the frame of every page shows: project, projects, what one may do, where one is."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.functional import SimpleLazyObject

from evalhub.accounts.models import Membership


@dataclass(frozen=True)
class Section:
    """An entry of the navigation: shown to those who have one of the capabilities.

    Of several with one name the first that somebody may open.
    """

    name: str
    label: str
    address: str
    capabilities: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Link:
    label: str
    url: str
    current: bool
    note: str = ""


_VIEWERS: Final = frozenset({"view"})
_LABELERS: Final = frozenset({"view", "label"})
_LEADS: Final = frozenset({"lead"})
_OWNERS: Final = frozenset({"own"})
SECTIONS: Final = (
    Section("overview", "Overview", "web:overview", _VIEWERS),
    Section("datasets", "Datasets", "datasets:list", _VIEWERS),
    Section("runs", "Runs", "runs:list", _VIEWERS),
    Section("comparisons", "Comparisons", "reports:list", _VIEWERS),
    Section("labeling", "Labeling", "labeling:list", _LABELERS),
    Section("scorers", "Scorers", "scorers:list", _VIEWERS),
    Section("judges", "Judges", "judging:list", _VIEWERS),
    Section("settings", "Settings", "accounts:members", _OWNERS),
    Section("settings", "Settings", "accounts:invitations", _LEADS),  # who may not open the first
)
_SECTION_OF_APP: Final = {
    "web": "overview",
    "datasets": "datasets",
    "runs": "runs",
    "reports": "comparisons",
    "boards": "datasets",
    "gates": "datasets",
    "labeling": "labeling",
    "scorers": "scorers",
    "judging": "judges",
}
_SETTINGS: Final = frozenset(
    {"accounts:members", "accounts:member_password", "accounts:invitations", "accounts:keys"}
)


def shell(request: HttpRequest) -> dict[str, Any]:
    """Give every template `project`, `project_links`, `capabilities`, `active` and `navigation`.

    Views that enter a project leave it on the request; other pages have none. Lists are made only
    when a template asks for them, so an error page needs no database.
    """
    project = getattr(request, "project", None)
    capabilities: Collection[str] = getattr(request, "capabilities", frozenset())
    active = active_section(request)
    return {
        "project": project,
        "capabilities": capabilities,
        "active": active,
        "navigation": _navigation(project.slug, capabilities, active) if project else (),
        "project_links": SimpleLazyObject(lambda: _project_links(request, project)),
    }


def active_section(request: HttpRequest) -> str:
    """Return the name of the section that a page belongs to, or nothing."""
    match = request.resolver_match
    if match is None:
        return ""
    if match.view_name in _SETTINGS:
        return "settings"
    return _SECTION_OF_APP.get(match.app_name, "")


def start_page(slug: str, capabilities: Collection[str]) -> str:
    """Return where a member starts: annotators see the labeling pages only."""
    name = "web:overview" if "view" in capabilities else "labeling:list"
    return _address(name, slug) or reverse("web:overview", args=[slug])


def _address(name: str, slug: str) -> str:
    """Return an address, or nothing while its app has none."""
    try:
        return reverse(name, args=[slug])
    except NoReverseMatch:
        return ""


def _navigation(slug: str, capabilities: Collection[str], active: str) -> tuple[Link, ...]:
    links: dict[str, Link] = {}
    for section in SECTIONS:
        if section.name in links or section.capabilities.isdisjoint(capabilities):
            continue
        if url := _address(section.address, slug):
            current = section.name == active
            links[section.name] = Link(label=section.label, url=url, current=current)
    return tuple(links.values())


def _project_links(request: HttpRequest, project: Any) -> list[Link]:
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return []
    memberships = (
        Membership.objects.filter(user=user)
        .select_related("project")
        .order_by("project__name", "project_id")
    )
    return [
        Link(
            label=membership.project.name,
            url=start_page(membership.project.slug, membership.capabilities),
            current=membership.project == project,
            note=membership.role,
        )
        for membership in memberships
    ]
