"""Put in the demo project, and print how to get in: on the first start only."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from evalhub.errors import DomainError
from evalhub.web.management.seeding import Access, seed


class Command(BaseCommand):
    help = "Put in the demo project. Doing it again changes nothing."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            access = seed()
        except DomainError as exc:
            raise CommandError(exc.detail) from exc
        if access is None:
            self.stdout.write("The demo project is there already.")
        else:
            self._print(access)

    def _print(self, access: Access) -> None:
        rows = [("Log in as", "password", "role"), *access.people]
        lines = [f"  {name:<11}{password:<14}{role}" for name, password, role in rows]
        self.stdout.write(
            "\n".join(
                [
                    "",
                    "The demo project is in. This is shown once; write it down.",
                    "",
                    *lines,
                    "",
                    f"  API key of the project demo: {access.api_key}",
                    "",
                ]
            )
        )
