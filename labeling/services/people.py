"""What becomes of people in campaigns: they leave, or are removed and keep a neutral name."""

from __future__ import annotations

from django.db import transaction

from evalhub.accounts.models import Project, User
from evalhub.runs.models import Measurement
from evalhub.runs.ratings import rename_rater
from labeling.models import Annotator, Campaign, Slot
from labeling.services.slots import give_back


@transaction.atomic
def leave(*, project: Project, user: User) -> None:
    """Hand what somebody has on their desk, or was given, to others. Their answers stay."""
    places = Annotator.objects.select_for_update(of=("self",), no_key=True).order_by("pk")
    for annotator in places.filter(campaign__project=project, user=user):
        put_down(annotator)


def put_down(annotator: Annotator) -> None:
    """Leave what a person holds, and what a lead kept for them, to others; their row is locked."""
    give_back(annotator)
    Slot.objects.filter(reserved_for=annotator).update(reserved_for=None)
    annotator.unit = annotator.next_unit = annotator.shown_at = None
    annotator.save(update_fields=["unit", "next_unit", "shown_at"])


@transaction.atomic
def take_name(user: User) -> None:
    """Put an account's name, which is neutral by now, in place of the one in its campaigns.

    Labels that were published name their rater too. What they say does not change.
    """
    for annotator in Annotator.objects.filter(user=user).select_related("campaign").order_by("pk"):
        former, campaign = annotator.name, annotator.campaign
        annotator.name = free_name(campaign, user)
        annotator.save(update_fields=["name"])
        published = Measurement.objects.filter(
            run__campaigns=campaign,
            kind=Measurement.Kind.HUMAN,
            params__campaign=campaign.public_id,
        )
        rename_rater(published, former=former, name=annotator.name)


def free_name(campaign: Campaign, user: User) -> str:
    """Return the name of a user, told apart from one that came into the campaign by import."""
    others = campaign.annotators.exclude(user=user)
    taken = others.filter(name=user.username).exists()
    return f"{user.username[:180]} (account {user.pk})" if taken else user.username
