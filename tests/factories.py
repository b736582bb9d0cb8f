"""Ordinary valid things for tests: a project, its people, a key, a dataset version."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import count

from django.utils import timezone

from evalhub.accounts.capabilities import scopes_of_role
from evalhub.accounts.models import Membership, Project, User
from evalhub.accounts.services import COMMAND_LINE, issue_api_key
from evalhub.datasets.drafts import Source
from evalhub.datasets.models import Dataset, DatasetVersion
from evalhub.datasets.services import add_version, create_dataset
from evalhub.intake.blocks import Block
from evalhub.intake.lines import ErrorCollector
from evalhub.intake.rows import ExampleRow, typed

_numbers = count(1)


def a_project(slug: str | None = None) -> Project:
    slug = slug or f"project-{next(_numbers)}"
    return Project.objects.create(slug=slug, name=slug, created_at=timezone.now())


def a_user(name: str | None = None) -> User:
    return User.objects.create_user(name or f"person-{next(_numbers)}")


def a_member(project: Project, role: str, *, made_here: bool = False) -> User:
    """Return a new member; an account that was `made_here` is in reach of the project's owners."""
    user = a_user()
    if made_here:
        user.made_in = project
        user.save()
    Membership.objects.create(project=project, user=user, role=role, created_at=timezone.now())
    return user


def a_key(project: Project, role: str = "lead") -> dict[str, str]:
    """Return the header that bears a new key of this role."""
    _, secret = issue_api_key(project=project, name="test", scopes=scopes_of_role(role))
    return {"Authorization": f"Bearer {secret}"}


def example_row(key: str, **fields: object) -> ExampleRow:
    members = {"key": key, "input": f"What is {key}?", **fields}
    row = typed(ExampleRow, members, 1, ErrorCollector(stop_at=1))
    assert row is not None
    return row


def source_of(rows: Iterable[ExampleRow]) -> Source:
    """Return a source of these examples."""
    return lambda: [Block.of([row], [row.content().encode()]) for row in rows]


def a_dataset(project: Project, name: str | None = None) -> Dataset:
    return create_dataset(
        project=project, name=name or f"dataset-{next(_numbers)}", actor=COMMAND_LINE
    )


def a_version(
    project: Project,
    rows: list[ExampleRow] | None = None,
    *,
    n: int = 3,
    cluster_field: str = "",
    dataset: Dataset | None = None,
) -> DatasetVersion:
    """Return a version of these rows, or of n questions q1…qn with expected answers a1…an."""
    if rows is None:
        rows = [example_row(f"q{i}", expected_output=f"a{i}") for i in range(1, n + 1)]
    return add_version(
        dataset=dataset or a_dataset(project),
        source=source_of(rows),
        cluster_field=cluster_field,
        actor=COMMAND_LINE,
    ).version


def jsonl(*lines: object) -> str:
    """Return a body of JSON lines."""
    return "".join(json.dumps(line) + "\n" for line in lines)
