"""What people type into the account pages."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm, UsernameField
from django.contrib.auth.password_validation import password_validators_help_texts

from evalhub.accounts.capabilities import SCOPES
from evalhub.accounts.invitations import DAYS, MAX_DAYS, MAX_NOTE, MAX_USES
from evalhub.accounts.models import LIMITED, PLACES, Membership, User, valid_slug
from evalhub.accounts.services import (
    forget_failed_logins,
    is_login_blocked,
    note_failed_login,
)

REMOVE = "remove"
TOO_MANY_FAILURES = "This name failed to log in too often. Try again in 15 minutes."


class LoginForm(AuthenticationForm):
    """Name and password, with guessing slowed down per name."""

    error_messages = {
        "invalid_login": "This name and password do not belong together.",
        "inactive": "This account is switched off.",
    }

    def clean(self) -> dict[str, Any]:
        username = self.cleaned_data.get("username") or ""
        if is_login_blocked(username=username):
            raise forms.ValidationError(TOO_MANY_FAILURES, code="blocked")
        try:
            cleaned = super().clean()
        except forms.ValidationError:
            note_failed_login(username=username)
            raise
        if self.get_user() is not None:  # a form without a password proves nothing
            forget_failed_logins(username=username)
        return cleaned


class PasswordForm(PasswordChangeForm):
    """A new password for oneself; guessing the old one is slowed down as at the login."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["old_password"].label = "Your password until now"
        self.fields["new_password1"].help_text = password_rule()
        self.fields["new_password2"].label = "Repeat the new password"
        self.fields["new_password2"].help_text = ""

    def validate_password_for_user(self, user: User, *_field: str) -> None:
        """Name a weak password at the field that says what a password must be."""
        super().validate_password_for_user(user, "new_password1")

    def clean_old_password(self) -> str:
        username = self.user.get_username()
        if is_login_blocked(username=username):
            raise forms.ValidationError(TOO_MANY_FAILURES, code="blocked")
        try:
            given: str = super().clean_old_password()
        except forms.ValidationError:
            note_failed_login(username=username)
            raise
        forget_failed_logins(username=username)
        return given


def password_rule() -> str:
    """Say what a password must be, before one is refused."""
    return " ".join(password_validators_help_texts()).replace("Your password", "It")


class ProjectForm(forms.Form):
    name = forms.CharField(max_length=200)
    slug = forms.CharField(max_length=100, validators=[valid_slug])
    description = forms.CharField(max_length=2_000, required=False, widget=forms.Textarea)


def places_of(roles: Collection[str]) -> list[tuple[str, str]]:
    """Return what may be chosen where these roles may be given."""
    return [
        (place, words)
        for place, words in PLACES.items()
        if place in roles or (place == LIMITED and Membership.Role.ANNOTATOR in roles)
    ]


class MemberForm(forms.Form):
    """An account, new or existing, and its role. A password makes a new account."""

    username = UsernameField(max_length=150, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    role = forms.ChoiceField(
        choices=places_of(Membership.Role.values), initial=Membership.Role.ANNOTATOR
    )
    password = forms.CharField(
        required=False,
        max_length=200,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        strip=False,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password"].help_text = f"For a new account. {password_rule()}"


class RoleForm(forms.Form):
    """A new role. Removing is said in so many words: an empty form changes nothing."""

    role = forms.ChoiceField(choices=[*places_of(Membership.Role.values), (REMOVE, REMOVE)])
    with_account = forms.BooleanField(required=False)


class InvitationForm(forms.Form):
    """Whom a link lets in, as what, how often and for how long."""

    note = forms.CharField(
        label="For whom",
        max_length=MAX_NOTE,
        required=False,
        help_text="For this list alone; who opens the link does not see it.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    role = forms.ChoiceField()
    max_uses = forms.IntegerField(
        label="How many people",
        min_value=1,
        max_value=MAX_USES,
        initial=1,
        help_text=f"1 for a link to one person, up to {MAX_USES} for a group.",
    )
    days = forms.IntegerField(
        label="Open for how many days", min_value=1, max_value=MAX_DAYS, initial=DAYS
    )

    def __init__(self, *args: Any, roles: Collection[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"] = forms.ChoiceField(
            choices=places_of(roles), initial=Membership.Role.ANNOTATOR
        )


class NewPasswordForm(forms.Form):
    """A password that nobody has yet, typed twice."""

    password1 = forms.CharField(
        label="Password",
        max_length=200,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    password2 = forms.CharField(
        label="Repeat the password",
        max_length=200,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password1"].help_text = password_rule()

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        if "password2" in given and given.get("password1") != given["password2"]:
            self.add_error("password2", "The two passwords are not the same.")
        return given


class JoinForm(NewPasswordForm):
    """A name and a password for a new account."""

    field_order = ("username",)
    username = UsernameField(
        max_length=150,
        help_text="Letters, digits and @ . + - _; who leads the project sees it.",
        widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none"}),
    )


class KeyForm(forms.Form):
    name = forms.CharField(max_length=100)
    scopes = forms.MultipleChoiceField(choices=[(scope, scope) for scope in SCOPES])
