"""The whole job of a newcomer, on the service that `make demo` starts."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx2
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.factories import jsonl
from tests.running import Service, wait_until

pytestmark = [pytest.mark.journey, pytest.mark.browser]

EXAMPLES, LABELED = 60, 6
METRICS = ["exact_match", "token_f1", "bleu"]
# Which examples each system gets wrong: 20 of 60 against 6, two of them shared.
OLD_FAILS = [number for number in range(EXAMPLES) if number % 3 == 0]
NEW_FAILS = [number for number in range(EXAMPLES) if number % 10 == 5]


@pytest.fixture(scope="module")
def passwords(service: Service) -> dict[str, str]:
    """Read what the start printed: names and passwords."""
    line = r"^  ([\w-]+) +(\S+) +(?:owner|annotator|expert|viewer)$"
    return dict(re.findall(line, service.output, re.M))


def enter(browser: Browser, service: Service, name: str, password: str) -> Page:
    context = browser.new_context(
        base_url=service.url, viewport={"width": 1366, "height": 768}, reduced_motion="reduce"
    )
    page = context.new_page()
    page.goto("/login/")
    page.locator("[name=username]").fill(name)
    page.locator("[name=password]").fill(password)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "/login/" not in url)
    return page


@pytest.fixture(scope="module")
def lead(browser: Browser, service: Service, passwords: dict[str, str]) -> Page:
    return enter(browser, service, "lead", passwords["lead"])


@pytest.fixture(scope="module")
def api(lead: Page, service: Service) -> Iterator[httpx2.Client]:
    """Make a project, an annotator and an API key on the pages, and return a client with it."""
    lead.goto("/projects/new/")
    lead.get_by_label("Name").fill("Bakery")
    lead.get_by_label("Slug").fill("bakery")
    lead.get_by_role("button", name="Make the project").click()
    expect(lead).to_have_url(re.compile("/p/bakery/"))
    lead.goto("/p/bakery/members/")
    lead.get_by_label("Username").fill("demo-maren")
    lead.get_by_role("button", name="Add the person").click()
    expect(lead.get_by_role("row", name="demo-maren")).to_be_visible()
    lead.goto("/p/bakery/keys/")
    lead.get_by_label("Name").fill("first steps")
    for scope in ("read", "submit"):
        lead.locator(f"[name=scopes][value={scope}]").check()
    lead.get_by_role("button", name="Make the key").click()
    with service.client(key=lead.locator("#secret").inner_text()) as client:
        yield client


def done(response: httpx2.Response):
    assert response.status_code < 300, response.text
    return response.json()


def send(api: httpx2.Client, path: str, rows: list[dict[str, object]]):
    headers = {"Content-Type": "application/x-ndjson"}
    return done(api.post(f"/api/v1/{path}", content=jsonl(*rows).encode(), headers=headers))


def right(number: int) -> str:
    return f"loaf number {number} is done at {number} past six"


@pytest.fixture(scope="module")
def runs(api: httpx2.Client) -> dict[str, str]:
    """Put in a dataset and two systems' outputs over REST, and wait until all is scored."""
    done(api.post("/api/v1/projects/bakery/datasets", json={"name": "loaves"}))
    examples: list[dict[str, object]] = [
        {
            "key": f"loaf-{number}",
            "input": f"When is loaf {number} done?",
            "expected_output": right(number),
            "metadata": {"oven": "north" if number < 30 else "south"},
        }
        for number in range(EXAMPLES)
    ]
    added = send(api, "projects/bakery/datasets/loaves/versions", examples)
    assert (added["version"], added["examples"]) == (1, EXAMPLES)
    return {
        system: scored_run(api, system, fails)
        for system, fails in (("old", OLD_FAILS), ("new", NEW_FAILS))
    }


def scored_run(api: httpx2.Client, system: str, fails: list[int]) -> str:
    body = {"dataset": "loaves", "system": system, "metrics": METRICS}
    run = done(api.post("/api/v1/projects/bakery/runs", json=body))["id"]
    outputs: list[dict[str, object]] = [
        {
            "key": f"loaf-{number}",
            "output": f"nobody at the {system} oven knows" if number in fails else right(number),
        }
        for number in range(EXAMPLES)
    ]
    assert send(api, f"runs/{run}/outputs", outputs)["accepted"] == EXAMPLES
    assert api.post(f"/api/v1/runs/{run}/finish").status_code == 202
    answer = done(api.get(f"/api/v1/runs/{run}?wait=30"))
    assert answer["state"] == "scored"
    assert answer["coverage"] == {
        "expected": EXAMPLES,
        "received": EXAMPLES,
        "errors": 0,
        "missing": 0,
    }
    exact = answer["metrics"]["exact_match"]
    assert exact["value"] == pytest.approx(1 - len(fails) / EXAMPLES)
    assert exact["low"] < exact["value"] < exact["high"]
    return f"{run}"


