"""An expert decides with the keyboard alone where people differ, and the decision is published."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.access import assert_clean
from tests.factories import jsonl
from tests.running import Service

pytestmark = [pytest.mark.journey, pytest.mark.browser]

PASSWORD = "a reed bed at low water"
SAID = {"k1": (1, 5), "k2": (2, 4), "k3": (4, 4)}
PEOPLE = f"""
from evalhub.accounts.capabilities import SCOPES
from evalhub.accounts.services import create_project, create_user, issue_api_key
lead = create_user(username="reed-lead", password="{PASSWORD}")
project = create_project(slug="reeds", name="Reeds", owner=lead)
print(issue_api_key(project=project, name="journey", scopes=list(SCOPES))[1])
"""


@pytest.fixture(scope="module")
def api(service: Service):
    key = service.manage("shell", "--verbosity", "0", "--command", PEOPLE).splitlines()[-1]
    with service.client(key=key) as client:
        yield client


@pytest.fixture(scope="module")
def campaign(api) -> str:
    """Return a campaign on which two people have answered, and differ twice."""

    def post(address: str, body: object = None, *rows: object):
        lines = {"Content-Type": "application/x-ndjson"} if rows else None
        how = {"content": jsonl(*rows), "headers": lines} if rows else {"json": body}
        answer = api.post(f"/api/v1/{address}", **how)
        assert answer.status_code < 300, answer.text
        return answer.json()

    post("projects/reeds/datasets", {"name": "calls"})
    examples = [{"key": key, "input": f"Who calls at {key}?"} for key in SAID]
    post("projects/reeds/datasets/calls/versions", None, *examples)
    body = {"dataset": "calls", "system": "veiled-heron", "metrics": ["exact_match"]}
    run = post("projects/reeds/runs", body)["id"]
    post(f"runs/{run}/outputs", None, *({"key": key, "output": f"**{key}**"} for key in SAID))
    post(f"runs/{run}/finish", {})
    questions = [{"name": "right", "kind": "rating"}, {"name": "safe", "kind": "yes_no"}]
    plan = {"name": "Calls", "runs": [run], "questions": questions, "overlap": 2}
    made = str(post("projects/reeds/campaigns", plan)["id"])
    rows = [
        {"run": run, "key": key, "annotator": name, "answers": {"right": right, "safe": True}}
        for key, answers in SAID.items()
        for name, right in zip(("ann", "bea"), answers, strict=True)
    ]
    post(f"campaigns/{made}/annotations", None, *rows)
    return made


@pytest.fixture
def page(browser: Browser, service: Service, campaign) -> Iterator[Page]:
    context = browser.new_context(base_url=service.url, reduced_motion="reduce")
    page = context.new_page()
    page.goto("/login/")
    page.locator("[name=username]").fill("reed-lead")
    page.locator("[name=password]").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "/login/" not in url)
    yield page
    context.close()


def in_hand(page: Page) -> str:
    page.wait_for_selector("#decision .crit.on")
    return str(page.evaluate("document.activeElement.closest('.crit').id"))


def test_two_units_are_decided_by_keyboard(page, api, campaign):
    problems = []
    page.on("console", lambda message: problems.append(message.text))
    page.goto(f"/campaigns/{campaign}/deciding/")
    expect(page.locator("h1")).to_have_text("2 outputs wait for a decision")
    assert_clean(page)
    page.set_viewport_size({"width": 1366, "height": 768})
    page.get_by_role("link", name="Decide the first").focus()
    page.keyboard.press("Enter")

    assert in_hand(page) == "q0"
    expect(page.locator("h1")).to_have_text("Who calls at k1?")
    assert "veiled" not in page.content()
    for control in page.locator("#decision .acts *, #q0 label").all():
        expect(control).to_be_in_viewport()
    page.keyboard.press("4")
    assert in_hand(page) == "why"
    page.keyboard.press("2")
    page.keyboard.press("Enter")

    expect(page.locator("h1")).to_have_text("Who calls at k2?")
    assert in_hand(page) == "q0"
    page.keyboard.press("s")
    expect(page.locator("h1")).to_have_text("1 output waits for a decision")
    page.get_by_role("link", name="k2").focus()
    page.keyboard.press("Enter")
    assert in_hand(page) == "q0"
    page.keyboard.press("n")
    page.keyboard.press("5")
    page.keyboard.press("[")
    expect(page.locator("h1")).to_have_text("Who calls at k1?")
    assert in_hand(page) == "q0"
    expect(page.locator(".note.same")).to_contain_text("guideline gap. right 4")
    assert_clean(page)
    page.keyboard.press("3")
    assert in_hand(page) == "why"  # the next digit does not take the place of this one
    page.goto(f"/campaigns/{campaign}/controls/")
    assert_clean(page)

    found = api.get(f"/api/v1/campaigns/{campaign}/decisions").text
    assert '"key": "k1"' in found
    assert found.count("\n") == 1
    assert api.post(f"/api/v1/campaigns/{campaign}/publish").status_code == 202
    assert problems == []
