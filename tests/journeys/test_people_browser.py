"""An invitation in a real browser: made by keyboard, opened by a stranger, told to nobody else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.access import assert_clean
from tests.running import Service

pytestmark = [pytest.mark.journey, pytest.mark.browser]

Visit = Callable[[], Page]
PASSWORD = "a ferry before the frost"
OWNER = f"""
from evalhub.accounts.services import create_project, create_user
owner = create_user(username="ferry-owner", password="{PASSWORD}")
create_project(slug="ferry", name="Ferry", owner=owner)
"""


def type_in(page: Page, first: str, *values: str) -> None:
    """Fill a form from its first field on, and send it."""
    page.locator(f"[name={first}]").focus()
    for at, value in enumerate(values):
        if at:
            page.keyboard.press("Tab")
        page.keyboard.type(value)
    page.keyboard.press("Enter")


@pytest.fixture
def visit(browser: Browser, service: Service) -> Iterator[Visit]:
    """Return a function that opens a page for somebody of whom nothing is known."""
    with ExitStack() as stack:

        def visit() -> Page:
            context = browser.new_context(base_url=service.url, reduced_motion="reduce")
            stack.callback(context.close)
            return context.new_page()

        yield visit


@pytest.fixture
def owner(visit: Visit, service: Service) -> Page:
    service.manage("shell", "--verbosity", "0", "--command", OWNER)
    page = visit()
    page.goto("/login/?next=/p/ferry/invitations/")
    type_in(page, "username", "ferry-owner", PASSWORD)
    page.wait_for_url(lambda url: "/login/" not in url)
    return page


def test_a_link_brings_somebody_in_and_tells_nothing_of_itself(visit: Visit, owner: Page):
    assert_clean(owner)
    type_in(owner, "note", "The night shift")
    expect(owner.get_by_role("heading", name="Copy this link now")).to_be_visible()
    assert_clean(owner)
    link = owner.locator("#secret").inner_text()

    stranger = visit()
    told: list[str] = []
    stranger.on("request", lambda sent: told.append(sent.headers.get("referer", "")))
    stranger.goto(link)
    assert_clean(stranger)
    type_in(stranger, "username", "ferry-rower", PASSWORD, PASSWORD)
    # The form is taken, though the page hides its address from all that it asks for.
    stranger.wait_for_url("**/p/ferry/labeling/")
    assert len(told) > 3
    assert not [one for one in told if "/invitations/" in one]
    stranger.goto(link)
    expect(stranger.locator("main")).to_contain_text("You are annotator of this project already")

    owner.goto("/p/ferry/members/")
    owner.get_by_role("button", name="Remove ferry-rower").focus()
    owner.keyboard.press("Enter")
    expect(owner.get_by_role("dialog")).to_be_visible()
    assert_clean(owner)
    owner.get_by_label("Remove the account too.").focus()
    for key in ("Space", "Tab", "Tab", "Enter"):
        owner.keyboard.press(key)
    expect(owner.locator("#toasts")).to_contain_text("what it leaves is “removed person")
    stranger.goto("/account/")
    assert "/login/" in stranger.url
