"""A world that is built once for a module, and given back to each test as it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import pytest
from django.test import override_settings

from evalhub.accounts.services import create_user
from labeling.models import Unit
from tests.evalhub.hostile.doors import ADA, PASSWORD, Knock, stored
from tests.factories import a_key
from tests.labeling.building import an_annotator, answered
from tests.world import World, build_world, undone


@pytest.fixture(scope="module")
def db(django_db_setup, django_db_blocker) -> Iterator[None]:
    """Open the database for the whole module, to build the world once."""
    with django_db_blocker.unblock(), undone():
        yield


@pytest.fixture(scope="module")
def built(db, tmp_path_factory) -> Iterator[tuple[World, dict[str, str], dict[str, str]]]:
    """Build a world with one judged output, and note all that is stored in it."""
    spool = tmp_path_factory.mktemp("spool")
    with override_settings(SPOOL_DIR=spool):
        world = build_world()
        create_user(username=ADA["username"], password=ADA["password"])
        owner = world.people["owner"]
        owner.set_password(PASSWORD["password"])
        owner.save()
        judge = an_annotator(world.campaign, owner)
        unit = Unit.objects.get(public_id=world.unit)
        answered(judge, unit, faithful=3)
        yield world, a_key(world.project, "owner"), stored()


@pytest.fixture
def world(built) -> Iterator[World]:
    with undone():
        yield built[0]


@pytest.fixture
def headers(built):
    return built[1]


@pytest.fixture
def knock_at(built, world) -> Callable[..., Knock]:
    """Return a function that goes to a door by its name."""
    _, headers, before = built
    return partial(Knock, world, headers, before)
