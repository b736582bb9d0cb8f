"""People label with the keyboard alone, and a lead sees how far they agree."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.access import violations
from tests.journeys.at_desk import SENT, chosen, in_hand, press, unit
from tests.journeys.birds import EXAMPLES, done, runs_that_say, some_runs
from tests.running import Service

pytestmark = [pytest.mark.journey, pytest.mark.browser]

PASSWORD = "wide meadow, early light"
SIZES = [(1366, 768), (360, 740)]
Enter = Callable[..., Page]
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
    return some_runs(api, "birds", "")


@pytest.fixture(scope="module")
def long(api) -> list[str]:
    """Return runs whose outputs have more than 20,000 characters."""
    return some_runs(api, "long-birds", " Two notes, falling." * 1_050)


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


def assert_accessible(page: Page) -> None:
    assert violations(page) == {}
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
    assert in_hand(page) == "q0"
    expect(page.locator("#guidelines")).to_contain_text("is not faithful")
    page.keyboard.press("g")  # what is new is acknowledged by that
    expect(page.locator("#guidelines")).to_be_hidden()
    expect(page.locator(".dhead")).to_contain_text("0 of 10")
    seen = label_all(page, "12345")
    assert len(set(seen)) == 10
    expect(page.locator(".dhead")).to_contain_text("10 of 10")

    press(page, "u")
    assert unit(page) == seen[-1]
    expect(page.locator(".dhead")).to_contain_text("9 of 10")
    expect(page.locator("#announced")).to_contain_text("9 of 10")
    assert page.locator("#q0 :checked").get_attribute("data-key") == "5"
    page.keyboard.press("4")
    assert in_hand(page) == "q1"  # the next digit does not take the place of this one
    press(page, "1", "Enter")
    expect(page.locator(".dhead")).to_contain_text("10 of 10")
    assert answers_of(api, campaign)[-1] == {"faithful": 4, "safe": True}

    other = enter("desk-second", size=SIZES[1])
    other.goto(desk)
    label_all(other, "1243")
    expect(other.locator("#main")).to_contain_text("Everything here is labeled")
    other.keyboard.press("Enter")
    expect(other.locator(".dhead")).to_contain_text("10 of 10")


def publish_labels(lead: Page) -> None:
    """Publish with the keyboard, and say so when asked."""
    lead.get_by_role("button", name="Publish labels").focus()
    lead.keyboard.press("Enter")
    lead.locator("dialog#publish").get_by_role("button", name="Publish labels").focus()
    lead.keyboard.press("Enter")


def test_a_lead_sees_alpha_and_publishes_what_was_labeled(enter, api, runs, campaign):
    lead = enter("desk-lead")
    lead.goto(f"/campaigns/{campaign}/agreement/")
    row = lead.get_by_role("row", name="faithful ordinal")
    expect(row.locator("svg.ch")).to_have_attribute("aria-label", re.compile("alpha"))
    expect(lead.get_by_role("row", name="safe")).to_contain_text("not defined")
    found = done(api.get(f"/api/v1/campaigns/{campaign}/agreement"))["questions"]["faithful"]
    assert (found["units"], found["pairable"], found["annotators"]) == (10, 20, 2)
    expect(row).to_contain_text(f"{abs(found['alpha']):.3f}")

    lead.goto(f"/campaigns/{campaign}/")
    publish_labels(lead)
    expect(lead.get_by_role("status").first).to_contain_text("Published to 2 runs")
    # What is being scored comes by itself.
    expect(lead.locator("#published")).not_to_contain_text("being scored", timeout=60_000)
    expect(lead.locator("#published")).not_to_contain_text("no value yet")
    publish_labels(lead)
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
    for key, dialog in (("?", "#keys"), ("s", "#skip"), ("f", "#flag")):
        page.keyboard.press("Escape")
        page.keyboard.press(key)
        expect(page.locator(dialog)).to_be_visible()
        assert_accessible(page)
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Leave").click()
    page.wait_for_url("**/p/meadow/labeling/")


EVERY_KIND = [
    {"name": "faithful", "kind": "rating", "text": "Is every claim borne out?"},
    {"name": "faults", "kind": "choices", "options": ["made up", "too long", "rude"]},
    {"name": "minutes", "kind": "number", "low": 0, "high": 60},
    {"name": "why", "kind": "text", "condition": {"question": "faithful", "at_most": 2}},
    {"name": "safe", "kind": "yes_no"},
    {"name": "better", "kind": "correction", "required": False},
]


def test_every_kind_of_question_by_keys_that_are_letters_where_one_writes(enter, api, long):
    made = a_campaign(api, long, "Every kind", EVERY_KIND)
    page = enter("desk-first")
    page.goto(f"/campaigns/{made}/desk/")
    first, controls = (
        unit(page),
        page.locator("#judgement :is(.crit:not(:disabled), .btn:not(.more))"),
    )
    for control in controls.all():  # beside 20,000 characters to read
        expect(control).to_be_in_viewport(ratio=1)
    expect(page.locator("#q3")).to_be_hidden()
    page.keyboard.press("5")
    assert in_hand(page) == "q1"
    page.keyboard.type("132")  # on, on, off again is another key
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    assert in_hand(page) == "q2"
    page.keyboard.type("99sug?")
    page.keyboard.press("Enter")
    expect(page.locator("#q2 .err")).to_contain_text("This is no number")
    page.keyboard.press("Control+a")
    page.keyboard.type("7.5")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    page.keyboard.down("Numpad2")  # which asks why, and goes there: what follows is text
    page.keyboard.down("Numpad2")  # but not what is still held
    page.keyboard.up("Numpad2")
    assert page.evaluate("document.activeElement.name") == "q3"
    page.keyboard.type("no 1 says so")
    page.keyboard.press("Control+Enter")  # goes on, for something is still open
    assert in_hand(page) == "q4"
    page.keyboard.press("n")
    page.keyboard.press("e")
    assert page.locator("[name=q5]").input_value().startswith("heron") or page.locator(
        "[name=q5]"
    ).input_value().startswith("stork")
    page.keyboard.type("Rather: ")
    press(page, "Control+Enter")
    assert unit(page) != first
    (given,) = answers_of(api, made)
    corrected = given.pop("better")
    assert corrected.startswith("Rather: ")
    assert len(corrected) > 20_000
    assert given == {
        "faithful": 2, "faults": ["made up", "rude"], "minutes": 7.5, "why": "no 1 says so",
        "safe": None,
    }  # fmt: skip


ALT_GR = """key => document.activeElement.dispatchEvent(new KeyboardEvent("keydown", {
  key, code: key === "{" ? "Digit4" : "Digit5", ctrlKey: true, altKey: true,
  modifierAltGraph: true, bubbles: true, cancelable: true}))"""


def test_the_last_answer_submits_by_itself_and_a_changed_one_before_it_does_not(enter, api, runs):
    made = a_campaign(api, runs, "By itself", QUESTIONS, submits_by_itself=True)
    page = enter("desk-first")
    page.goto(f"/campaigns/{made}/desk/")
    first = unit(page)
    press(page, "3", "1")
    expect(page.locator("#toasts")).to_contain_text("Submitted.")
    press(page, "u")
    page.keyboard.press("4")
    assert (unit(page), in_hand(page)) == (first, "q1")
    page.wait_for_timeout(350)  # a submit sooner than that is asked about
    press(page, "2")
    assert answers_of(api, made) == [{"faithful": 4, "safe": False}]


def test_brackets_are_found_where_they_need_altgr(enter, api, runs):
    page = enter("desk-first")
    page.goto(f"/campaigns/{a_campaign(api, runs, 'French keyboard', QUESTIONS)}/desk/")
    first = unit(page)
    press(page, "3", "1", "Enter")
    page.evaluate(ALT_GR, "{")  # which stands on the 4
    assert chosen(page) == []
    page.evaluate(ALT_GR, "[")
    expect(page.locator("[data-own]")).to_be_visible()
    assert unit(page) == first


def test_between_two_outputs_of_one_example_another_is_read(enter, api):
    said = {name: [f"{name} says a trill", "Nothing."] for name in ("one", "two", "three")}
    made = a_campaign(api, runs_that_say(api, "two-birds", said), "Two birds", QUESTIONS[:1])
    page = enter("desk-first")
    page.goto(f"/campaigns/{made}/desk/")
    for _ in range(3):
        press(page, "4", "Enter")
    expect(page.locator("[data-between] .between")).to_be_focused()
    press(page, "4", "s", "f", "Enter")  # there is nothing to choose, skip or flag
    press(page, "4", "Enter")
    expect(page.locator("#nothing h2")).to_have_text("Everything here is labeled")


def test_pairs_by_keyboard_and_by_sides(enter, api, runs):
    better = [
        {"name": "better", "kind": "preference"},
        {"name": "clearer", "kind": "preference", "options": [-1, 0, 1], "required": False},
    ]
    made = a_campaign(api, runs, "Which is better?", better, kind="pairs")
    page = enter("desk-first")
    page.goto(f"/campaigns/{made}/desk/")
    left = page.locator(".sides .as-answered").first.inner_text().split()[0]
    page.keyboard.press("d")
    expect(page.locator(".differing del")).to_have_text(left)
    page.keyboard.press("d")
    press(page, "ArrowLeft", "Enter")  # A, and what is optional stays open
    press(page, "b", "3", "Enter")
    press(page, "t", "Enter")
    press(page, "x", "Enter")
    assert_accessible(page)
    said = answers_of(api, made)
    assert [answer["better"] for answer in said[2:]] == ["tie", "both_bad"]
    assert said[0] == {"better": "first" if left == "heron" else "second"}
    # B, and it is clearer too: whatever side B was.
    assert said[1] in ({"better": "second", "clearer": -1}, {"better": "first", "clearer": 1})


def test_the_next_unit_is_painted_before_anything_is_sent_and_nothing_is_lost_offline(
    enter, api, runs
):
    made = a_campaign(api, runs, "Far away", QUESTIONS)
    page = enter("desk-first")
    page.goto(f"/campaigns/{made}/desk/")
    first = unit(page)
    page.context.set_offline(True)
    page.keyboard.type("31")
    page.keyboard.press("Enter")
    second = unit(page)  # in the same moment, without a request that was answered
    assert second != first
    assert in_hand(page) == "q0"
    expect(page.locator("#saved")).to_contain_text("no connection, kept here, with one answer")
    page.keyboard.type("42")
    page.wait_for_timeout(350)
    page.keyboard.press("Enter")
    expect(page.locator("#saved")).to_contain_text("with 2 answers")
    page.close(run_before_unload=False)  # the tab is closed, the answers are not gone

    again = enter_again(page, f"/campaigns/{made}/desk/")
    again.wait_for_function(SENT)
    expect(again.locator(".dhead")).to_contain_text("2 of 10")
    assert unit(again) not in (first, second)
    assert answers_of(api, made) == [
        {"faithful": 3, "safe": True}, {"faithful": 4, "safe": False},
    ]  # fmt: skip
    # Two submits within a moment are asked about: these keys come all at once.
    again.wait_for_timeout(350)
    third = unit(again)
    again.evaluate(AT_ONCE, ["1", "1", "Enter", "2", "2", "Enter"])
    fourth = unit(again)
    assert fourth != third
    expect(again.locator("#quick")).to_be_visible()
    again.keyboard.press("Enter")
    again.wait_for_function(SENT)
    assert unit(again) != fourth
    assert answers_of(api, made)[2:] == [
        {"faithful": 1, "safe": True}, {"faithful": 2, "safe": False},
    ]  # fmt: skip


AT_ONCE = """keys => { for (const key of keys) document.activeElement.dispatchEvent(
  new KeyboardEvent("keydown", {key, code: /\\d/.test(key) ? `Digit${key}` : key,
                                bubbles: true, cancelable: true})) }"""


def test_an_item_takes_two_requests_and_what_is_chosen_outlives_the_tab(enter, api, runs):
    questions = [*QUESTIONS, {"name": "kind", "kind": "rating"}]
    made = a_campaign(api, runs, "Slow hands", questions)
    page = enter("desk-first")
    page.goto(f"/campaigns/{made}/desk/")
    first, asked = unit(page), []
    page.on("request", lambda request: asked.append(request.post_data or request.url))
    for key, says in (("3", "saved at"), ("1", "saved here at"), ("5", "saved here at")):
        page.keyboard.press(key)
        page.wait_for_timeout(600)  # what is chosen is saved by now, somewhere
        expect(page.locator("#saved")).to_contain_text(says)
    assert len(asked) == 1
    again = enter_again(page, f"/campaigns/{made}/desk/")
    assert (unit(again), chosen(again)) == (first, ["3", "1", "5"])
    expect(again.locator("#saved")).to_contain_text("saved at")
    press(page, "Enter")
    assert ["do=submit" in said for said in asked] == [False, True]
    assert answers_of(api, made) == [{"faithful": 3, "safe": True, "kind": 5}]


def test_an_ended_login_is_renewed_in_the_page_and_the_work_goes_on(enter, api, runs):
    made = a_campaign(api, runs, "Late", QUESTIONS)
    page = enter("desk-first")
    page.goto(f"/campaigns/{made}/desk/")
    first = unit(page)
    page.context.clear_cookies(name="evalhub_session")
    page.keyboard.press("3")
    dialog = page.locator("#login")
    expect(dialog).to_be_visible()
    assert_accessible(page)
    page.keyboard.type("not the password")
    page.keyboard.press("Enter")
    expect(page.locator("#login-error")).to_contain_text("name and password")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    expect(page.locator("#saved")).to_contain_text("saved at")
    assert (unit(page), chosen(page), in_hand(page)) == (first, ["3"], "q1")
    press(page, "1", "Enter")
    assert answers_of(api, made) == [{"faithful": 3, "safe": True}]

    # Somebody else who uses the browser next finds nothing of it.
    page.keyboard.press("4")
    page.context.clear_cookies()
    page.context.add_cookies(enter("desk-second").context.cookies())
    page.goto(f"/campaigns/{made}/desk/")
    assert chosen(page) == []
    assert "desk-first" not in page.content()


def test_what_two_tabs_differ_in_is_asked_about(enter, api, runs):
    made = a_campaign(api, runs, "Two tabs", QUESTIONS)
    desk = f"/campaigns/{made}/desk/"
    one = enter("desk-first")
    one.goto(desk)
    two = one.context.new_page()
    two.goto(desk)
    two.keyboard.press("5")
    expect(two.locator("#saved")).to_contain_text("saved at")
    one.keyboard.press("5")  # both say the same, so there is nothing to choose
    expect(one.locator("#saved")).to_contain_text("saved at")
    two.keyboard.press("ArrowUp")
    two.keyboard.press("4")
    two.evaluate(LOOKED_AT)
    expect(two.locator("#saved")).to_contain_text("saved at")
    one.keyboard.press("ArrowUp")
    one.keyboard.press("2")
    one.evaluate(LOOKED_AT)
    expect(one.locator("#two-tabs")).to_contain_text(re.compile(r"faithful\s*2\s*4"))
    assert_accessible(one)
    one.keyboard.press("2")
    expect(one.locator("#two-tabs")).to_be_hidden()
    expect(one.locator("#q0 :checked")).to_have_attribute("data-key", "4")
    one.locator("#q1 input").first.focus()
    press(one, "1", "Enter")
    assert answers_of(api, made) == [{"faithful": 4, "safe": True}]


def test_own_answers_change_and_a_skip_has_its_reason(enter, api, runs):
    made = a_campaign(api, runs, "Second thoughts", QUESTIONS)
    one = enter("desk-first")
    one.goto(f"/campaigns/{made}/desk/")
    first = unit(one)
    press(one, "4", "1", "Enter")
    second = unit(one)
    one.keyboard.press("[")
    expect(one.locator(".own")).to_contain_text("Your answer of")
    assert (unit(one), chosen(one)) == (first, ["4", "1"])
    one.keyboard.press("1")
    press(one, "Enter")
    assert unit(one) == second
    assert answers_of(api, made) == [{"faithful": 1, "safe": True}]
    one.keyboard.press("s")
    press(one, "2")
    one.goto(f"/campaigns/{made}/answers/")
    expect(one.get_by_role("row")).to_have_count(3)
    expect(one.locator("tbody")).to_contain_text("knowledge that I do not have")
    assert_accessible(one)
    one.get_by_role("link", name="Open").last.click()
    expect(one.locator(".own")).to_contain_text("goes on")
    assert unit(one) == first
    press(one, "]")
    expect(one.locator(".own")).to_contain_text("skipped")
    assert unit(one) == second
    press(one, "]")
    expect(one.locator(".own")).to_have_count(0)
    assert unit(one) not in (first, second)


LOOKED_AT = "() => document.dispatchEvent(new Event('visibilitychange'))"


def answers_of(api, made: str) -> list[dict[str, object]]:
    """Return what was answered, in the order in which it was."""
    lines = api.get(f"/api/v1/campaigns/{made}/annotations").text.splitlines()
    rows = sorted((json.loads(line) for line in lines), key=lambda row: row["at"])
    return [row["answers"] for row in rows]


def enter_again(page: Page, at: str) -> Page:
    """Return another tab of somebody's browser, which is connected again."""
    page.context.set_offline(False)
    other = page.context.new_page()
    other.goto(at)
    return other


