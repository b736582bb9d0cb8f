"""Everything that changes scorers: proposed, approved, tried, retired."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2
from django.db import transaction
from django.utils import timezone

from evalhub.accounts.models import Project
from evalhub.accounts.services import Actor, record
from evalhub.errors import Conflict, ContentError, FieldError
from evalhub.outbound.client import NoAnswer
from evalhub.outbound.places import ForbiddenError, leads_somewhere, origin_of, read_address
from evalhub.scorers import asking
from evalhub.scorers.models import SLUG, Approval, Revision, Scorer, Secret
from evalhub.scorers.protocol import LARGEST, Said, item
from evalhub.scorers.selectors import newest_revision, ready_by_name

MAX_DESCRIPTION = 2_000
MOST_SECONDS, MOST_BATCH = 300.0, 500
MAX_SECRET = 2_000
# A page waits for a trial, so it waits for less than work does.
TRIAL_SECONDS = 15.0
LOOKUP_SECONDS = 3.0
SAMPLE = item(
    "sample",
    {
        "input": "What is the capital of France?",
        "expected_output": "Paris",
        "references": ["Paris"],
        "context": ["Paris has been the capital of France since 987."],
        "metadata": {"topic": "capitals"},
    },
    "The capital of France is Paris.",
    [],
)
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")
# What the request itself consists of.
_TAKEN = {
    *("host", "connection", "content-length", "content-type", "content-encoding", "accept"),
    *("accept-encoding", "user-agent", "transfer-encoding", "te", "trailer", "upgrade", "expect"),
    *("keep-alive", "proxy-authorization", "proxy-connection"),
}


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """A scorer as somebody describes it.

    `secret` is the value of the header: None keeps the one that is kept for this host, empty
    forgets it.
    """

    slug: str
    url: str
    version: str
    title: str = ""
    description: str = ""
    higher_is_better: bool = True
    low: float | None = None
    high: float | None = None
    is_binary: bool = False
    timeout_seconds: float = 30.0
    batch_size: int = 50
    header: str = "Authorization"
    secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class Proposed:
    """A scorer as it is kept; `remark` says what to look after, empty where there is nothing."""

    scorer: Scorer
    is_revised: bool  # its numbers are new
    remark: str


def propose_scorer(
    *, project: Project, proposal: Proposal, actor: Actor, is_new_name: bool = False
) -> Proposed:
    """Add a scorer, or another revision of it, unless its name must be new.

    Whatever could change a number (address, version, direction, range) makes a revision.
    """
    url, is_found = _checked(proposal)
    now = timezone.now()
    with transaction.atomic():
        Project.objects.select_for_update().get(pk=project.pk)
        if is_new_name:
            _refuse_taken(project, proposal.slug)
        scorer, is_new = Scorer.objects.update_or_create(
            project=project,
            slug=proposal.slug,
            defaults=_changeable(proposal),
            create_defaults={
                **_changeable(proposal),
                "created_by": actor.user,
                "created_at": now,
            },
        )
        defined = _defining(proposal, url)
        is_revised = is_new or _differs(newest_revision(scorer), defined)
        if is_revised:
            number = 1 if is_new else newest_revision(scorer).number + 1
            Revision.objects.create(
                scorer=scorer, number=number, created_by=actor.user, created_at=now, **defined
            )
        _keep_secret(scorer, proposal, origin_of(url))
        record(
            project=project,
            actor=actor,
            verb="propose scorer",
            subject=scorer.slug,
            detail={"url": proposal.url, "version": proposal.version, "is_revised": is_revised},
        )
    remark = "" if is_found else f"{url.host} leads nowhere just now. {_LOOKED_UP_AGAIN}"
    return Proposed(scorer=scorer, is_revised=is_revised, remark=remark)


def _refuse_taken(project: Project, slug: str) -> None:
    if Scorer.objects.filter(project=project, slug=slug).exists():
        detail = f"There is a scorer {slug} already; change it there, or take another name."
        raise ContentError(f"slug: {detail}", errors=[FieldError("slug", "taken", detail)])


def _changeable(proposal: Proposal) -> dict[str, Any]:
    return {
        "title": proposal.title.strip() or proposal.slug,
        "description": proposal.description,
        "timeout_seconds": proposal.timeout_seconds,
        "batch_size": proposal.batch_size,
        "retired_at": None,
    }


def _defining(proposal: Proposal, url: httpx2.URL) -> dict[str, Any]:
    binary = proposal.is_binary
    return {
        "url": proposal.url,
        "origin": origin_of(url),
        "version": proposal.version.strip(),
        "higher_is_better": proposal.higher_is_better,
        "low": 0.0 if binary else proposal.low,
        "high": 1.0 if binary else proposal.high,
        "is_binary": binary,
    }


def _differs(revision: Revision, defined: Mapping[str, Any]) -> bool:
    return any(getattr(revision, name) != value for name, value in defined.items())


def _keep_secret(scorer: Scorer, proposal: Proposal, origin: str) -> None:
    """Keep a new secret; one that was given for another host is forgotten, never sent there."""
    Secret.objects.filter(scorer=scorer).exclude(origin=origin).delete()
    if proposal.secret is None:
        return
    if not proposal.secret:
        Secret.objects.filter(scorer=scorer).delete()
        return
    Secret.objects.update_or_create(
        scorer=scorer,
        defaults={"origin": origin, "header": proposal.header, "value": proposal.secret},
    )


# --- what is wrong with a proposal ----------------------------------------------------------


def _checked(proposal: Proposal) -> tuple[httpx2.URL, bool]:
    """Return the address and whether its host is found, or raise ContentError with every fault."""
    one = proposal
    faults = [
        *_unless(re.fullmatch(SLUG, one.slug), "slug", _SLUG_IS),
        *_unless(_is_line(one.title, 200), "title", "This must be one line, up to 200 letters."),
        *_unless(
            len(one.description) <= MAX_DESCRIPTION and "\0" not in one.description,
            "description",
            f"This must be text of up to {MAX_DESCRIPTION:,} letters.",
        ),
        *_unless(
            one.version.strip() and _is_line(one.version, 100),
            "version",
            "Say which version of the service this is, in one line of up to 100 letters.",
        ),
        *_unless(
            0.1 <= one.timeout_seconds <= MOST_SECONDS,
            "timeout_seconds",
            f"This must be a number of seconds from 0.1 to {MOST_SECONDS:g}.",
        ),
        *_unless(
            1 <= one.batch_size <= MOST_BATCH,
            "batch_size",
            f"This must be a whole number from 1 to {MOST_BATCH}.",
        ),
        *_faults_of_range(one),
        *_faults_of_secret(one),
    ]
    try:
        url = read_address(one.url)
        is_found = leads_somewhere(url, seconds=LOOKUP_SECONDS)
    except ForbiddenError as exc:
        faults.append(FieldError("url", "address", str(exc)))
    if faults:
        raise ContentError(f"{faults[0].field}: {faults[0].detail}", errors=faults)
    return url, is_found


_LOOKED_UP_AGAIN = "The name is looked up again whenever the scorer is asked."
_SLUG_IS = "Use small letters, digits, dashes and underscores, at most 50; begin with no dash."


def _unless(fits: object, name: str, detail: str) -> list[FieldError]:
    return [] if fits else [FieldError(name, "range", detail)]


def _is_line(text: str, longest: int) -> bool:
    return len(text) <= longest and text.isprintable()


def _faults_of_range(one: Proposal) -> list[FieldError]:
    bounds = {"low": one.low, "high": one.high}
    faults = [
        FieldError(name, "range", f"This must be a number from -{LARGEST:g} to {LARGEST:g}.")
        for name, bound in bounds.items()
        if bound is not None and not -LARGEST <= bound <= LARGEST
    ]
    is_empty = one.low is not None and one.high is not None and not one.low < one.high
    if is_empty and not faults:
        faults.append(FieldError("high", "range", "The highest value must be above the lowest."))
    if one.is_binary and (one.low not in (None, 0.0) or one.high not in (None, 1.0)):
        detail = "A scorer that says yes or no gives 0 and 1: leave the range out."
        faults.append(FieldError("low", "range", detail))
    return faults


def _faults_of_secret(one: Proposal) -> list[FieldError]:
    faults = []
    if not _HEADER.fullmatch(one.header) or one.header.lower() in _TAKEN:
        detail = "This must be the name of a header, such as Authorization or X-Api-Key."
        faults.append(FieldError("header", "header", detail))
    if one.secret and (len(one.secret) > MAX_SECRET or not _VALUE.fullmatch(one.secret)):
        # The value itself is never repeated: a refusal may be logged or shown.
        detail = f"This must be up to {MAX_SECRET:,} printable ASCII characters."
        faults.append(FieldError("secret", "header", detail))
    return faults


# --- approving, retiring, trying ------------------------------------------------------------


@transaction.atomic
def approve_host(*, scorer: Scorer, origin: str, actor: Actor) -> None:
    """Let the project's outputs be sent to a host; `origin` is the one that was looked at."""
    if newest_revision(scorer).origin != origin:
        raise Conflict(
            "The scorer's address was changed meanwhile. Look at it again before you approve."
        )
    _, is_new = Approval.objects.get_or_create(
        project=scorer.project,
        origin=origin,
        defaults={"approved_by": actor.user, "approved_at": timezone.now()},
    )
    if is_new:
        record(project=scorer.project, actor=actor, verb="approve host", subject=origin)