@pytest.fixture(scope="module")
def campaign(lead: Page, runs: dict[str, str]) -> str:
    """Open a campaign on the page: both runs, one question, two people for each output."""
    lead.goto("/p/bakery/labeling/new/")
    lead.locator("[name=name]").first.fill("Would you buy this?")
    for run in runs.values():
        lead.locator(f"[name=runs][value={run}]").check()
    lead.locator("[name=overlap]").fill("2")
    lead.locator("[name=examples]").fill(str(LABELED))
    lead.locator("[name=question-0-name]").fill("useful")
    lead.get_by_role("button", name="Open the campaign").click()
    expect(lead.get_by_role("heading", name="Would you buy this?")).to_be_visible()
    return lead.url.rstrip("/").rpartition("/")[2]


# Another unit is on the screen, and all that was sent has arrived.
ARRIVED = """old => !old.isConnected
  && !Object.keys(localStorage).some((key) => key.startsWith("evalhub-desk-outbox"))
  && document.querySelector("#saved").dataset.state !== "saving" """


def label_everything(page: Page, campaign: str) -> int:
    """Judge what is served until nothing is left.

    Useless where nobody knows, else by the loaf, as everybody would: were all answers the same,
    whichever examples were drawn, there would be no alpha.
    """
    page.goto(f"/campaigns/{campaign}/desk/")
    labeled = 0
    while page.locator("[name=unit]").count():
        before = page.locator("#unit > *").element_handle()
        text = page.locator("#unit").inner_text()
        loaf = re.search(r"loaf number (\d+)", text)
        page.keyboard.press(str(2 + int(loaf[1]) % 4) if loaf else "1")
        page.keyboard.press("Enter")
        if page.locator("#quick").is_visible():  # quicker than a hand
            page.keyboard.press("Enter")
        page.wait_for_function(ARRIVED, arg=before)
        labeled += 1
        assert labeled <= 2 * LABELED
    return labeled


def test_from_an_empty_project_to_a_verdict(
    browser, service, passwords, lead, api, runs, campaign
):
    compared = f"/api/v1/comparisons?baseline={runs['old']}&candidate={runs['new']}"
    before = done(api.get(compared))
    assert {finding["metric"] for finding in before["findings"]} == set(METRICS)

    maren = enter(browser, service, "demo-maren", passwords["demo-maren"])
    for page in (maren, lead):
        # An output that both systems gave is one unit.
        assert LABELED <= label_everything(page, campaign) <= 2 * LABELED
    maren.goto(f"/runs/{runs['new']}/")
    expect(maren.locator("body")).not_to_contain_text("exact_match")

    lead.goto(f"/campaigns/{campaign}/agreement/")
    expect(lead.get_by_role("row", name="useful ordinal")).to_contain_text("1.000")
    found = done(api.get(f"/api/v1/campaigns/{campaign}/agreement"))["questions"]["useful"]
    assert (found["annotators"], found["alpha"]) == (2, 1)

    lead.goto(f"/campaigns/{campaign}/")
    lead.get_by_role("button", name="Publish labels").click()
    lead.locator("dialog#publish").get_by_role("button", name="Publish labels").click()
    expect(lead.get_by_role("status").first).to_contain_text("Published to 2 runs")
    for run in runs.values():
        wait_until(lambda run=run: has_label(api, run), seconds=30)

    read_the_report(lead, before["findings"][0])
    after = done(api.get(compared))
    assert after["id"] != before["id"]
    assert {finding["metric"] for finding in after["findings"]} == {*METRICS, "useful"}
    assert after["outcome"] == before["outcome"] == "improved"


def has_label(api: httpx2.Client, run: str) -> bool:
    useful = done(api.get(f"/api/v1/runs/{run}?wait=5"))["metrics"].get("useful", {})
    return useful.get("value") is not None


def read_the_report(lead: Page, primary: dict[str, object]) -> None:
    """Choose both runs on the page, compare, and find what the JSON says."""
    lead.goto("/p/bakery/comparisons/")
    lead.get_by_label("Baseline").select_option(label=option(lead, "old"))
    lead.get_by_label("Candidate").select_option(label=option(lead, "new"))
    lead.get_by_role("button", name="Compare").click()
    assert (primary["metric"], primary["outcome"]) == ("exact_match", "improved")
    # 18 examples won and 4 lost: the gain is 14 of 60.
    assert primary["gain"] == pytest.approx(14 / 60)
    expect(lead.locator(".verdict")).to_contain_text("improved")
    row = lead.get_by_role("region", name="Findings").get_by_role("row", name="exact_match")
    expect(row.first).to_contain_text("+0.233")
    expect(lead.get_by_role("region", name="Gain by slice")).to_contain_text("north")
    expect(lead.get_by_role("region", name="Findings")).to_contain_text("useful")


def option(page: Page, system: str) -> str:
    labels = page.get_by_label("Baseline").locator("option").all_inner_texts()
    return next(label for label in labels if label.startswith(system))
