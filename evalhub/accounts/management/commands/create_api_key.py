"""Print a new API key, alone and once. Works beside the running service."""

from __future__ import annotations

import re
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from evalhub.accounts.capabilities import scopes_of_role
from evalhub.accounts.models import SLUG, Membership, Project
from evalhub.accounts.services import issue_api_key
from evalhub.errors import DomainError

_SCOPES = "; ".join(
    f"{role}: {', '.join(scopes_of_role(role))}" for role in Membership.Role.values
)


class Command(BaseCommand):
    help = "Make an API key for a project and print it; it is not kept and never shown again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--project", required=True, metavar="SLUG")
        parser.add_argument("--name", required=True, help="what the key is for, as shown in lists")
        parser.add_argument(
            "--role",
            default=Membership.Role.LEAD.value,
            choices=Membership.Role.values,
            help=f"which scopes the key has (default: lead): {_SCOPES}",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        slug = options["project"]
        is_slug = re.fullmatch(SLUG, slug) is not None
        project = Project.objects.filter(slug=slug).first() if is_slug else None
        if project is None:
            raise CommandError(f"There is no project {slug!r}.")
        try:
            _, secret = issue_api_key(
                project=project, name=options["name"], scopes=scopes_of_role(options["role"])
            )
        except DomainError as exc:
            raise CommandError(exc.detail) from exc
        self.stdout.write(secret)
