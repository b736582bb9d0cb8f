"""An endpoint on this machine, which the tests may ask though nobody else may."""

import pytest

from tests.evalhub.judging.endpoint import sends, serving


@pytest.fixture
def endpoint(settings):
    """An endpoint that answers ``{}`` to everything, until a test changes its script."""
    settings.OUTBOUND_ALLOW = ["127.0.0.1/32"]
    with serving(lambda asked: sends(200, b"{}")) as started:
        yield started
