"""A run in a real browser: progress that moves, the table sorted by keyboard, every page clean."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.access import violations
from tests.factories import jsonl
from tests.running import Service

pytestmark = [pytest.mark.journey, pytest.mark.browser]

PASSWORD = "slow water, late in March"
LEAD = f"""
from evalhub.accounts.capabilities import SCOPES
from evalhub.accounts.services import create_project, create_user, issue_api_key
lead = create_user(username="run-lead", password="{PASSWORD}")
project = create_project(slug="canal", name="Canal", owner=lead)
print(issue_api_key(project=project, name="journey", scopes=list(SCOPES))[1])
"""
# The work of a run is kept from the workers, and given to them part by part: they are too quick
# for anybody to see progress by luck.
FINISH = """
from datetime import timedelta
from django.db import transaction
from django.utils import timezone
from evalhub.runs import services
from evalhub.runs.models import Chunk, Run
with transaction.atomic():
    run = Run.objects.get(public_id="{run}")
    services.finish_run(run=run)
    later = timezone.now() + timedelta(hours=1)
    Chunk.objects.filter(job__run=run).update(not_before=later)
"""
LET_GO = """
from evalhub.runs import tasks
from evalhub.runs.models import Chunk
Chunk.objects.filter(job__run__public_id="{run}", stop__lte={stop}).update(not_before=None)
tasks.send_wakes(2)
"""
WIDE, NARROW = {"width": 1366, "height": 768}, {"width": 360, "height": 740}
METRICS = ["exact_match", "token_f1", "bleu", "chrf", "rouge_l"]
N = 120
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


def open_run(api, system: str, n: int, *, least: int = 5) -> str:
    """Return a run with all its outputs, of so many words at least, not finished yet."""
    run = done(
        api.post(
            "/api/v1/projects/canal/runs",
            json={"dataset": "locks", "system": system, "metrics": METRICS},
        )
    )["id"]
    words = [*SAID, *SAID]
    outputs = [
        {"key": f"e{at}", "output": " ".join(words[at % 5 : least + at % 9] * 6)}
        if at % 97
        else {"key": f"e{at}", "error": "timeout"}
        for at in range(n)
    ]
    send(api, f"runs/{run}/outputs", outputs)
    return f"{run}"


@pytest.fixture(scope="module")
def dataset(api) -> None:
    done(api.post("/api/v1/projects/canal/datasets", json={"name": "locks"}))
    rows = [
        {
            "key": f"e{at}",
            "input": f"What about {at}?",
            "expected_output": "the barge waits below the bridge",
            "metadata": {"side": "ab"[at % 2], "third": at % 3},
        }
        for at in range(N)
    ]
    send(api, "projects/canal/datasets/locks/versions", rows)


@pytest.fixture(scope="module")
def scored(api, dataset) -> str:
    run = open_run(api, "heron", N)
    done(api.post(f"/api/v1/runs/{run}/finish"))
    assert done(api.get(f"/api/v1/runs/{run}?wait=60"))["state"] == "scored"
    return run


@pytest.fixture(scope="module")
def reported(api, scored) -> dict[str, str]:
    """Return the ids of a comparison with losses and of a gate's answer to it."""
    crane = open_run(api, "crane", N, least=3)
    done(api.post(f"/api/v1/runs/{crane}/finish"))
    done(api.get(f"/api/v1/runs/{crane}?wait=60"))
    margins = [{"metric": "token_f1", "margin": 0.01}, {"metric": "chrf", "margin": 1}]
    done(api.put("/api/v1/projects/canal/datasets/locks/gate", json={"margins": margins}))
    answer = done(api.post(f"/api/v1/runs/{crane}/gate", json={"baseline": scored}))
    sides = {"baseline": scored, "candidate": crane}
    assert answer["answer"] == "fail"
    compared = done(api.get("/api/v1/comparisons", params=sides))["findings"]
    lost = next(one["lost"] for one in compared if one["metric"] == "token_f1")
    return {
        "crane": crane,
        "comparison": answer["comparison"],
        "answer": answer["id"],
        "last": f"{lost // 10 * 10}",  # the page with the rest of the losses
    }


def enter(browser: Browser, service: Service, **context) -> Page:
    page = browser.new_context(base_url=service.url, reduced_motion="reduce", **context).new_page()
    page.goto("/login/")
    page.locator("[name=username]").fill("run-lead")
    page.locator("[name=password]").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "/login/" not in url)
    return page


