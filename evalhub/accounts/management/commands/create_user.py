"""Make an account with a random first password, and a project for it if asked."""

from __future__ import annotations

import secrets
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from evalhub.accounts.models import Membership, Project, User
from evalhub.accounts.services import create_project, create_user, set_role
from evalhub.errors import DomainError


class Command(BaseCommand):
    help = "Make an account and print its first password; it is not kept and never shown again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", metavar="NAME")
        parser.add_argument(
            "--owner-of",
            metavar="PROJECT",
            help="the slug of a project to own; it is opened if there is none",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        password = secrets.token_urlsafe(9)
        try:
            with transaction.atomic():
                user = create_user(username=options["name"], password=password)
                if options["owner_of"] is not None:
                    _make_owner(user, options["owner_of"])
        except DomainError as exc:
            raise CommandError(exc.detail) from exc
        self.stdout.write(password)


def _make_owner(user: User, slug: str) -> None:
    project = Project.objects.filter(slug=slug).first() if "\0" not in slug else None
    if project is None:
        create_project(slug=slug, name=slug, owner=user)
    else:
        set_role(project=project, user=user, role=Membership.Role.OWNER)
