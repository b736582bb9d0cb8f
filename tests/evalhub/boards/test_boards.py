"""Trends break where numbers stop being comparable; a leaderboard ranks only what is whole."""

import re
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from evalhub.boards import pairs, standings, views
from evalhub.boards.histories import trends_of
from evalhub.boards.models import KeptPair, Turn
from evalhub.boards.standings import standings_of
from evalhub.runs.models import Measurement, Run, System, SystemVersion
from tests.evalhub.runs.building import a_run, finished, right, scored
from tests.factories import a_key, a_member, a_project, a_version

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 5, 4, tzinfo=UTC)


def a_history(version, values, *, system="gpt", signature="s1", start=0, tags=(), missing=0):
    """Store a scored run for each value, a day apart."""
    project = version.dataset.project
    owner, _ = System.objects.get_or_create(
        project=project, slug=system, defaults={"created_at": NOW}
    )
    for day, value in enumerate(values, start):
        at = NOW + timedelta(days=day)
        named = SystemVersion.objects.create(system=owner, name=f"v{day}", created_at=at)
        run = Run.objects.create(
            project=project,
            version=version,
            system_version=named,
            state=Run.State.SCORED,
            n_outputs=version.n_examples - missing,
            tags=list(tags),
            seed=1,
            created_at=at,
        )
        Measurement.objects.create(
            run=run,
            name="quality",
            metric="exact_match",
            signature=signature,
            family="binary",
            low_bound=0,
            high_bound=1,
            state=Measurement.State.SCORED,
            value=value,
            low=value - 0.02,
            high=value + 0.02,
            created_at=at,
        )


def wobbling(level, n):
    return [level + 0.004 * ((7 * i) % 5 - 2) for i in range(n)]


def page(project, name, **query):
    client = Client()
    client.force_login(a_member(project, "viewer"))
    dataset = project.datasets.get()
    return client.get(reverse(name, args=[project.slug, dataset.slug]), query)


def rest(project, what, **query):
    address = f"/api/v1/projects/{project.slug}/datasets/{project.datasets.get().slug}/{what}"
    return Client().get(address, query, headers=a_key(project, "viewer"))


def test_a_trend_marks_a_step_and_breaks_where_numbers_stop_being_comparable():
    project = a_project()
    first = a_version(project)
    second = a_version(project, n=4, dataset=first.dataset)
    a_history(first, [*wobbling(0.7, 10), *wobbling(0.5, 8)], tags=["main"])
    a_history(second, wobbling(0.9, 2), start=18)
    a_history(second, wobbling(0.2, 2), start=20, signature="s2")
    a_history(second, [0.1], start=22, missing=1)
    a_history(first, [0.3], system="older")

    shown = trends_of(first.dataset, system="gpt")
    (history,) = shown.histories
    assert history.breaks == [18, 20]
    assert [one.break_reason for one in history.points if one.break_reason] == [
        "dataset v2 instead of v1",
        "another signature of the metric",
    ]
    (change,) = history.changes.points
    assert change.at == 10
    assert (shown.n_runs, shown.n_partial, shown.systems) == (22, 1, ["gpt", "older"])
    assert trends_of(first.dataset).system == "gpt"
    assert trends_of(first.dataset, tag="main").n_runs == 18

    text = page(project, "boards:trends").content.decode()
    assert "fell, for the worse, from about 0.7" in text
    assert "1 scored run is left out because outputs are missing." in text
    assert text.count('class="mark"') == 2
    assert text.count(">v2</text>") == text.count(">new signature</text>") == 1
    assert text.count('class="m down"') == 1
    # The one mark of a history bears its version; beside breaks that have names it has none.
    version = str(history.points[10].run.system_version)
    assert f">{version}</text>" not in text
    alone = page(project, "boards:trends", tag="main").content.decode()
    assert alone.count(f">{version}</text>") == 1
    answer = rest(project, "trends", system="gpt").json()
    (metric,) = answer["metrics"]
    assert metric["changes"][0]["run"] == metric["points"][10]["run"]
    assert [one["break"] for one in metric["points"]].count(None) == 20
    assert answer["partial_runs_left_out"] == 1


def test_a_leaderboard_ranks_the_newest_whole_run_of_each_version_and_says_why_not_others():
    project = a_project()
    version = a_version(project, n=40)
    all_keys = range(1, 41)

    def answered(system, correct, **fields):
        wrong = [{"key": f"q{i}", "output": "?"} for i in all_keys if i not in correct]
        run = a_run(version, system=system, **{"metrics": ["exact_match", "f1_macro"], **fields})
        return scored(run, *right(*correct), *wrong)

    answered("good", range(1, 5))
    good = answered("good", range(1, 39))
    also = answered("also", range(2, 40))
    poor = answered("poor", range(1, 6))
    other = answered(
        "other",
        all_keys,
        metrics=[{"name": "exact_match", "params": {"normalize": ["lowercase"]}}],
    )
    partial = scored(a_run(version, system="partial"), *right(1, 2, 3))
    failed = answered("failed", all_keys)
    failed.measurements.update(state=Measurement.State.FAILED, problem="It broke.")
    Run.objects.filter(pk=failed.pk).update(state=Run.State.FAILED)
    newer = finished(a_run(version, system="good"), *right(1))
    Run.objects.filter(pk=newer.pk).update(state=Run.State.CANCELLED)

    board = standings_of(version)

    ranks = {line.run: (line.place.best, line.place.worst) for line in board.lines}
    assert [(one, ranks[one]) for one in (good, also, poor)] == [
        (good, (1, 2)),
        (also, (1, 2)),
        (poor, (3, 3)),
    ]
    reasons = {line.run: line.place.reason for line in board.lines if line.place.reason}
    assert reasons == {
        other: "It was scored under another signature: score it again to have it ranked.",
        partial: "The run is partial: 37 of 40 outputs are missing.",
        failed: "The run failed. It broke.",
        newer: "The run was cancelled.",
    }
    assert standings_of(version) == board  # from memory

    # A value of the whole column, whose statistics are places in labels.
    by_f1 = [line for line in standings_of(version, metric="f1_macro").lines if line.place.best]
    assert {line.run for line in by_f1} == {good, also, poor}
    for line in by_f1:
        assert line.place.value == pytest.approx(line.measurement.value)

    Measurement.objects.filter(name="f1_macro").update(metric="gone")
    cache.clear()
    gone = standings_of(version, metric="f1_macro")
    assert "can no longer be read" in gone.reason
    assert all("There is no metric" in line.place.reason for line in gone.lines[:3])

    text = page(project, "boards:leaderboard").content.decode()
    assert re.search(r"No clear winner: .* may be first\.[\s\S]*>\s*1 or 2\s*<", text)
    for said in ("37 of 40 outputs are missing", "19 times in 20"):
        assert said in text
    answer = rest(project, "leaderboard", metric="exact_match", version="1").json()
    assert [one["best_rank"] for one in answer["systems"]][:4] == [1, 1, 3, None]
    assert {one["better"] for one in answer["pairs"]} == {None, good.public_id, also.public_id}
    assert_pairs_lead_to_comparisons(answer, text)
    nothing = page(project, "boards:leaderboard", metric="nothing")
    assert {nothing.status_code, rest(project, "leaderboard", metric="nothing").status_code} == {
        404
    }


