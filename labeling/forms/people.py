"""What leads type to say who answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from django import forms

from evalhub.accounts.capabilities import Capability
from evalhub.accounts.invitations import DAYS, MAX_DAYS, MAX_NOTE, MAX_USES, Offer
from evalhub.accounts.models import LIMITED, Membership, User, role_of
from labeling.models import Campaign
from labeling.services.placing import MAX_QUOTA

ACTS: Final = ("stop", "go_on", "retry", "release", "quota", "reserve")


def quota_field() -> forms.IntegerField:
    return forms.IntegerField(
        required=False,
        min_value=1,
        max_value=MAX_QUOTA,
        label="Answers at most",
        help_text="Left empty: as the campaign says.",
    )


def without_place(campaign: Campaign) -> list[User]:
    """Return the members who could label in a campaign and have no place yet."""
    memberships = Membership.objects.filter(project=campaign.project_id).select_related("user")
    seated = set(campaign.annotators.exclude(user=None).values_list("user_id", flat=True))
    return [
        each.user
        for each in memberships.order_by("user__username")
        if Capability.LABEL in each.capabilities and each.user_id not in seated
    ]


class AddForm(forms.Form):
    """A member gets a place."""

    member = forms.TypedChoiceField(error_messages={"required": "Choose a member."})
    quota = quota_field()

    def __init__(self, *args: Any, members: Sequence[User], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        of_key = {str(user.pk): user for user in members}
        self.has_members = bool(of_key)
        field = self.fields["member"]
        assert isinstance(field, forms.TypedChoiceField)  # noqa: S101 - declared above
        field.choices = [("", "choose"), *((key, user.username) for key, user in of_key.items())]
        field.coerce = of_key.__getitem__


class InviteForm(forms.Form):
    """A link that gives whoever opens it a place."""

    note = forms.CharField(
        required=False, max_length=MAX_NOTE, label="For whom", help_text="Only leads see it."
    )
    role = forms.ChoiceField(
        label="As",
        choices=[
            (LIMITED, "annotator of this campaign only"),
            ("annotator", "annotator of the project"),
            ("expert", "expert: labels, and decides where people differ"),
        ],
    )
    max_uses = forms.IntegerField(
        min_value=1, max_value=MAX_USES, initial=1, label="For how many people"
    )
    days = forms.IntegerField(
        min_value=1, max_value=MAX_DAYS, initial=DAYS, label="Open for how many days"
    )
    quota = quota_field()

    def offer(self) -> Offer:
        given = self.cleaned_data
        role, is_limited = role_of(given["role"])
        return Offer(
            role=role,
            is_limited=is_limited,
            note=given["note"],
            max_uses=given["max_uses"],
            days=given["days"],
        )


class PersonForm(forms.Form):
    """What a lead does about one person."""

    do = forms.ChoiceField(
        choices=[(act, act) for act in ACTS],
        error_messages={
            "required": "Say what is to be done.",
            "invalid_choice": "There is no such thing to do.",
        },
    )
    quota = forms.IntegerField(required=False, min_value=1, max_value=MAX_QUOTA)
    unit = forms.CharField(required=False, max_length=24)