def test_progress_moves_and_the_finished_run_swaps_in(browser, service, api, dataset):
    def shell(script: str) -> None:
        service.manage("shell", "--verbosity", "0", "--command", script)

    run = open_run(api, "stork", N)
    page = enter(browser, service)
    shell(FINISH.format(run=run))
    page.goto(f"/runs/{run}/")
    page.evaluate("window.loadedOnce = true")
    bar = page.locator("#progress progress")
    expect(bar).to_have_attribute("value", "0")
    shell(LET_GO.format(run=run, stop=N // 2))
    expect(bar).to_have_attribute("value", f"{N // 2}", timeout=30_000)
    shell(LET_GO.format(run=run, stop=N))
    expect(page.locator("#progress")).to_have_count(0, timeout=30_000)
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


def test_a_metric_is_found_chosen_and_given_its_parameters_by_keyboard(browser, service, scored):
    page = enter(browser, service, bypass_csp=True)
    page.goto("/metrics/")
    for size in (NARROW, WIDE):
        page.set_viewport_size(size)
        wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert wide <= 0, size
    page.locator("[data-filter]").press_sequentially("pass rate")
    expect(page.locator("[data-filter-item]:visible")).to_have_count(1)
    assert violations(page) == {}  # of the whole long page it would take a minute
    page.keyboard.press("Enter")
    expect(page.locator("#pass_rate")).to_be_in_viewport()
    page.goto(f"/runs/{scored}/measure/")
    page.locator("#id_metric").press_sequentially("pass_rate")
    expect(page.locator("#announced")).to_have_text("Parameters of pass_rate")
    expect(page.locator("#id_metric")).to_be_focused()
    expect(page.locator("#about_metric h2")).to_have_text("Pass rate")
    page.keyboard.press("Tab")
    page.keyboard.type("rouge_l")
    page.keyboard.press("Tab")
    page.keyboard.type("0.5")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/runs/{scored}/")
    expect(page.locator("#metrics th", has_text="pass_rate")).to_be_visible(timeout=30_000)
    page.context.close()


@pytest.fixture(scope="module")
def looked_at(browser, service, api, scored):
    """Return a page whose console is listened to, and what it said."""
    page = enter(browser, service, bypass_csp=True)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    yield page, said
    page.context.close()


# axe looks at each kind of page in either size and either theme once. The two addresses of a run
# share that, and the parts of the long reference are those of the other pages.
LIGHT, DARK = (WIDE, "light"), (NARROW, "dark")
# Of a reference with hundreds of entries axe would take half a minute: here stay those in which
# some element stands for the first time.
EACH_KIND_ONCE = """() => {
  const seen = new Set();
  const kind = ({parentElement, localName, className, attributes}) =>
    [parentElement.localName, localName, className, ...[...attributes].map(({name}) => name)] + "";
  for (const entry of document.querySelectorAll("article")) {
    const kinds = [...entry.querySelectorAll("*")].map(kind);
    if (kinds.every((one) => seen.has(one))) entry.remove();
    for (const one of kinds) seen.add(one);
  }
}"""
TWICE = """() => {
  const names = [...document.querySelectorAll("[id], [role=region]")]
    .flatMap(({id, ariaLabel, role}) => [id && `#${id}`, role === "region" && ariaLabel])
    .filter(Boolean);
  return names.filter((name, at) => names.indexOf(name) !== at);
}"""


@pytest.mark.parametrize(
    ("address", "examined"),
    [
        ("/p/canal/", [LIGHT, DARK]),
        ("/p/canal/runs/", [LIGHT, DARK]),
        ("/runs/{scored}/", [LIGHT]),
        ("/runs/{scored}/?order=bleu&slice=side:a", [DARK]),
        ("/runs/{scored}/outputs/0/1/", [LIGHT, DARK]),
        ("/runs/{scored}/measure/?metric=pass_rate", [LIGHT, DARK]),
        ("/runs/{open}/", [LIGHT, DARK]),
        ("/p/canal/comparisons/", [DARK]),
        ("/p/canal/comparisons/many/?baseline={scored}&candidate={crane}", [LIGHT]),
        ("/comparisons/{comparison}/?metric=token_f1&worse={last}", [DARK]),
        ("/p/canal/datasets/locks/gate/", [LIGHT]),
        ("/gates/{answer}/", [DARK]),
        ("/p/canal/datasets/locks/trends/?system=crane", [DARK]),
        ("/p/canal/datasets/locks/leaderboard/", [LIGHT]),
        ("/p/canal/new-scorer/", [LIGHT]),
        ("/p/canal/scorers/{scorer}/", [DARK]),
        ("/api/v1/docs", [LIGHT]),
    ],
)
def test_every_page_fits_is_accessible_and_silent(
    looked_at, api, scored, reported, address, examined
):
    page, said = looked_at
    said.clear()
    opened = open_run(api, "newcomer", 3) if "{open}" in address else ""
    scorer = propose_scorer(api) if "{scorer}" in address else ""
    page.goto(address.format(scored=scored, open=opened, scorer=scorer, **reported))
    for fold in page.locator("details.fold > summary").all():
        fold.click()
    for size, scheme in ((WIDE, "dark"), (NARROW, "light"), LIGHT, DARK):
        page.set_viewport_size(size)
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert wide <= 0, (size, scheme)
        assert page.evaluate(TWICE) == []
        if (size, scheme) in examined:
            if address == "/api/v1/docs":
                page.evaluate(EACH_KIND_ONCE)
            assert violations(page) == {}, (size, scheme)
    assert said == []


def propose_scorer(api):
    body = {"slug": "polite", "url": "https://scorer.example.org/a/long/path", "version": "1"}
    return done(api.post("/api/v1/projects/canal/scorers", json=body))["slug"]
