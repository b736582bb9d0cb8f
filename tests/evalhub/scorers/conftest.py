"""A scorer's service on this machine, with short pauses before it is asked again."""

import pytest

from evalhub.runs import remote
from tests.evalhub.judging.endpoint import serving
from tests.evalhub.scorers.building import by_length, each


@pytest.fixture
def endpoint(settings, monkeypatch):
    """A service that scores outputs by their length, until a test changes its script."""
    settings.OUTBOUND_ALLOW = ["127.0.0.1/32"]
    monkeypatch.setattr(remote, "FIRST_PAUSE_SECONDS", 0.005)
    with serving(each(by_length)) as started:
        yield started
