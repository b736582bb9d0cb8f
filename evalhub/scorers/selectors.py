"""What is read of scorers: the list, one with its revisions, and one that may be asked."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Prefetch, QuerySet

from evalhub.accounts.models import Project
from evalhub.scorers.models import SLUG, Approval, Revision, Scorer, Secret
from evalhub.scorers.protocol import PROTOCOL, Range
from metrics.statistics.resolution import quoted

PREFIX = "remote_"


class NotReadyError(Exception):
    """The scorer cannot be asked; the message says why, and the way out."""

    def __init__(self, detail: str, *, code: str = "metric") -> None:
        super().__init__(detail)
        self.detail, self.code = detail, code


@dataclass(frozen=True, kw_only=True)
class Ready:
    """A scorer that may be asked, at one revision."""

    scorer: Scorer
    revision: Revision

    @property
    def range(self) -> Range:
        one = self.revision
        return Range(low=one.low, high=one.high, is_binary=one.is_binary)

    @property
    def params(self) -> dict[str, Any]:
        """What a measurement keeps to find this revision again."""
        return {"scorer": self.scorer.slug, "revision": self.revision.number}

    @property
    def signature(self) -> str:
        """Everything that defines the number."""
        one = self.revision
        bounds = ("" if bound is None else json.dumps(bound) for bound in (one.low, one.high))
        return "|".join(
            [
                f"remote|{self.scorer.slug}|r{one.number}",
                f"version:{quoted(one.version)}",
                one.origin,
                f"range:{'..'.join(bounds)}",
                f"protocol:{PROTOCOL}",
            ]
        )


def scorers_of(project: Project) -> list[Scorer]:
    """Return a project's scorers by name, the retired last, each with its revisions."""
    found = with_revisions(Scorer.objects.filter(project=project)).order_by("slug")
    return sorted(found, key=lambda one: one.retired_at is not None)


def scorer_of(project: Project, slug: str) -> Scorer | None:
    """Return a scorer with its revisions, or None where there is none of that name."""
    if not re.fullmatch(SLUG, slug):
        return None
    return with_revisions(Scorer.objects.filter(project=project, slug=slug)).first()


def with_revisions(scorers: QuerySet[Scorer]) -> QuerySet[Scorer]:
    """Load every scorer's revisions, the newest first."""
    newest_first = Revision.objects.select_related("created_by").order_by("-number")
    return scorers.prefetch_related(Prefetch("revisions", queryset=newest_first))


def newest_revision(scorer: Scorer) -> Revision:
    """Return what a scorer is now; it has one revision at least."""
    return max(scorer.revisions.all(), key=lambda one: one.number)


def approvals_of(project: Project) -> dict[str, Approval]:
    """Return the approved hosts of a project, by origin."""
    found = Approval.objects.filter(project=project).select_related("approved_by")
    return {one.origin: one for one in found}


def askable(project: Project) -> list[Ready]:
    """Return the scorers that a run of the project may name."""
    approved = approvals_of(project)
    ready = [
        Ready(scorer=one, revision=newest_revision(one))
        for one in scorers_of(project)
        if one.retired_at is None
    ]
    return [one for one in ready if one.revision.origin in approved]


def ready_by_name(project: Project, slug: str) -> Ready:
    """Return a scorer at its newest revision, or raise NotReadyError."""
    found = scorer_of(project, slug)
    if found is None:
        known = ", ".join(PREFIX + one.scorer.slug for one in askable(project)) or "none"
        raise NotReadyError(
            f"There is no scorer {PREFIX + slug[:100]!r} in this project. There are: {known}."
        )
    return _checked(Ready(scorer=found, revision=newest_revision(found)))


def ready_at(project_id: int, params: Mapping[str, Any]) -> Ready:
    """Return the revision that a measurement was planned with, or raise NotReadyError."""
    found = (
        Revision.objects.select_related("scorer")
        .filter(
            scorer__project=project_id,
            scorer__slug=params["scorer"],
            number=params["revision"],
        )
        .first()
    )
    if found is None:
        raise NotReadyError(f"The scorer {params['scorer']} is no longer here.")
    return _checked(Ready(scorer=found.scorer, revision=found))


def batch_size_of(project_id: int, params: Mapping[str, Any]) -> int | None:
    """Return how many outputs the scorer of a measurement takes at a time."""
    found = Scorer.objects.filter(project=project_id, slug=params["scorer"])
    return found.values_list("batch_size", flat=True).first()


def _checked(ready: Ready) -> Ready:
    scorer, origin = ready.scorer, ready.revision.origin
    if scorer.retired_at is not None:
        raise NotReadyError(
            f"The scorer {scorer.slug} is retired. Propose it anew to have it asked again."
        )
    if not Approval.objects.filter(project=scorer.project_id, origin=origin).exists():
        raise NotReadyError(
            f"{PREFIX}{scorer.slug} sends outputs to {origin}, which no owner of the project has "
            "approved. An owner can, on the scorer's page.",
            code="not_approved",
        )
    return ready


def header_of(ready: Ready) -> dict[str, str]:
    """Return the secret header for a request, where one was given for this very host."""
    found = Secret.objects.filter(scorer=ready.scorer, origin=ready.revision.origin).first()
    return {found.header: found.value} if found else {}


def has_secret(scorer: Scorer) -> bool:
    return Secret.objects.filter(scorer=scorer, origin=newest_revision(scorer).origin).exists()
