"""A run in a real browser: progress that moves, the table sorted by keyboard, every page clean."""

from __future__ import annotations

import time
from pathlib import Path

import axe_core_python
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.factories import jsonl
from tests.running import Service

pytestmark = [pytest.mark.journey, pytest.mark.browser]

PASSWORD = "slow water, late in March"
AXE = next(Path(axe_core_python.__file__).parent.rglob("axe.min.js")).read_text(encoding="utf-8")
AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
LEAD = f"""
from evalhub.accounts.capabilities import SCOPES
from evalhub.accounts.services import create_project, create_user, issue_api_key
lead = create_user(username="run-lead", password="{PASSWORD}")
project = create_project(slug="canal", name="Canal", owner=lead)
print(issue_api_key(project=project, name="journey", scopes=list(SCOPES))[1])
"""
METRICS = ["exact_match", "token_f1", "bleu", "chrf", "rouge_l"]
N = 8_000
SAID = ("the", "lock", "opens", "at", "noon", "and", "the", "barge", "waits", "below")


@pytest.fixture(scope="module")
def api(service: Service):
    key = service.manage("shell", "--verbosity", "0", "--command", LEAD).splitlines()[-1]
    with service.client(key=key) as client:
        yield client


def done(response):
    assert response.status_code < 300, response.text
    return response.json()


def send(api, path, rows):
    headers = {"Content-Type": "application/x-ndjson"}
    return done(api.post(f"/api/v1/{path}", content=jsonl(*rows).encode(), headers=headers))


def open_run(api, system: str, n: int, slug: str) -> str:
    """Return a run with all its outputs, not finished yet."""
    run = done(
        api.post(
            "/api/v1/projects/canal/runs",
            json={"dataset": slug, "system": system, "metrics": METRICS},
        )
    )["id"]
    words = [*SAID, *SAID]
    outputs = [
        {"key": f"e{at}", "output": " ".join(words[at % 5 : 5 + at % 9] * 6)}
        if at % 97
        else {"key": f"e{at}", "error": "timeout"}
        for at in range(n)
    ]
    send(api, f"runs/{run}/outputs", outputs)
    return f"{run}"


@pytest.fixture(scope="module")
def datasets(api) -> None:
    for slug, n in (("barges", N), ("locks", 120)):
        done(api.post("/api/v1/projects/canal/datasets", json={"name": slug}))
        rows = [
            {
                "key": f"e{at}",
                "input": f"What about {at}?",
                "expected_output": "the barge waits below the bridge",
                "metadata": {"side": "ab"[at % 2], "third": at % 3},
            }
            for at in range(n)
        ]
        send(api, f"projects/canal/datasets/{slug}/versions", rows)


@pytest.fixture(scope="module")
def scored(api, datasets) -> str:
    run = open_run(api, "heron", 120, "locks")
    done(api.post(f"/api/v1/runs/{run}/finish"))
    assert done(api.get(f"/api/v1/runs/{run}?wait=60"))["state"] == "scored"
    return run


def enter(browser: Browser, service: Service, **context) -> Page:
    page = browser.new_context(base_url=service.url, reduced_motion="reduce", **context).new_page()
    page.goto("/login/")
    page.locator("[name=username]").fill("run-lead")
    page.locator("[name=password]").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "/login/" not in url)
    return page


def test_progress_moves_and_the_finished_run_swaps_in(browser, service, api, datasets):
    run = open_run(api, "stork", N, "barges")
    page = enter(browser, service)
    done(api.post(f"/api/v1/runs/{run}/finish"))
    page.goto(f"/runs/{run}/")
    page.evaluate("window.loadedOnce = true")
    seen: list[str] = []
    until = time.monotonic() + 90
    while time.monotonic() < until and page.locator("#progress").count():
        bar = page.locator("#progress progress").first
        value = bar.get_attribute("value") if bar.count() else None
        if value and value not in seen:
            seen.append(value)
        page.wait_for_timeout(150)
    assert seen == sorted(seen, key=int)
    assert len(seen) >= 2, "the progress never moved"
    expect(page.locator("#run .badge").first).to_have_text("scored")
    expect(page.locator("#announced")).to_have_text("The run is scored.")
    expect(page.locator("#metrics tbody tr")).to_have_count(len(METRICS))
    expect(page.locator("#slices tbody tr").first).to_be_visible()
    assert page.evaluate("window.loadedOnce") is True
    page.context.close()


def test_the_table_is_sorted_and_turned_by_keyboard_without_a_new_page(browser, service, scored):
    page = enter(browser, service)
    page.goto(f"/runs/{scored}/")
    page.evaluate("window.loadedOnce = true")
    heading = page.locator("#outputs th a", has_text="token_f1")
    heading.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#outputs th[aria-sort=ascending]")).to_contain_text("token_f1")
    expect(heading).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#outputs th[aria-sort=descending]")).to_contain_text("token_f1")
    best = page.locator("#outputs tbody th a").first.inner_text()
    page.locator("#outputs .pages a[rel=next]").press("Enter")
    expect(page.locator("#outputs .pages span").first).to_contain_text("51–100 of 120")
    page.locator("#slices a", has_text="chrf").press("Enter")
    expect(page.locator("#slices .sec-head p")).to_contain_text("chrf")
    assert page.evaluate("window.loadedOnce") is True
    page.go_back()
    expect(page.locator("#outputs .pages span").first).to_contain_text("51–100 of 120")
    page.goto(f"/runs/{scored}/?order=token_f1&direction=desc")
    page.locator("#outputs tbody th a").first.press("Enter")
    expect(page.locator("h1")).to_have_text(best)
    page.get_by_role("link", name="Next").press("Enter")
    expect(page.locator(".phead p")).to_contain_text("2 of 120, by token_f1, highest first.")
    page.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [(1366, 768), (360, 740)])
def test_every_page_fits_is_accessible_and_silent(browser, service, api, scored, size, scheme):
    open_one = open_run(api, "newcomer", 3, "locks")
    page = enter(
        browser,
        service,
        viewport={"width": size[0], "height": size[1]},
        color_scheme=scheme,
        bypass_csp=True,
    )
    # The reference is long; its colors are those of the other pages.
    docs = ["/api/v1/docs"] if (size[0] > 400) == (scheme == "light") else []
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    for address in (
        "/p/canal/",
        "/p/canal/runs/",
        f"/runs/{scored}/",
        f"/runs/{scored}/?order=bleu&slice=side:a",
        f"/runs/{scored}/outputs/0/1/",
        f"/runs/{scored}/measure/",
        f"/runs/{open_one}/",
        *docs,
    ):
        page.goto(address)
        wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert wide <= 0, address
        page.evaluate(AXE)
        found = page.evaluate("tags => axe.run(document, {runOnly: tags})", AXE_TAGS)["violations"]
        assert [(one["id"], one["nodes"][0]["target"]) for one in found] == [], address
    assert said == []
    page.context.close()
