"""What people type into the account pages."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.contrib.auth.password_validation import password_validators_help_texts

from evalhub.accounts.capabilities import SCOPES
from evalhub.accounts.models import Membership, User, valid_slug
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


class MemberForm(forms.Form):
    """An account, new or existing, and its role. A password makes a new account."""

    username = forms.CharField(
        max_length=150, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    role = forms.ChoiceField(choices=Membership.Role.choices, initial=Membership.Role.ANNOTATOR)
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

    role = forms.ChoiceField(choices=[*Membership.Role.choices, (REMOVE, REMOVE)])


class KeyForm(forms.Form):
    name = forms.CharField(max_length=100)
    scopes = forms.MultipleChoiceField(choices=[(scope, scope) for scope in SCOPES])
