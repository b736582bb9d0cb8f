"""Many candidates against one baseline, read together."""

import html
import re

import jsonschema_rs
import pytest
from scipy import stats

from evalhub.accounts.services import COMMAND_LINE
from evalhub.errors import ContentError, ShapeError
from evalhub.reports.many import compare_many
from evalhub.reports.models import Comparison
from evalhub.reports.services import compare_runs
from tests.evalhub.reports.test_comparing import answers, version_with_slices
from tests.evalhub.runs.building import a_run, scored
from tests.factories import a_key, a_member, a_project

pytestmark = pytest.mark.django_db


def runs_against_one(project):
    """Return a baseline and candidates that are better clearly, just so, and not at all."""
    version = version_with_slices(project)
    wrongs = [set(range(1, 31)), set(range(20, 31)), set(range(14, 35)), set(range(2, 31))]
    return [
        scored(a_run(version, system=f"system-{number}"), *answers(60, wrong))
        for number, wrong in enumerate(wrongs)
    ]


def test_what_holds_for_one_candidate_may_not_hold_among_many():
    baseline, *candidates = runs_against_one(a_project())
    rows = compare_many(baseline=baseline, candidates=candidates, actor=COMMAND_LINE).rows
    alone = [row.comparison.outcome for row in rows]
    assert alone == ["improved", "improved", "insufficient_evidence"]
    clear, just, none = (row.primary.p_value for row in rows)
    # The second lost 4 and won 13 pairs: McNemar's mid-p of scipy's binomial distribution.
    mid_p = 2 * stats.binom.cdf(4, 17, 0.5) - stats.binom.pmf(4, 17, 0.5)
    assert just == pytest.approx(mid_p)
    # Holm (1979): the least p three times, the next twice, the last once.
    assert [row.p_holm for row in rows] == pytest.approx([3 * clear, 2 * mid_p, none])
    together = [row.outcome for row in rows]
    assert together == ["improved", "insufficient_evidence", "insufficient_evidence"]
    twice = [*candidates, *candidates]
    again = compare_many(baseline=baseline, candidates=twice, actor=COMMAND_LINE).rows
    assert len(again) == 3
    assert Comparison.objects.count() == 3


def test_over_rest_each_candidate_has_its_place_among_all(client):
    project = a_project()
    baseline, *candidates = runs_against_one(project)
    ids = [run.public_id for run in [*candidates, baseline]]
    asked, headers = {"baseline": baseline.public_id, "candidate": ids}, a_key(project, "viewer")
    said = client.get("/api/v1/comparisons/many", asked, headers=headers).json()
    rows = compare_many(baseline=baseline, candidates=candidates, actor=COMMAND_LINE).rows
    assert (said["baseline"], said["n_compared"]) == (baseline.public_id, 3)
    assert [one["candidate"] for one in said["data"]] == ids
    assert [one["p_holm"] for one in said["data"]] == [*(row.p_holm for row in rows), None]
    assert [one["outcome"] for one in said["data"]] == [*(row.outcome for row in rows), None]
    assert "the same run" in said["data"][-1]["problem"]
    schema = client.get("/schemas/comparison.json").json()
    assert jsonschema_rs.is_valid({**schema, "$ref": "#/$defs/ManyComparisons"}, said)
    refused = client.get("/api/v1/comparisons", asked, headers=headers)
    assert (refused.status_code, "comparisons/many" in refused.json()["detail"]) == (400, True)
    asked["margin"] = "exact_match:0.1"  # is no silent nothing
    refused = client.get("/api/v1/comparisons/many", asked, headers=headers)
    assert (refused.status_code, "gate's margins" in refused.json()["detail"]) == (400, True)


