"""Who answers in a campaign."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from evalhub.accounts.models import Invitation, User
from labeling.models.campaigns import Campaign


class Annotator(models.Model):
    """Someone who answers in a campaign: a member, or a name that came with an import.

    The row is locked by whatever this person does, so that two tabs are one queue.
    """

    class State(models.TextChoices):
        ACTIVE = "active"
        QUALIFYING = "qualifying"  # answers the qualification first
        UNQUALIFIED = "unqualified"  # stayed under the pass mark
        STOPPED = "stopped"  # by a lead; what was answered stays

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="annotators")
    user = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="annotators"
    )
    name = models.CharField(max_length=200)
    state = models.CharField(max_length=12, choices=State, default=State.ACTIVE)
    quota = models.PositiveIntegerField(null=True, blank=True)  # instead of the campaign's
    guidelines_seen = models.PositiveIntegerField(default=0)  # the number acknowledged last
    seed = models.BigIntegerField()  # of the order in which this person sees units
    unit = models.ForeignKey(  # on the desk now, since shown_at
        "labeling.Unit", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    shown_at = models.DateTimeField(null=True, blank=True)
    next_unit = models.ForeignKey(  # fetched already, shown after this one
        "labeling.Unit", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    last_bundle = models.PositiveIntegerField(null=True, blank=True)  # never two of one example
    n_claimed = models.PositiveIntegerField(default=0)  # examples, controls among them
    reached = models.PositiveIntegerField(default=0)  # in the campaign's order, at the last claim
    n_answered = models.PositiveIntegerField(default=0)  # units, but for the qualification
    n_controls = models.PositiveIntegerField(default=0)  # of them
    n_qualification = models.PositiveIntegerField(default=0)
    n_skipped = models.PositiveIntegerField(default=0)
    # By pair of runs: how much oftener the second output has stood on the left, -1, 0 or 1.
    sides = models.JSONField(default=dict, blank=True)
    pace = models.JSONField(default=list, blank=True)  # seconds of the last answers, newest last
    saved_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint("campaign", "name", name="annotator_name_once_per_campaign"),
            models.UniqueConstraint(
                "campaign",
                "user",
                condition=Q(user__isnull=False),
                name="annotator_user_once_per_campaign",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} in campaign {self.campaign_id}"


class CampaignInvitation(models.Model):
    """An invitation that gives a place in a campaign to everybody who accepts it."""

    invitation = models.ForeignKey(
        Invitation, on_delete=models.CASCADE, related_name="to_campaigns", db_index=False
    )
    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="invitations")
    quota = models.PositiveIntegerField(null=True, blank=True)  # of each who comes by it

    class Meta:
        constraints = [
            models.UniqueConstraint("invitation", "campaign", name="invitation_once_per_campaign"),
        ]

    def __str__(self) -> str:
        return f"invitation {self.invitation_id} to campaign {self.campaign_id}"
