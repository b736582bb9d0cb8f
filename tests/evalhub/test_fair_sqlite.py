"""Whoever waits for another's write on SQLite is let in soon after it, or told in time."""

import sqlite3
import threading
import time
from contextlib import closing

import pytest
from django.db import OperationalError, connection, transaction

from evalhub.databases import trouble
from tests.factories import a_project

pytestmark = [pytest.mark.sqlite, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def project():
    return a_project()


@pytest.fixture
def another(project):
    """Return a connection of another process that is writing."""
    name = connection.settings_dict["NAME"]
    with closing(sqlite3.connect(name, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield other


def write(project, *, in_transaction):
    project.name = "written"
    if in_transaction:
        with transaction.atomic():
            project.save()
    else:
        type(project).objects.filter(pk=project.pk).update(name="written")


@pytest.mark.parametrize("in_transaction", [True, False])
def test_a_writer_waits_and_is_let_in(project, another, in_transaction):
    threading.Timer(0.2, another.execute, ["COMMIT"]).start()
    write(project, in_transaction=in_transaction)
    project.refresh_from_db()
    assert project.name == "written"


@pytest.mark.parametrize("in_transaction", [True, False])
def test_whoever_waits_in_vain_is_told_when_their_patience_ends(
    project, another, in_transaction, monkeypatch
):
    monkeypatch.setattr(connection.connection, "patience", 0.2)
    began = time.monotonic()
    with pytest.raises(OperationalError) as caught:
        write(project, in_transaction=in_transaction)
    assert 0.2 <= time.monotonic() - began < 2
    assert trouble(caught.value) == "The database is busy with another write."


def test_patience_is_that_of_the_settings_and_looks_are_close_together(project):
    assert connection.connection.patience == connection.settings_dict["OPTIONS"]["timeout"]
    with connection.cursor() as cursor:
        # SQLite alone would come to one look in 100 ms, and others get in between.
        cursor.execute("PRAGMA busy_timeout")
        assert cursor.fetchone() == (15,)


def test_other_faults_are_told_at_once(project):
    began = time.monotonic()
    with pytest.raises(OperationalError, match="no such table"), connection.cursor() as cursor:
        cursor.execute("SELECT * FROM nowhere")
    assert time.monotonic() - began < 1
