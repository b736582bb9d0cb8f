"""What others wrote runs nothing and fetches nothing in the browser of whoever labels or leads."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, Request, Response

from tests.factories import jsonl
from tests.payloads import PAYLOADS
from tests.running import Service

pytestmark = [pytest.mark.journey, pytest.mark.browser]

PASSWORD = "a harbour wall in the rain"
N = 4
PEOPLE = f"""
from evalhub.accounts.capabilities import SCOPES
from evalhub.accounts.services import create_project, create_user, issue_api_key, set_role
from tests.payloads import PAYLOADS
lead = create_user(username="quay-lead", password="{PASSWORD}")
project = create_project(slug="quay", name="".join(PAYLOADS[8:14]), owner=lead)
annotator = create_user(username="quay-hand", password="{PASSWORD}")
set_role(project=project, user=annotator, role="annotator")
print(issue_api_key(project=project, name="journey", scopes=list(SCOPES))[1])
"""
# The doors refuse what no text may hold; it is told about instead.
TEXTS = [text.replace("\0", "\\0").encode("utf-8", "replace").decode() for text in PAYLOADS]
PARTS = [TEXTS[at::N] for at in range(N)]


def name(at: int, most: int = 90) -> str:
    """Return a payload that can be a name: on one line, with nothing invisible."""
    text = TEXTS[at % len(TEXTS)]
    seen = "".join(" " if unicodedata.category(sign)[0] == "C" else sign for sign in text)
    return f"{at} {seen}"[:most].strip()


# All that no text may bring into a page, in a document or in any template of it.
BROUGHT_IN = """html => {
  const found = [];
  const tags = ["iframe", "object", "embed", "base", "frame", "img", "image", "video", "audio",
                "source", "style", "math", "foreignobject", "animate", "marquee", "xss"];
  const isOurs = (address) => /^(#|[?]|[/](?![/])|$)/.test(address);
  const walk = (root) => {
    for (const each of root.querySelectorAll("*")) {
      const {localName, attributes} = each;
      let isBad = tags.includes(localName);
      for (const {name, value} of attributes) {
        isBad ||= /^(on|hx-on|style$|srcdoc|formaction|xlink:)/i.test(name);
        if (/^(href|src|action|hx-(get|post))$/i.test(name)) {
          const isLink = localName === "a" && /^(https?:[/][/]|mailto:)/.test(value);
          isBad ||= isLink ? !each.relList.contains("nofollow") : !isOurs(value);
        }
      }
      isBad ||= localName === "script" && !each.getAttribute("src")?.startsWith("/static/");
      isBad ||= localName === "meta" && each.httpEquiv !== "";
      if (isBad) found.push(each.outerHTML.slice(0, 200));
      if (localName === "template") walk(each.content);
    }
  };
  walk(html ? new DOMParser().parseFromString(html, "text/html") : document);
  return found;
}"""
SENT = "() => !Object.keys(localStorage).some((key) => key.startsWith('evalhub-desk-outbox'))"
WATCH = """addEventListener("securitypolicyviolation", (event) =>
  console.error("refused by the policy", event.violatedDirective, event.blockedURI))"""


@pytest.fixture(scope="module")
def api(service: Service):
    key = service.manage("shell", "--verbosity", "0", "--command", PEOPLE).splitlines()[-1]
    with service.client(key=key) as client:
        yield client


@pytest.fixture(scope="module")
def post(api) -> Callable[..., dict[str, str]]:
    def post(address: str, body: object = None, rows: list[object] | None = None):
        lines = {"Content-Type": "application/x-ndjson"}
        how = {"json": body} if rows is None else {"content": jsonl(*rows), "headers": lines}
        answer = api.post(f"/api/v1/{address}", **how)
        assert answer.status_code < 300, answer.text
        return answer.json()

    return post


@pytest.fixture(scope="module")
def runs(post) -> list[str]:
    """Return two runs that hold every payload as input, context, reference, answer, document."""
    post("projects/quay/datasets", {"name": "ships"})
    examples = [
        {
            "key": name(at),
            "input": [
                {"role": "assistant", "tool_calls": [{"function": {"name": part[0]}}]},
                *({"role": text, "name": text, "content": text} for text in part),
                {"role": "user", "content": "".join(part)},  # what lists say was asked
            ],
            "expected_output": {text: [text] for text in part},
            "references": part,
            "context": part,
            "metadata": {name(at % 2): name(at % 2)},
        }
        for at, part in enumerate(PARTS)
    ]
    post("projects/quay/datasets/ships/versions", rows=examples)
    made = []
    for system in ("heron", "stork"):
        body = {"dataset": "ships", "system": system, "system_version": name(8),
                "metrics": ["exact_match"]}  # fmt: skip
        run = post("projects/quay/runs", body)["id"]
        outputs = [
            {
                "key": name(at),
                "output": f"{system}\n\n" + "\n\n".join(part)
                if at % 2
                else {system: [{text: text} for text in part]},
                "retrieved": [{"id": text[:400], "text": text} for text in part],
                "metadata": {text: text for text in part},
            }
            for at, part in enumerate(PARTS)
        ]
        post(f"runs/{run}/outputs", rows=outputs)
        post(f"runs/{run}/finish", {})
        made.append(run)
    return made


def asked(kinds: list[str]) -> list[dict[str, object]]:
    options = {
        "rating": [{"value": at, "label": name(20 + at)} for at in range(1, 6)],
        "choices": [{"value": name(30 + at, 40), "label": name(40 + at)} for at in range(4)],
    }
    return [
        {"name": name(60 + at), "kind": kind, "text": "".join(TEXTS[:40])[:2_000],
         "required": at == 0, **({"options": options[kind]} if kind in options else {})}
        for at, kind in enumerate(kinds)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def campaigns(post, runs) -> list[str]:
    """Return a campaign of outputs and one of pairs; people, experts and leads wrote payloads."""
    made = []
    for kind, first in (("outputs", "rating"), ("pairs", "preference")):
        questions = asked([first, "text", "correction", "choices"])
        plan = {"name": name(70, 200), "kind": kind, "runs": runs, "questions": questions,
                "overlap": 2, "guidelines": "\n\n".join(TEXTS), "show_reference": True,
                "control_share": 0.2}  # fmt: skip
        campaign = post("projects/quay/campaigns", plan)["id"]
        post(f"campaigns/{campaign}/guidelines", {"text": TEXTS[0], "note": "".join(TEXTS[:9])})
        both = {"run": runs[0], **({"second_run": runs[1]} if kind == "pairs" else {})}
        value = {"outputs": (1, 5), "pairs": ("first", "second")}[kind]
        rows = [
            {**both, "key": name(at), "annotator": name(50 + who),
             "answers": {questions[0]["name"]: value[who], questions[1]["name"]: "".join(part),
                         questions[2]["name"]: part[who]}}
            for at, part in enumerate(PARTS) for who in range(2)
        ]  # fmt: skip
        post(f"campaigns/{campaign}/annotations", rows=rows)
        told = {"answers": {questions[0]["name"]: value[0]}}
        decided = [
            {**both, **told, "key": name(at), "reason": "slip", "note": "".join(part)[:2_000]}
            for at, part in enumerate(PARTS[:3])
        ]
        post(f"campaigns/{campaign}/decisions", rows=decided)
        known = {**both, **told, "key": name(3), "explanation": "".join(TEXTS)[:5_000]}
        post(f"campaigns/{campaign}/controls", rows=[known])
        post(f"campaigns/{campaign}/publish")
        made.append(campaign)
    return made


@pytest.fixture
def enter(browser: Browser, service: Service, campaigns) -> Iterator[Callable[[str, int], Page]]:
    """Return a function that logs somebody in; whatever goes wrong in their pages is told of."""
    wrong, opened = [], []

    def asked(request: Request) -> None:
        if not request.url.startswith((service.url, "data:")):
            wrong.append(f"asked for {request.url}")

    def answered(response: Response) -> None:
        policy = response.headers.get("content-security-policy", "")
        if "/static/" not in response.url and "script-src 'self'" not in policy:
            wrong.append(f"no policy at {response.url}")
        if "unsafe" in policy:
            wrong.append(f"{policy} at {response.url}")

    def enter(who: str, width: int) -> Page:
        context = browser.new_context(
            base_url=service.url,
            viewport={"width": width, "height": 740},
            reduced_motion="reduce",
        )
        opened.append(context)
        context.add_init_script(WATCH)
        page = context.new_page()
        page.on("dialog", lambda dialog: wrong.append(f"a dialog: {dialog.message}"))
        page.on("console", lambda said: wrong.append(said.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", asked)
        page.on("response", answered)
        page.goto("/login/")
        page.locator("[name=username]").fill(who)
        page.locator("[name=password]").fill(PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url(lambda url: "/login/" not in url)
        return page

    yield enter
    for context in opened:
        context.close()
    assert wrong == []


def see(page: Page, address: str = "") -> None:
    """Open a page and all that it folds away; what people wrote is text, and not too wide."""
    if address:
        answer = page.goto(address)
        assert answer is not None
        assert answer.ok, address
    page.evaluate(
        "for (const each of document.querySelectorAll('details:not(.menu)')) each.open = true"
    )
    assert page.evaluate(BROUGHT_IN, "") == [], page.url
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), page.url


def test_the_eyes_of_this_test_see_what_would_be_wrong(browser):
    page = browser.new_page()
    blind = [
        text
        for text in PAYLOADS
        if text.startswith(("<img", "<svg", "<iframe", "<script", "<style", "<base", "<body on"))
        and not page.evaluate(BROUGHT_IN, text)
    ]
    page.close()
    assert blind == []


def test_an_annotator_reads_what_others_wrote_and_nothing_happens(enter, campaigns):
    page = enter("quay-hand", 360)
    for campaign in campaigns:
        see(page, f"/campaigns/{campaign}/desk/")
        page.keyboard.press("g")
        for _ in range(3):
            unit = page.locator("#unit > *").element_handle()
            see(page)
            page.keyboard.press("r")
            see(page)
            page.keyboard.press("r")
            page.keyboard.press("s")
            page.locator("#skip-note").fill("".join(TEXTS)[:900])
            page.keyboard.press("Enter")
            page.wait_for_function("old => !old.isConnected", arg=unit)
        page.wait_for_function(SENT)
        see(page, f"/campaigns/{campaign}/answers/")
        page.locator("a[href*='own=']").first.click()
        page.wait_for_url("**own=**")
        see(page)
    see(page, "/p/quay/labeling/")


def test_a_lead_reads_what_everybody_wrote_and_nothing_happens(enter, campaigns, runs):
    page = enter("quay-lead", 1366)
    for campaign in campaigns:
        at = f"/campaigns/{campaign}/"
        for part in ("", "people/", "guidelines/", "questions/", "controls/", "files/"):
            see(page, at + part)
        see(page, f"{at}agreement/")
        page.wait_for_function("() => !document.querySelector('#more-content > p.soft')")
        see(page)
        see(page, f"{at}deciding/?show=all")
        page.locator("a[href*='/deciding/unt_']").first.click()
        page.wait_for_url("**/deciding/unt_**")
        see(page)
    for address in (f"/runs/{runs[0]}/", f"/runs/{runs[0]}/outputs/0/1/", "/p/quay/", "/"):
        see(page, address)
