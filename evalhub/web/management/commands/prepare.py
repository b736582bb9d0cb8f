"""Bring the database up to date before the service starts, and put in the demo if asked."""

from __future__ import annotations

from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser

from evalhub.accounts.models import User
from evalhub.web.management import seeding

NOBODY = (
    "Nobody can log in yet. In this folder, with the same settings, this makes the first account: "
    ".venv/bin/python manage.py create_user NAME --owner-of PROJECT"
)


class Command(BaseCommand):
    help = "Bring the database up to date; with --demo put in the demo project, if it is not in."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--demo", action="store_true", help="put in the demo project")

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("migrate", interactive=False, verbosity=0)
        # Asked of the database, not of the data directory: DATABASE_URL may name another one.
        if options["demo"] and not seeding.is_in():
            self.stdout.write("Putting in the demo project.")
            call_command("seed_demo", stdout=self.stdout)
        if not User.objects.exists():
            self.stdout.write(NOBODY)