def assert_pairs_lead_to_comparisons(answer, text):
    for pair in answer["pairs"]:
        sides = f"baseline={pair['second']}&candidate={pair['first']}"
        assert pair["comparison"] == f"/api/v1/comparisons?{sides}"
        assert f"/comparisons/new/?{sides.replace('&', '&amp;')}" in text


def test_what_is_empty_says_what_to_do():
    project = a_project()
    version = a_version(project)

    assert b"No scored run yet" in page(project, "boards:trends").content
    assert b"No run of this version yet" in page(project, "boards:leaderboard").content
    assert rest(project, "leaderboard").json()["metric"] is None
    assert rest(project, "trends").json()["system"] is None

    scored(a_run(version), *right(1, 2, 3))
    assert b"needs two systems" in page(project, "boards:leaderboard").content
    assert b"and this history has 1 run." in page(project, "boards:trends").content
    assert b"No run to show" in page(project, "boards:trends", tag="none").content


def test_a_large_board_is_compared_some_pairs_at_a_time_and_one_look_at_a_time(monkeypatch):
    project = a_project()
    version = a_version(project, n=40)
    for system, n_right in (("a", 39), ("b", 30), ("c", 12), ("d", 2)):
        wrong = [{"key": f"q{i}", "output": "?"} for i in range(n_right + 1, 41)]
        scored(
            a_run(version, system=system, metrics=["bleu"]), *right(*range(1, n_right + 1)), *wrong
        )
    at_once = standings_of(version)
    cache.clear()
    monkeypatch.setattr(standings, "LARGE", 0)
    monkeypatch.setattr(standings, "MOST_BYTES", 0)
    monkeypatch.setattr(pairs, "MOST_BYTES", 1)  # tiles of one system with another
    monkeypatch.setattr(pairs, "SECONDS", 1e-9)  # one pair for each look

    shown = page(project, "boards:leaderboard").content.decode()
    assert "0 of 6 pairs of systems are compared" in shown
    assert not KeptPair.objects.exists()  # the page itself begins nothing that takes long
    for done in range(1, 6):
        board = standings_of(version)
        assert f"{done} of 6 pairs of systems are compared so far" in board.reason
        assert [line.place.best for line in board.lines] == [None] * 4
        assert [line.place.value for line in board.lines] == [
            line.measurement.value for line in at_once.lines
        ]
    with monkeypatch.context() as somebody:  # is at it, and dies with the turn
        somebody.setattr(Turn.objects, "filter", lambda **_: Turn.objects.none())
        somebody.setattr(pairs._Asking, "some", lambda *_: iter(()))
        assert "5 of 6" in standings_of(version).reason
    assert Turn.objects.count() == 1
    assert "5 of 6" in rest(project, "leaderboard").json()["reason"]
    monkeypatch.setattr("evalhub.boards.views.SECONDS", 1e-9)
    looked = page(project, "boards:leaderboard", step="1").content.decode()
    assert "5 of 6 pairs of systems are compared" in looked  # and nothing comes of going on
    assert "&amp;step=1" in looked
    Turn.objects.update(until=NOW)
    whole = standings_of(version)
    assert (whole.lines, whole.pairs) == (at_once.lines, at_once.pairs)
    assert not Turn.objects.exists()
    Run.objects.all().delete()
    assert not KeptPair.objects.exists()


@pytest.mark.parametrize(
    ("low", "p", "p_adjusted", "lead", "said"),
    [
        (0.008, 0.03, 0.08, 0, "not told apart among 10 pairs"),  # alone it would be
        (0.008, 0.01, 0.04, 0, "not told apart"),  # what is unscored leaves it open
        (-0.02, 0.2, 1.0, 0, "not told apart"),
        (0.008, 0.001, 0.01, 1, "better"),
        (0.008, None, None, 0, "not tested"),
    ],
)
def test_a_pair_says_when_only_the_number_of_pairs_leaves_it_open(low, p, p_adjusted, lead, said):
    compared = SimpleNamespace(low=low, high=0.12, p_value=p)
    match = SimpleNamespace(compared=compared, p_adjusted=p_adjusted, lead=lead)
    assert views._said(match, 10) == said
