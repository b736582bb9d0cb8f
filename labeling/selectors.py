"""What is read of campaigns: progress, what is left for a person, annotations for export."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from statistics import median

from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet
from django.utils import timezone

from evalhub.accounts.models import Project, User
from evalhub.prepared import prepared
from evalhub.runs.models import Measurement, Run
from evalhub.runs.selectors import current_measurements
from evalhub.web import formatting
from labeling.known import qualification_of
from labeling.models import (
    Alert,
    Annotation,
    Annotator,
    Campaign,
    Control,
    Purpose,
    Slot,
    Unit,
)
from labeling.ordering import break_until
from labeling.plans import FINISHED

SHOWN_RUNS = 100
PACE_FROM = 5  # answers
NEAR_THE_END = 60  # places


def campaigns_of(project: Project) -> QuerySet[Campaign]:
    """Return a project's campaigns, newest first."""
    return Campaign.objects.ready().filter(project=project).order_by("-pk")


def with_parts(campaigns: QuerySet[Campaign]) -> QuerySet[Campaign]:
    """Read campaigns together with their questions and the ids of their runs."""
    return campaigns.select_related("question_set").prefetch_related(
        "question_set__questions", Prefetch("runs", queryset=Run.objects.only("public_id"))
    )


@dataclass(frozen=True)
class Listed:
    """A campaign of a list: how far it is, and how far the person who looks is in it."""

    campaign: Campaign
    n_imported: int
    filled: int
    places: int
    mine: int
    state: str = ""  # of the person who looks, where they have a place
    n_alerts: int = 0

    @property
    def is_for_them(self) -> bool:
        """Say whether the person who looks can label here."""
        may_join = not self.campaign.is_invited_only or bool(self.state)
        return self.campaign.is_open and may_join and self.state != Annotator.State.STOPPED


def listed(project: Project, user: User) -> list[Listed]:
    """Return a project's campaigns for the page that everybody sees."""
    campaigns = list(Campaign.objects.for_member(user).filter(project=project).order_by("-pk"))
    people = Annotator.objects.filter(campaign__in=campaigns)
    filled, imported = Counter[int](), Counter[int]()
    mine: dict[int, tuple[int, str]] = {}
    for campaign, user_id, n, controls, state in people.values_list(
        "campaign_id", "user_id", "n_answered", "n_controls", "state"
    ):
        (imported if user_id is None else filled)[campaign] += n - controls
        if user_id == user.pk:
            mine[campaign] = n, state
    open_alerts = Alert.objects.filter(campaign__in=campaigns, cleared_at=None)
    alerts = Counter(open_alerts.values_list("campaign_id", flat=True))
    return [
        Listed(
            campaign=campaign,
            n_imported=imported[campaign.pk],
            filled=filled[campaign.pk],
            places=campaign.n_places,
            mine=mine.get(campaign.pk, (0, ""))[0],
            state=mine.get(campaign.pk, (0, ""))[1],
            n_alerts=alerts[campaign.pk],
        )
        for campaign in campaigns
    ]


@dataclass(frozen=True)
class DeskProgress:
    """How far one person is, and how long the rest will take at their pace."""

    answered: int
    total: int
    seconds_left: float | None

    @property
    def time_left(self) -> str:
        """How long the rest takes in whole minutes, or nothing while that is not known."""
        if not self.seconds_left:
            return ""
        minutes = round(self.seconds_left / 60)
        if not minutes:
            return "under a minute left"
        return f"about {formatting.duration(minutes * 60)} left"


def desk_progress(annotator: Annotator) -> DeskProgress:
    """Return what a person has answered, of that and what is still there for them.

    Controls are counted as if they were like the rest: how many there will be follows from the
    share, so that the total says the same before one and after it.
    """
    if annotator.state == Annotator.State.QUALIFYING:
        score = qualification_of(annotator)
        done, left = annotator.n_qualification, 0 if score is None else score.left
        return DeskProgress(done, done + left, seconds_left=None)
    campaign = annotator.campaign
    own = annotator.n_answered - annotator.n_controls
    ordinary = own + max(0, _left(annotator, own))
    total = ordinary + max(annotator.n_controls, _controls_among(ordinary, campaign))
    quota = campaign.quota if annotator.quota is None else annotator.quota
    if quota is not None and quota < total:
        total = max(quota - _never_given(annotator, quota), annotator.n_answered)
    pace = median(annotator.pace) if len(annotator.pace) >= PACE_FROM else None
    left = total - annotator.n_answered
    return DeskProgress(
        answered=annotator.n_answered,
        total=total,
        seconds_left=None if pace is None else left * pace,
    )


