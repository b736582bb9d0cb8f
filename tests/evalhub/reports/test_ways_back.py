"""No number of a page without a way back: one click to its outputs, and to how it was made."""

import re
from html.parser import HTMLParser
from urllib.parse import urldefrag, urljoin

import pytest

from evalhub.accounts.services import COMMAND_LINE
from evalhub.gates.services import ask, set_gate
from evalhub.reports import forest, selectors
from evalhub.reports.services import compare_runs
from tests.evalhub.runs.building import a_run, scored
from tests.factories import a_member, a_project, a_version, example_row

pytestmark = pytest.mark.django_db
N = 60


class _Page(HTMLParser):
    """The addresses and ids of a page, and the rows of numbers in its tables that lead nowhere.

    What says how the numbers were made (`#made`, to the end of its fold) is where others lead.
    """

    def __init__(self, text):
        super().__init__()
        self.hrefs, self.ids, self.lost, self._open = set(), set(), [], []
        self._is_made = False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.ids.add(given.get("id"))
        self._is_made = self._is_made or given.get("id") == "made"
        if tag == "a":
            self.hrefs.add(given.get("href"))
        if tag == "tr":
            self._open = []
        if tag in ("td", "th"):
            self._open.append({"text": "", "leads": False, "is_head": tag == "th"})
        elif tag == "a" and self._open:
            self._open[-1]["leads"] = True

    def handle_data(self, data):
        if self._open:
            self._open[-1]["text"] += data

    def handle_endtag(self, tag):
        if tag == "details":
            self._is_made = False
        if tag == "tr":
            leads = any(cell["leads"] for cell in self._open)
            texts = [cell["text"] for cell in self._open if not cell["is_head"]]
            if (
                not leads
                and not self._is_made
                and any(re.search(r"\d\.\d|\d{2}", text) for text in texts)
            ):
                self.lost.append(texts)
            self._open = []


@pytest.fixture
def pair():
    rows = [
        example_row(f"q{i}", expected_output=f"a{i}", metadata={"half": "ab"[i % 2]})
        for i in range(1, N + 1)
    ]
    version = a_version(a_project("town"), rows)

    def run(system, wrong, cost):
        lines = [
            {"key": f"q{i}", "cost": cost * i, "output": "?" if i in wrong else f"a{i}"}
            for i in range(1, N)
        ]
        made = a_run(version, system=system, metrics=["exact_match", "cost"], tags=["main"])
        return scored(made, *lines, {"key": f"q{N}", "error": "timed out"})

    return run("old", {1, 2}, 0.25), run("new", set(range(3, 30)), 0.5)


def test_every_number_leads_to_its_outputs_and_every_address_is_there(client, pair):
    old, new = pair
    dataset, project = new.version.dataset, new.project
    margins = {"margins": [{"metric": "exact_match", "margin": 0.05}]}
    set_gate(
        dataset=dataset,
        given=margins | {"ceilings": [{"metric": "cost", "ceiling": 1}]},
        actor=COMMAND_LINE,
    )
    said = ask(run=new, baseline=old.public_id, actor=COMMAND_LINE)
    comparison = compare_runs(baseline=old, candidate=new, actor=COMMAND_LINE)
    client.force_login(a_member(project, "viewer"))
    pages = {}

    def page(address):
        where, _ = urldefrag(address)
        if where not in pages:
            answer = client.get(where, follow=True)
            assert answer.status_code == 200, where
            pages[where] = _Page(answer.content.decode())
        return pages[where]

    report = f"/comparisons/{comparison.public_id}/"
    boards = f"/p/town/datasets/{dataset.slug}"
    begun = (report, f"/gates/{said.public_id}/", f"{boards}/leaderboard/", f"{boards}/trends/")
    for start in begun:
        shown = page(start)
        inside = [href for href in shown.hrefs if href.startswith(("#", "?", "/comparisons/"))]
        runs = [href for href in shown.hrefs if href.startswith("/runs/")]
        assert runs or start.startswith("/gates/")
        for href in [*inside, *runs]:
            if "/report/" not in href:
                _, fragment = urldefrag(href)
                assert not fragment or fragment in page(urljoin(start, href)).ids, (start, href)
    assert "made" in page(report).ids
    for start in begun:
        assert page(start).lost == [], start
    for leads in (f"?metric=cost#{part}" for part in ("examples", "worse", "better")):
        assert any(href.endswith(leads) for href in page(report).hrefs), leads
    assert {"show=errors#outputs", "show=unscored#outputs"} <= {
        href.partition("?")[2].rpartition("&")[2] for href in page(report).hrefs
    }


def test_a_metric_without_an_end_is_drawn_by_the_baseline_on_an_axis_of_its_own(pair):
    old, new = pair
    comparison = compare_runs(baseline=old, candidate=new, actor=COMMAND_LINE)
    overall = [one for one in selectors.findings_of(comparison) if not one.slice_field]
    assert [one.metric for one in overall] == ["exact_match", "cost"]
    said = forest.how_drawn(overall)
    assert "that of cost, whose scale has no end, in percent of the baseline’s value" in said
    html = forest.drawn(comparison, overall, {})
    assert (html.count("axis-row"), "dearer" in html) == (2, True)
    overall[1].baseline = 0.0
    html = forest.drawn(comparison, overall, {})
    assert "no percent of a baseline of 0" in html
    assert forest.how_drawn(overall[:1]) == ""