# What has the focus, where something of ours lies over all of it; a region may be larger than the
# screen, and text that is a target in a line may be as small as the line.
COVERED = """() => {
  const target = document.activeElement;
  const box = (target.closest("label") ?? target).getBoundingClientRect();
  if (target === document.body || box.height > innerHeight / 2) return "";
  const places = [[.02, .5], [.25, .1], [.5, .5], [.75, .9], [.98, .5]].map(([x, y]) =>
    document.elementFromPoint(box.left + x * box.width, box.top + y * box.height));
  const host = target.closest("label") ?? target;
  const isInLine = getComputedStyle(host).display === "inline";
  const isSmall = !isInLine && Math.min(box.width, box.height) < 24;
  const isSeen = places.some((place) => place && host.contains(place));
  return isSeen && !isSmall ? "" : host.outerHTML.slice(0, 200);
}"""


@pytest.mark.parametrize("size", [(683, 384), (360, 640)], ids=["at 200 %", "narrow"])
def test_what_has_the_focus_is_seen_where_there_is_little_room(enter, api, long, size):
    guidelines = "A claim that nothing bears out is not faithful. " * 60
    made = a_campaign(api, long, "Little room", EVERY_KIND, guidelines=guidelines, overlap=2)
    page = enter("desk-first", size=size)
    page.goto(f"/campaigns/{made}/desk/")
    # New guidelines stand on the questions here, and are read with the keys that scroll.
    assert page.evaluate("document.activeElement.closest('#guidelines') !== null")
    page.keyboard.press("PageDown")
    page.wait_for_function("() => document.activeElement.scrollTop > 0")
    page.keyboard.press("g")
    expect(page.locator("#guidelines")).to_be_hidden()
    assert in_hand(page) == "q0"
    assert page.evaluate("scrollY") == 0  # the text comes first
    for key in ["Tab"] * 28 + ["Shift+Tab"] * 14:
        page.keyboard.press(key)
        assert page.evaluate(COVERED) == "", key
    page.locator("#q0 input").first.focus()
    expect(page.locator("#q0 .hint")).to_be_in_viewport(ratio=1)  # what is asked is never left out
    page.keyboard.press("e")
    correction = page.locator("[name=q5]")
    expect(correction).to_be_focused()
    assert page.evaluate("document.elementFromPoint(innerWidth / 2, 20).name") == "q5"
    page.keyboard.press("Escape")
    for key, dialog in (("s", "#skip"), ("f", "#flag"), ("?", "#keys")):
        page.keyboard.press(key)
        box = page.locator(dialog)
        expect(box).to_be_visible()
        assert box.evaluate("box => box.scrollWidth <= box.clientWidth"), dialog
        page.keyboard.press("Escape")


def test_the_desk_works_without_scripts(enter, api, runs):
    made = a_campaign(api, runs, "Plain", [*QUESTIONS, EVERY_KIND[3]])
    page = enter("desk-second", size=SIZES[1], java_script_enabled=False)
    page.goto(f"/campaigns/{made}/desk/")
    first = unit(page)
    page.locator("#q0 label", has_text="2").locator("input").check()
    page.locator("#q1 label", has_text="yes").locator("input").check()
    page.get_by_role("button", name="Submit and next").click()
    expect(page.locator("#q2")).to_contain_text("asked when faithful is 2 or less")
    page.locator("[name=q2]").fill("It says no.")
    page.get_by_role("button", name="Submit and next").click()
    assert unit(page) != first
    page.get_by_role("button", name="Undo").click()
    assert unit(page) == first
    assert page.locator("#q0 :checked").get_attribute("data-key") == "2"