def _never_given(annotator: Annotator, quota: int) -> int:
    """Return how many answers of a quota stay ungiven, for an example is judged whole."""
    sizes = _sizes_of_examples(annotator.campaign.public_id)
    if min(sizes, default=1) == 1:
        return 0
    held = Slot.objects.held_by(annotator).values_list("n_units", "n_answered")
    spare = quota - annotator.n_answered - sum(n_units - n for n_units, n in held)
    if len(sizes) == 1:
        return max(0, spare) % min(sizes)
    # Of mixed sizes one fits until the rest is smaller than any.
    return spare if 0 < spare < min(sizes) else 0


@lru_cache(maxsize=256)
def _sizes_of_examples(campaign_id: str) -> frozenset[int]:
    """Return how many units the examples of a campaign have; that never changes."""
    slots = Slot.objects.filter(campaign__public_id=campaign_id).order_by()
    return frozenset(slots.values_list("n_units", flat=True).distinct())


def _left(annotator: Annotator, own: int) -> int:
    """Return how many ordinary units are left for a person.

    Counted from what people have answered, and only near the end from the places themselves:
    there are few then, and it matters who holds them.
    """
    campaign = annotator.campaign
    unseen = campaign.n_units - campaign.n_controls - own - annotator.n_skipped
    places = campaign.n_places - _filled(campaign)
    if places > NEAR_THE_END:
        return min(unseen, places)
    free: dict[int, int] = {}
    for bundle, n_units, n_answered in _places_for(annotator):
        free[bundle] = max(free.get(bundle, 0), n_units - n_answered)
    return min(unseen, sum(free.values()))


def _filled(campaign: Campaign) -> int:
    """Return how many places those who are still here have filled."""
    with prepared() as cursor:
        cursor.execute(_FILLED, [campaign.pk])
        [filled] = cursor.fetchone()
    return int(filled or 0)


# Written out: it is asked with every answer.
_FILLED = """
SELECT SUM(n_answered - n_controls)
  FROM labeling_annotator WHERE campaign_id = %s AND user_id IS NOT NULL
"""


def _places_for(annotator: Annotator) -> QuerySet[Slot, tuple[int, int, int]]:
    """Return example and size of the places that a person holds, or may still be given."""
    mine = Q(annotator=annotator)
    been_here = Annotation.objects.filter(annotator=annotator, bundle=OuterRef("bundle"))
    with_others = Q(state=Slot.State.LEASED, lease_until__gte=timezone.now()) & ~mine
    unfinished = Slot.objects.filter(campaign=annotator.campaign_id, purpose=Purpose.LABEL)
    return (
        unfinished.filter(state__in=(Slot.State.OPEN, Slot.State.LEASED))
        .filter(mine | ~Exists(been_here))
        .exclude(with_others)
        .values_list("bundle", "n_units", "n_answered")
    )


def _controls_among(ordinary: int, campaign: Campaign) -> int:
    """Return how many control units come with so many ordinary ones."""
    share = campaign.control_share
    if not share or not campaign.n_controls:
        return 0
    there_are = Control.objects.filter(campaign=campaign, purpose=Purpose.CONTROL).count()
    return min(there_are, round(ordinary * share / (1 - share)))


@dataclass(frozen=True)
class Nothing:
    """Why there is no unit for a person.

    `reason` is closed or paused, of the campaign; stopped, unqualified or quota, of the person;
    done, when nothing is left for anybody; break, when they have just judged one of the only
    example that there is; others, when all of it is with other people; and yours_done, when what
    is left needs other people. `units` are those with others, or what is left of a quota and
    holds no whole example. `until` is when there may be something again.
    """

    reason: str
    units: int = 0
    until: datetime | None = None


