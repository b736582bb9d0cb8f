"""Queries that are put into SQL once say what the ORM says."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext

from evalhub.accounts.models import Membership, Project, User
from evalhub.prepared import Prepared, delete, insert, prepared, update
from tests.factories import a_member, a_project

pytestmark = pytest.mark.django_db


def test_it_answers_as_the_orm_does_and_builds_once():
    built = []

    def build(project, role):
        built.append((project, role))
        return Membership.objects.filter(project=project, role=role).order_by("pk")

    members = Prepared(build, int, str)
    first, second = a_project(), a_project()
    for project in (first, second):
        for role in ("lead", "annotator", "annotator"):
            a_member(project, role)
    for project in (first, second):
        for role in ("lead", "annotator", "owner", "no'body%s"):
            wanted = Membership.objects.filter(project=project, role=role).order_by("pk")
            assert [vars(one)["id"] for one in members.rows(project.pk, role)] == [
                one.pk for one in wanted
            ]
    assert len(built) == 1
    assert members.first(first.pk, "nobody") is None
    [found] = members.rows(first.pk, "lead")
    stored = Membership.objects.get(project=first, role="lead")
    assert (found.is_limited, found.created_at, found.role) == (
        stored.is_limited,
        stored.created_at,
        stored.role,
    )


def test_what_is_put_off_is_read_when_it_is_wanted():
    project = a_project()
    [found] = Prepared(lambda pk: Project.objects.filter(pk=pk).defer("name"), int).rows(
        project.pk
    )
    assert found.get_deferred_fields() == {"name"}
    assert found.name == project.name


def test_a_value_that_the_statement_does_not_compare_is_a_mistake():
    with pytest.raises(ValueError, match="does not compare"):
        Prepared(lambda pk: User.objects.all(), int).rows(1)


def test_related_rows_come_along():
    project = a_project()
    user = a_member(project, "lead")
    members = Prepared(
        lambda user: Membership.objects.select_related("project", "user").filter(user=user), int
    )
    [found] = members.rows(user.pk)
    with CaptureQueriesContext(connection) as asked:
        assert found.project.created_at == project.created_at
        assert found.user.is_active is True
    assert len(asked) == 0


def test_rows_are_written_changed_and_removed_as_by_the_orm():
    project = a_project()
    user, other = a_member(project, "lead"), a_member(a_project(), "lead")
    wanted = Membership.objects.get(user=user)
    written = Membership(project=project, user=other, role="annotator", is_limited=True)
    written.created_at = wanted.created_at
    insert(written)
    stored = Membership.objects.get(pk=written.pk)
    assert (stored, stored.role, stored.is_limited) == (written, "annotator", True)
    assert stored.created_at == wanted.created_at
    update(Membership, written.pk, {"role": "lead", "is_limited": False})
    stored.refresh_from_db()
    assert (stored.role, stored.is_limited, stored.user_id) == ("lead", False, other.pk)
    written.role, written.is_limited = "owner", False
    written.save()
    assert Membership.objects.filter(project=project).count() == 2
    delete(Membership, written.pk)
    assert list(Membership.objects.filter(project=project)) == [wanted]


@pytest.mark.postgres
def test_a_statement_is_planned_once_on_postgresql_and_its_failure_is_one_of_the_orm():
    for number in (1, 2, 70_000, 3_000_000_000):
        with prepared() as cursor:
            cursor.execute("SELECT %s::bigint + 1 AS next", [number])
            assert cursor.fetchone() == (number + 1,)
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements")
        kept = [statement for (statement,) in cursor.fetchall() if "AS next" in statement]
    assert 1 <= len(kept) <= 3  # one for each width of a number
    with pytest.raises(IntegrityError), prepared() as cursor:
        cursor.execute("INSERT INTO accounts_user (id) VALUES (%s)", [1])
