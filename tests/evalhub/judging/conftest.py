"""A judge's endpoint for each test, set as the operator would set it."""

import pytest

from evalhub.judging import gateway
from evalhub.outbound import patience
from tests.evalhub.judging.endpoint import judges, serving

KEY = "sk-a-key-of-the-tests-alone"


@pytest.fixture(autouse=True)
def _no_proxy_and_short_pauses(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(patience, "FIRST_PAUSE_SECONDS", 0.01)


@pytest.fixture(scope="session", autouse=True)
def _connections_are_closed_in_the_end():
    yield
    gateway.close()


@pytest.fixture
def endpoint(settings):
    """An endpoint that gives 4 of 5 to everything, until a test changes its script."""
    with serving(lambda asked: judges(4)) as started:
        settings.JUDGE_URL, settings.JUDGE_MODEL = started.url, "tiny-judge"
        settings.JUDGE_KEY = KEY
        settings.JUDGE_TIMEOUT_SECONDS = 5.0
        yield started