def why_nothing(annotator: Annotator) -> Nothing:
    """Say why the desk is empty. With others: how many units, and when the first lease ends."""
    slots = Slot.objects.filter(campaign=annotator.campaign_id, purpose=Purpose.LABEL)
    unfinished = slots.filter(state__in=(Slot.State.OPEN, Slot.State.LEASED))
    reason = _of_campaign(annotator.campaign) or _of_person(annotator, unfinished)
    if reason:
        return Nothing(reason, units=_room(annotator) or 0 if reason == "quota" else 0)
    if not unfinished.exists():
        return Nothing("done")
    now = timezone.now()
    if Slot.objects.held_by(annotator).exists():
        return Nothing("break", until=break_until(annotator.saved_at, now) or now)
    theirs = (
        unfinished.filter(state=Slot.State.LEASED, lease_until__gte=now)
        .exclude(annotator=annotator)
        .filter(Exists(_unseen_units(annotator)))
    )
    rows = list(theirs.values_list("n_units", "n_answered", "lease_until"))
    if not rows:
        return Nothing("yours_done")
    units = sum(n_units - n_answered for n_units, n_answered, _ in rows)
    return Nothing("others", units=units, until=min(until for *_, until in rows if until))


def _of_campaign(campaign: Campaign) -> str:
    if campaign.state == Campaign.State.PAUSED:
        return "paused"
    return "" if campaign.is_open else "closed"


def _of_person(annotator: Annotator, unfinished: QuerySet[Slot]) -> str:
    if annotator.state in (Annotator.State.STOPPED, Annotator.State.UNQUALIFIED):
        return str(annotator.state)
    room = _room(annotator)
    if room is None:
        return ""
    # An example is judged whole: one that is larger than the rest of the quota is past it.
    larger = unfinished.filter(Exists(_unseen_units(annotator)), n_units__gt=room)
    return "quota" if room <= 0 or larger.exists() else ""


def _room(annotator: Annotator) -> int | None:
    """Return how many answers a person's quota leaves, or None where there is none."""
    quota = annotator.campaign.quota if annotator.quota is None else annotator.quota
    return None if quota is None else max(0, quota - annotator.n_answered)


def _unseen_units(annotator: Annotator) -> QuerySet[Unit]:
    seen = Annotation.objects.filter(unit=OuterRef("pk"), annotator=annotator)
    return Unit.objects.filter(
        ~Exists(seen),
        campaign=annotator.campaign_id,
        bundle=OuterRef("bundle"),
        twin__isnull=True,
    )


@dataclass(frozen=True)
class CampaignProgress:
    """How far a campaign is: places that are filled, of all; and who filled them."""

    filled: int
    places: int
    imported: int
    annotators: list[Annotator]


def campaign_progress(campaign: Campaign) -> CampaignProgress:
    annotators = list(campaign.annotators.select_related("user").order_by("name"))
    at_desk = [person for person in annotators if person.user_id is not None]
    return CampaignProgress(
        filled=sum(person.n_answered - person.n_controls for person in at_desk),
        places=campaign.n_places,
        imported=sum(person.n_answered for person in annotators if person.user_id is None),
        annotators=annotators,
    )


def runs_to_label(project: Project) -> list[Run]:
    """Return the finished runs, newest first, as many as one wants to choose among."""
    runs = Run.objects.filter(project=project, state__in=FINISHED).order_by("-pk")
    return list(runs.select_related("version__dataset", "system_version__system")[:SHOWN_RUNS])


@dataclass(frozen=True)
class LabeledRun:
    """A run of a campaign with the measurements that were published to it, newest of each."""

    run: Run
    published: list[Measurement]

    @property
    def is_scoring(self) -> bool:
        return any(each.state == Measurement.State.SCORING for each in self.published)


def labeled_runs(campaign: Campaign) -> list[LabeledRun]:
    runs = campaign.runs.select_related("version__dataset", "system_version__system")
    return [
        LabeledRun(
            run=run,
            published=[
                measurement
                for measurement in current_measurements(run)
                if measurement.params.get("campaign") == campaign.public_id
            ],
        )
        for run in runs.order_by("pk")
    ]
