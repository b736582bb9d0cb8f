"""What a person does and sees at the desk in a browser."""

from __future__ import annotations

from playwright.sync_api import Page


def unit(page: Page) -> str:
    return page.locator("[name=unit]").input_value()


def press(page: Page, *keys: str) -> None:
    """Press keys of which the last one brings another unit, or none, and wait for it."""
    before = page.locator("#unit > *").element_handle()
    for key in keys:
        page.keyboard.press(key)
    if page.locator("#quick").is_visible():  # quicker than a hand
        page.keyboard.press("Enter")
    page.wait_for_function(ARRIVED, arg=before)


SENT = "() => !Object.keys(localStorage).some((key) => key.startsWith('evalhub-desk-outbox'))"
# Another unit is on the screen with its question in hand, and all that was sent has arrived.
ARRIVED = """old => !old.isConnected && document.activeElement !== document.body
  && !Object.keys(localStorage).some((key) => key.startsWith("evalhub-desk-outbox"))
  && document.querySelector("#saved").dataset.state !== "saving" """


def chosen(page: Page) -> list[str | None]:
    return [each.get_attribute("data-key") for each in page.locator(".scale :checked").all()]


def in_hand(page: Page) -> str:
    return f"{page.evaluate('document.activeElement.closest(`.crit`)?.id')}"
