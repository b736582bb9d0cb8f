"""A gate is changed by several leads, by page and REST, and previewed before."""

import math
import re

import pytest
from django.test import Client
from django.urls import reverse
from scipy import optimize, stats

from evalhub.accounts.services import COMMAND_LINE
from evalhub.errors import Conflict
from evalhub.gates import advising, previewing, selectors, services
from evalhub.gates.models import GateVersion
from evalhub.gates.selectors import Alarms
from tests.evalhub.gates.test_gates import a_gate, a_scored_run, a_version_with_slices, answers
from tests.evalhub.runs.building import a_run, scored
from tests.factories import a_key, a_member, a_project, a_version, example_row

pytestmark = pytest.mark.django_db
MANAGED = {
    f"{name}-{part}_FORMS": n
    for name in ("margins", "ceilings")
    for part, n in (("TOTAL", 1), ("INITIAL", 0))
}


def margins(margin):
    return {"margins": [{"metric": "exact_match", "margin": margin}]}


def typed(margin, **more):
    return {
        **MANAGED,
        "margins-0-metric": "exact_match",
        "margins-0-margin": str(margin),
        **more,
    }


def page_of(version):
    client = Client()
    project = version.dataset.project
    client.force_login(a_member(project, "lead"))
    return client, reverse("gates:gate", args=[project.slug, version.dataset.slug])


def began_from(response):
    (found,) = re.findall(r'name="version" value="(\d+)"', response.content.decode())
    return int(found)


def test_a_stale_page_undoes_nobodys_change():
    version = a_version(a_project())
    client, page = page_of(version)
    assert began_from(client.get(page)) == 0
    a_gate(version)
    stale = client.post(page, {"do": "save", "version": "0", **typed(0.1)})
    assert stale.status_code == 409
    assert "Version 1 of this gate counts by now" in stale.content.decode()
    # The page shows what counts now beside what was typed; to preview does not hide the stale one.
    assert began_from(stale) == 1
    assert began_from(client.post(page, {"do": "preview", "version": "0", **typed(0.1)})) == 0
    assert client.post(page, {"do": "save", "version": "x", **typed(0.1)}).status_code == 400
    assert selectors.gate_of(version.dataset).number == 1
    assert client.post(page, {"do": "save", "version": "1", **typed(0.1)}).status_code == 302
    with pytest.raises(Conflict, match="has no version 3"):
        services.set_gate(
            dataset=a_version(a_project()).dataset,
            given=margins(0.1),
            actor=COMMAND_LINE,
            began_from=3,
        )


def test_over_rest_a_change_may_name_what_it_began_from():
    version = a_version(a_project())
    headers = a_key(version.dataset.project, "lead")
    address = (
        f"/api/v1/projects/{version.dataset.project.slug}/datasets/{version.dataset.slug}/gate"
    )

    def put(margin, *, match=None, **more):
        given = {**headers, **({} if match is None else {"If-Match": match})}
        body = {**margins(margin), **more}
        return Client().put(address, body, content_type="application/json", headers=given)

    assert Client().get(address, headers=headers)["ETag"] == '"0"'
    assert put(0.1, from_version=0)["ETag"] == '"1"'
    for stale in (put(0.2, from_version=0), put(0.2, match='"0"')):
        assert (stale.status_code, stale.json()["code"]) == (409, "stale_gate")
    assert put(0.2, match='"1"').json()["version"] == 2
    assert put(0.2, match='"1"').json()["version"] == 2  # the same again changes nothing
    assert put(0.3).json()["version"] == 3  # whoever names none is not asked
    assert put(0.4, match="*").json()["version"] == 4
    for refused in (put(0.5, match='"x"'), put(0.5, from_version="4"), put(0.5, from_version=-1)):
        assert refused.status_code == 400


def test_a_slice_whose_field_has_a_colon_stays_what_it_is():
    rows = [
        example_row(f"q{i}", expected_output="a", metadata={"topic:sub": "ab:"[i % 3] + ":c"})
        for i in range(90)
    ]
    version = a_version(a_project(), rows)
    rule = {"field": "topic:sub", "level": "a:c", "metric": "exact_match", "margin": 0.1}
    a_gate(version, slices=[rule])
    client, page = page_of(version)
    assert '<option value="topic:sub:a:c" selected>' in client.get(page).content.decode()
    saved = {"do": "save", "version": "1"}
    for level in ("a:c", "b:c"):
        sent = {**saved, **typed(0.2, **{"margins-0-slice": f"topic:sub:{level}"})}
        sent["version"] = str(selectors.gate_of(version.dataset).number)
        assert client.post(page, sent).status_code == 302
        (now,) = selectors.gate_of(version.dataset).rules["slices"]
        assert (now["field"], now["level"]) == ("topic:sub", level)
    old, new = (
        scored(a_run(version), *({"key": f"q{i}", "output": "a"} for i in range(90))) for _ in "ab"
    )
    answer = services.ask(run=new, baseline=old.public_id, actor=COMMAND_LINE)
    shown = client.get(reverse("gates:answer", args=[answer.public_id])).content.decode()
    assert "in topic:sub: b:c" in shown