@transaction.atomic
def withdraw_host(*, project: Project, origin: str, actor: Actor) -> None:
    """Send nothing to a host any more; work that was going to fails with a sentence."""
    if Approval.objects.filter(project=project, origin=origin).delete()[0]:
        record(project=project, actor=actor, verb="withdraw host", subject=origin)


@transaction.atomic
def retire_scorer(*, scorer: Scorer, actor: Actor) -> None:
    """Ask a scorer nothing any more, and forget its secret. What it said stays."""
    retired = Scorer.objects.filter(pk=scorer.pk, retired_at__isnull=True)
    if retired.update(retired_at=timezone.now()):
        Secret.objects.filter(scorer=scorer).delete()
        record(project=scorer.project, actor=actor, verb="retire scorer", subject=scorer.slug)


def try_scorer(*, scorer: Scorer, actor: Actor) -> Said | NoAnswer:
    """Send one made-up output and return what the scorer says of it.

    Raises NotReadyError: what is not approved is not asked either, not even once.
    """
    ready = ready_by_name(scorer.project, scorer.slug)
    record(project=scorer.project, actor=actor, verb="try scorer", subject=scorer.slug)
    seconds = min(scorer.timeout_seconds, TRIAL_SECONDS)
    answer = asking.ask(ready, [SAMPLE], seconds=seconds)
    return answer if isinstance(answer, NoAnswer) else answer[SAMPLE["id"]]
