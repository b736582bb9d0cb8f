"""People label with the keyboard alone, and a lead sees how far they agree."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import axe_core_python
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.factories import jsonl
from tests.running import Service

pytestmark = [pytest.mark.journey, pytest.mark.browser]

PASSWORD = "wide meadow, early light"
AXE = next(Path(axe_core_python.__file__).parent.rglob("axe.min.js")).read_text(encoding="utf-8")
AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SIZES = [(1366, 768), (360, 740)]
Enter = Callable[..., Page]
EXAMPLES = 5
PEOPLE = f"""
from evalhub.accounts.services import create_project, create_user, issue_api_key, set_role
from evalhub.accounts.capabilities import SCOPES
lead = create_user(username="desk-lead", password="{PASSWORD}")
project = create_project(slug="meadow", name="Meadow", owner=lead)
for name in ("first", "second"):
    user = create_user(username="desk-" + name, password="{PASSWORD}")
    set_role(project=project, user=user, role="annotator")
print(issue_api_key(project=project, name="journey", scopes=list(SCOPES))[1])
"""
QUESTIONS = [
    {"name": "faithful", "kind": "rating", "text": "Is every claim borne out?"},
    {"name": "safe", "kind": "yes_no"},
]


@pytest.fixture(scope="module")
def api(service: Service):
    """Return a client on a project with a lead, two annotators and two finished runs."""
    key = service.manage("shell", "--verbosity", "0", "--command", PEOPLE).splitlines()[-1]
    with service.client(key=key) as client:
        yield client


@pytest.fixture(scope="module")
def runs(api) -> list[str]:
    done(api.post("/api/v1/projects/meadow/datasets", json={"name": "birds"}))
    examples = [
        {"key": f"bird-{at}", "input": f"What sings at {at} in the morning?", "context": "Robins."}
        for at in range(1, EXAMPLES + 1)
    ]
    lines(api, "projects/meadow/datasets/birds/versions", examples)
    ids = []
    for system in ("heron", "stork"):
        body = {"dataset": "birds", "system": system, "metrics": ["token_f1"]}
        run = done(api.post("/api/v1/projects/meadow/runs", json=body))["id"]
        outputs = [{"key": row["key"], "output": f"{system} {row['key']}"} for row in examples]
        lines(api, f"runs/{run}/outputs", outputs)
        done(api.post(f"/api/v1/runs/{run}/finish"))
        ids.append(run)
    return ids


@pytest.fixture(scope="module")
def campaign(api, runs) -> str:
    guidelines = "A claim that nothing bears out is not faithful."
    return a_campaign(api, runs, "Dawn chorus", QUESTIONS, overlap=2, guidelines=guidelines)


@pytest.fixture(scope="module")
def crowded(api, runs) -> str:
    """Return a campaign with a long name and every kind of control."""
    name = "Look at a name that is far too long for the head of a desk" * 3
    questions = [*QUESTIONS, {"name": "minutes", "kind": "number", "low": 0}]
    return a_campaign(api, runs, name, questions)


def done(response):
    assert response.status_code < 300, response.text
    return response.json()


def lines(api, path, rows):
    done(
        api.post(
            f"/api/v1/{path}",
            content=jsonl(*rows).encode(),
            headers={"Content-Type": "application/x-ndjson"},
        )
    )


@pytest.fixture(scope="module")
def enter(browser: Browser, service: Service, api) -> Iterator[Enter]:
    """Return a function that opens a page for somebody; each logs in once, with the keyboard."""
    states, opened = {}, []

    def context(**how) -> BrowserContext:
        opened.append(browser.new_context(base_url=service.url, reduced_motion="reduce", **how))
        return opened[-1]

    def enter(name: str, *, size: tuple[int, int] = SIZES[0], **how) -> Page:
        if name not in states:
            page = context().new_page()
            page.goto("/login/")
            log_in(page, name)
            states[name] = page.context.storage_state()
        view = {"width": size[0], "height": size[1]}
        return context(storage_state=states[name], viewport=view, **how).new_page()

    yield enter
    for each in opened:
        each.close()


def log_in(page: Page, name: str) -> None:
    page.locator("[name=username]").focus()
    page.keyboard.type(name)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "/login/" not in url)


def a_campaign(api, runs, name: str, questions, **more) -> str:
    body = {"name": name, "runs": runs, "questions": questions, "overlap": 1, **more}
    return f"{done(api.post('/api/v1/projects/meadow/campaigns', json=body))['id']}"


def unit(page: Page) -> str:
    return page.locator("[name=unit]").input_value()


def press(page: Page, *keys: str) -> None:
    """Press keys of which the last one brings another unit, or none, and wait for it."""
    before = page.locator("#unit").element_handle()
    for key in keys:
        page.keyboard.press(key)
    arrived = "old => !old.isConnected && document.activeElement !== document.body"
    page.wait_for_function(arrived, arg=before)


def assert_accessible(page: Page) -> None:
    page.evaluate(AXE)
    run = f"axe.run(document, {{runOnly: {json.dumps(AXE_TAGS)}}})"
    violations = page.evaluate(run)["violations"]
    found = {fault["id"]: [node["html"][:200] for node in fault["nodes"]] for fault in violations}
    assert found == {}
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def label_all(page: Page, ratings: str) -> list[str]:
    """Label everything there is: a digit for each question, then Enter."""
    seen = []
    for at in range(2 * EXAMPLES):
        seen.append(unit(page))
        press(page, ratings[at % len(ratings)], "1", "Enter")
    return seen


def test_ten_units_by_keyboard_then_undo_publish_and_alpha(enter, api, runs, campaign):
    desk = f"/campaigns/{campaign}/desk/"
    page = enter("desk-first")
    page.goto(desk)
    assert page.evaluate("document.activeElement.closest('.crit').id") == "q0"
    expect(page.locator(".dhead")).to_contain_text("0 of 10")
    seen = label_all(page, "12345")
    assert len(set(seen)) == 10
    expect(page.locator(".dhead")).to_contain_text("10 of 10")

    press(page, "u")
    assert unit(page) == seen[-1]
    expect(page.locator(".dhead")).to_contain_text("9 of 10")
    expect(page.locator("#announced")).to_contain_text("9 of 10")
    assert page.locator("#q0 :checked").get_attribute("data-key") == "5"
    press(page, "4", "1", "Enter")
    expect(page.locator(".dhead")).to_contain_text("10 of 10")

    other = enter("desk-second", size=SIZES[1])
    other.goto(desk)
    label_all(other, "1243")
    expect(other.locator("#main")).to_contain_text("Everything here is labeled")
    other.keyboard.press("Enter")
    expect(other.locator(".dhead")).to_contain_text("10 of 10")

    lead = enter("desk-lead")
    lead.goto(f"/campaigns/{campaign}/agreement/")
    row = lead.get_by_role("row", name="faithful ordinal")
    expect(row.locator("svg.ch")).to_have_attribute("aria-label", re.compile("alpha"))
    expect(lead.get_by_role("row", name="safe")).to_contain_text("not defined")
    found = done(api.get(f"/api/v1/campaigns/{campaign}/agreement"))["questions"]["faithful"]
    assert (found["units"], found["pairable"], found["annotators"]) == (10, 20, 2)
    expect(row).to_contain_text(f"{abs(found['alpha']):.3f}")

    lead.goto(f"/campaigns/{campaign}/")
    lead.get_by_role("button", name="Publish labels").focus()
    lead.keyboard.press("Enter")
    expect(lead.get_by_role("status").first).to_contain_text("Published to 2 runs")
    # What is being scored comes by itself.
    expect(lead.locator("#published")).not_to_contain_text("being scored", timeout=60_000)
    expect(lead.locator("#published")).not_to_contain_text("no value yet")
    lead.get_by_role("button", name="Publish labels").click()
    expect(lead.get_by_role("status").first).to_contain_text("Nothing has changed")

    answer = done(api.get(f"/api/v1/runs/{runs[0]}"))
    assert 1 <= answer["metrics"]["faithful"]["value"] <= 5
    assert answer["metrics"]["safe"]["value"] == 1


@pytest.mark.parametrize(("size", "theme"), [(SIZES[0], "dark"), (SIZES[1], "light")], ids=str)
def test_the_labeling_pages_are_accessible_at_every_size(enter, crowded, size, theme):
    page = enter("desk-lead", size=size, color_scheme=theme)
    for address in (
        "/p/meadow/labeling/",
        "/p/meadow/labeling/new/",
        f"/campaigns/{crowded}/",
        f"/campaigns/{crowded}/agreement/",
        f"/campaigns/{crowded}/desk/",
    ):
        assert page.goto(address).ok
        assert_accessible(page)
    expect(page.get_by_role("link", name="Leave")).to_be_in_viewport(ratio=1)
    expect(page.locator("#q0 .ends")).to_have_text(re.compile("1 is low.*5 is high", re.DOTALL))
    page.keyboard.press("3")
    assert page.evaluate("scrollY") == 0  # what is being read stays where it is
    page.keyboard.press("Enter")
    expect(page.locator(".err").first).to_be_visible()
    assert_accessible(page)
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    assert_accessible(page)
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Leave").click()
    page.wait_for_url("**/p/meadow/labeling/")


def test_keys_do_nothing_while_one_types(enter, api, runs):
    made = a_campaign(api, runs, "Minutes", [{"name": "minutes", "kind": "number", "low": 0}])
    page = enter("desk-first")
    page.goto(f"/campaigns/{made}/desk/")
    first = unit(page)
    page.keyboard.type("12sug?")
    assert unit(page) == first
    assert page.locator("[name=q0]").input_value() == "12sug?"
    page.keyboard.press("Control+a")
    page.keyboard.type("7.5")
    press(page, "Enter")
    assert unit(page) != first
    page.keyboard.press("n")
    press(page, "Enter")
    page.keyboard.press("Escape")
    press(page, "s")
    out = api.get(f"/api/v1/campaigns/{made}/annotations").text.splitlines()
    assert [json.loads(line)["answers"] for line in out] == [{"minutes": 7.5}, {"minutes": None}]


def test_enter_in_a_number_goes_on_to_what_is_still_asked(enter, api, runs):
    questions = [{"name": "minutes", "kind": "number", "low": 0}, *QUESTIONS]
    made = a_campaign(api, runs, "Mixed", questions)
    page = enter("desk-first")
    page.goto(f"/campaigns/{made}/desk/")
    first = unit(page)
    page.keyboard.type("7.5")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.closest('.crit').id") == "q1"
    assert page.locator(".err").count() == 0
    # The first option comes before "n/a" for those who go by Tab.
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.dataset.key") == "1"
    assert page.evaluate("document.activeElement.closest('.crit').id") == "q2"
    page.keyboard.press("ArrowUp")
    press(page, "4", "1", "Enter")
    assert unit(page) != first


def chosen(page: Page) -> list[str | None]:
    return [each.get_attribute("data-key") for each in page.locator(".scale :checked").all()]


def drafts(page: Page) -> list[str]:
    kept = page.evaluate("Object.keys(sessionStorage)")
    return [key for key in kept if key.startswith("evalhub-desk")]


def test_a_session_that_ended_leads_to_the_login_and_back_to_what_was_chosen(enter, api, runs):
    made = a_campaign(api, runs, "Late", [*QUESTIONS, {"name": "minutes", "kind": "number"}])
    page = enter("desk-first")
    page.goto(f"/campaigns/{made}/desk/")
    first = unit(page)
    page.keyboard.type("317.5")
    page.reload()
    assert (unit(page), chosen(page)) == (first, ["3", "1"])
    assert page.locator("[name=q2]").input_value() == "7.5"
    page.context.clear_cookies(name="evalhub_session")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/login/?next=/campaigns/{made}/desk/")
    log_in(page, "desk-first")
    assert (unit(page), chosen(page)) == (first, ["3", "1"])
    page.locator("[name=q2]").focus()
    press(page, "Enter")
    assert unit(page) != first
    assert drafts(page) == []
    press(page, "u")
    assert (unit(page), chosen(page)) == (first, ["3", "1"])

    page.locator("[name=q0]").first.focus()
    page.keyboard.press("4")
    assert len(drafts(page)) == 1
    page.context.clear_cookies()
    other = enter("desk-second")
    page.context.add_cookies(other.context.cookies())
    page.goto(f"/campaigns/{made}/desk/")
    assert (chosen(page), drafts(page)) == ([], [])


def test_the_desk_works_without_scripts(enter, api, runs):
    made = a_campaign(api, runs, "Plain", QUESTIONS)
    page = enter("desk-second", size=SIZES[1], java_script_enabled=False)
    page.goto(f"/campaigns/{made}/desk/")
    first = unit(page)
    page.locator("#q0 label", has_text="3").locator("input").check()
    page.locator("#q1 label", has_text="yes").locator("input").check()
    page.get_by_role("button", name="Submit and next").click()
    assert unit(page) != first
    page.get_by_role("button", name="Undo").click()
    assert unit(page) == first
    assert page.locator("#q0 :checked").get_attribute("data-key") == "3"