def test_a_preview_says_what_would_be_scored_first_and_how_often_a_good_run_passes():
    version = a_version_with_slices(a_project())
    a_scored_run(version, system="old", tags=["main"])
    spec = {"name": "exact_match", "params": {"normalize": ["lowercase"]}}
    scored(a_run(version, metrics=[spec, "cost"], tags=["x"]), *answers())
    _, first = services.preview(dataset=version.dataset, given=margins(0.05))[::-1]
    assert (first.scored_first, first.answer, first.chance) == (
        ["exact_match"],
        "inconclusive",
        None,
    )
    client, page = page_of(version)
    shown = client.post(page, {"do": "preview", **typed(0.05)}).content.decode()
    assert "It would first be scored again by exact_match." in shown
    a_scored_run(version, {7, 8, 9, 10, 11, 12}, system="third")
    other = services.preview(dataset=version.dataset, given=margins(0.02))[0]
    # 6 of 200 differ; Bonett and Price (2012) count one more lost and one more won, of n + 2.
    differ, margin, n = 200 * (6 + 2) / 202**2, 0.02, 200

    def unlikely(won):  # were as many lost and won as differ, and the truth worse by the margin
        both = math.log(won + margin) + math.log(won)
        return -(differ / 2 * both + (1 - differ) * math.log(1 - 2 * won - margin))

    won = optimize.minimize_scalar(unlikely, bounds=(1e-9, 0.4), options={"xatol": 1e-10}).x
    critical = stats.norm.ppf(0.95) * math.sqrt(n * (2 * won + margin - margin**2))
    reach = (n * margin - 0.5 - critical) / math.sqrt(n * differ)
    assert other.chance == pytest.approx(stats.norm.cdf(reach), abs=1e-6)
    shown = client.post(page, {"do": "preview", **typed(0.02)}).content.decode()
    assert "A run as good as its baseline would pass these margins in about" in shown


def test_a_preview_goes_on_with_what_was_said_before_about_the_same_rules(monkeypatch):
    version = a_version_with_slices(a_project())
    a_scored_run(version, system="old", tags=["main"])
    for system in ("second", "third"):
        a_scored_run(version, {7, 8, 9, 10, 11, 12}, system=system)
    whole = services.preview(dataset=version.dataset, given=margins(0.02))
    client, page = page_of(version)
    monkeypatch.setattr(previewing, "STEP", 0.0)  # one run in each step
    asked = {"do": "preview", **typed(0.02)}
    for done in (1, 2):
        shown = client.post(page, asked)
        more = shown.context["more"]
        assert (more.done, more.total) == (done, 3)
        assert f"{done} of 3 runs are held against these rules" in shown.content.decode()
        asked = {**dict(more.fields), "do": "preview"}
    assert {name: asked[name] for name in MANAGED} == {name: str(n) for name, n in MANAGED.items()}
    other = client.post(page, {**asked, "margins-0-margin": "0.5"})
    assert other.context["more"].done == 1  # what was said was said about other rules
    with monkeypatch.context() as later:
        later.setattr(previewing, "_SECONDS", -1)
        assert client.post(page, asked).context["more"].done == 1
    last = client.post(page, asked)
    assert "more" not in last.context
    assert last.context["preview"] == whole


def test_false_alarms_are_counted_of_scored_runs_and_margins_alone():
    version = a_version_with_slices(a_project())
    a_run(version, system="open")
    old, new = a_scored_run(version, system="old"), a_scored_run(version, {7, 8, 9, 10, 11, 12})
    client, page = page_of(version)

    def said():
        return client.get(page).content.decode()

    a_gate(version, ceilings=[{"metric": "cost", "ceiling": 1}])
    assert "2 runs scored in the last 30 days. This gate has no margins" in said()
    a_gate(version, **margins(0.02))
    assert "a run as good as the baseline passes is said once the gate has answered." in said()
    services.ask(run=new, baseline=old.public_id, actor=COMMAND_LINE)
    assert re.search(r"at most about 29 of 100 pass\): the margins are narrow", said())
    assert "is by the spread in 1 past answer: the median" in said()


@pytest.mark.parametrize(
    ("runs", "chance", "rate", "good"),
    [
        (0, None, "0 runs scored in the last 30 days. How often", "has answered."),
        (7, 0.94, "At this rate at most about 1 wrong failure in 3 months.", "usually passes (at"),
        (20, 0.8, "At this rate at most about 1 wrong failure a month.", "about 80 of 100)."),
        (70, 0.79, "At this rate at most about 4 wrong failures a month.", "often is not settled"),
    ],
)
def test_a_gate_says_its_rates_in_two_sentences(runs, chance, rate, good):
    gate = GateVersion(rules={"margins": [{"metric": "m", "margin": 0.1}], "slices": []})
    said = advising.alarms(gate, Alarms(runs=runs, answers=3, chance=chance))
    assert rate in said
    assert good in said