def test_the_page_gives_each_candidate_a_row_or_a_reason(client):
    project = a_project()
    baseline, *candidates = runs_against_one(project)
    client.force_login(a_member(project, "viewer"))
    address = f"/p/{project.slug}/comparisons/many/"
    assert "Many candidates against one baseline" in client.get(address).content.decode()
    ids = [run.public_id for run in [*candidates, baseline]]
    page = client.get(address, {"baseline": baseline.public_id, "candidate": ids, "step": 1})
    text = page.content.decode()
    assert page.context["many"].n_compared == 3
    for comparison in Comparison.objects.all():
        assert f'href="/comparisons/{comparison.public_id}/"' in text
    assert "Not compared. Baseline and candidate are the same run" in text
    other = version_with_slices(project)
    elsewhere = scored(a_run(other, system="elsewhere"), *answers(60, set()))
    asked = {"baseline": baseline.public_id, "candidate": [ids[0], elsewhere.public_id]}
    refused = client.get(address, asked)
    said = f"{elsewhere.public_id} on {other.dataset.slug}. A comparison pairs the same questions"
    assert refused.status_code == 422
    assert said in refused.content.decode()
    assert refused.content.decode().count("<optgroup") == 4  # two datasets, on either side
    assert client.get(address, {"baseline": "run_none"}).status_code == 404
    assert client.get(address, {"baseline": baseline.public_id}).status_code == ShapeError.status


def test_a_page_shows_what_is_compared_and_goes_on_a_step_at_a_time(client, monkeypatch):
    project = a_project()
    baseline, *candidates = runs_against_one(project)
    client.force_login(a_member(project, "viewer"))
    asked = {"baseline": baseline.public_id, "candidate": [run.public_id for run in candidates]}
    page = client.get(f"/p/{project.slug}/comparisons/many/", asked)
    assert Comparison.objects.count() == 0  # what takes long is not begun by the page itself
    monkeypatch.setattr("evalhub.reports.views.STEP", 1e-9)  # one in each step
    for n in (1, 2, 3):
        step = re.search(r'<a href="([^"]+&amp;step=1)">Go on by hand', page.content.decode())
        assert step is not None
        assert f"{n - 1} of 3 candidates are compared" in page.content.decode()
        page = client.get(html.unescape(step[1]), headers={"HX-Target": "compared"})
        assert Comparison.objects.count() == page.context["many"].n_done == n
        assert all(not row.outcome for row in page.context["many"].rows) == (n < 3)
    assert "step=1" not in page.content.decode()
    assert page.templates[0].name == "reports/_many.html"
    refused = client.get(f"/p/{project.slug}/comparisons/many/", {**asked, "baseline": "run_none"})
    assert refused.status_code == 404


def test_what_cannot_be_compared_never_keeps_a_step_from_the_others(monkeypatch):
    baseline, *candidates = runs_against_one(a_project())
    refused = candidates[:2]  # is kept nowhere, so each step finds it anew

    def compare(*, baseline, candidate, **more):
        if candidate in refused:
            raise ContentError("They share no key.")
        return compare_runs(baseline=baseline, candidate=candidate, **more)

    monkeypatch.setattr("evalhub.reports.many.compare_runs", compare)
    many = compare_many(baseline=baseline, candidates=candidates, actor=COMMAND_LINE, seconds=1e-9)
    assert (many.is_whole, many.n_compared) == (True, 1)
    assert [row.problem for row in many.rows] == ["They share no key."] * 2 + [""]


def test_a_program_is_told_how_far_it_is_and_asks_again(client, monkeypatch):
    project = a_project()
    baseline, *candidates = runs_against_one(project)
    headers = a_key(project, "viewer")
    monkeypatch.setattr("evalhub.reports.postponed.STEP", 1e-9)
    asked = {"baseline": baseline.public_id, "candidate": [run.public_id for run in candidates]}
    address, statuses = "/api/v1/comparisons/many", []
    for n in (1, 2):
        said = client.get(address, asked, headers=headers)
        statuses.append(said.status_code)
        assert said.json()["progress"] == {"done": n, "total": 3}
        assert said.json()["rescoring"] is None
        assert said["Retry-After"] == "1"
        address, asked = said["Location"], None
    said = client.get(address, headers=headers)
    assert [*statuses, said.status_code, said.json()["n_compared"]] == [202, 202, 200, 3]
