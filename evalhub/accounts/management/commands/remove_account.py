"""End an account and print the neutral name under which its answers stay."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from evalhub.accounts.departures import remove_account
from evalhub.accounts.models import User
from evalhub.accounts.services import COMMAND_LINE
from evalhub.errors import DomainError


class Command(BaseCommand):
    help = (
        "Take an account out of all its projects and empty it, for good: sessions end, API keys "
        "that it made stop working, answers stay under a neutral name, which is printed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", metavar="NAME")

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["name"]
        user = User.objects.filter(username=name).first() if "\0" not in name else None
        if user is None:
            raise CommandError(f"There is no account {name!r}.")
        try:
            self.stdout.write(remove_account(user=user, actor=COMMAND_LINE).name)
        except DomainError as exc:
            raise CommandError(exc.detail) from exc
