"""A baseline under another signature is scored again first, whatever happens meanwhile."""

import csv
import io

import jsonschema_rs
import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from evalhub.accounts.models import AuditEvent
from evalhub.accounts.services import COMMAND_LINE
from evalhub.reports.models import Comparison
from evalhub.reports.scored_again import ScoredAgainFirst
from evalhub.reports.services import compare_runs
from evalhub.runs import queue, rescoring, sweeping, waiting
from evalhub.runs.models import Chunk, Measurement, Rescoring
from evalhub.runs.selectors import current_measurements
from tests.evalhub.reports.test_comparing import answers, rated, version_with_slices
from tests.evalhub.runs.building import a_run, drain, scored
from tests.factories import a_key, a_member, a_project

pytestmark = pytest.mark.django_db

LOOSE = {"name": "exact_match", "params": {"normalize": ["lowercase"]}}


@pytest.fixture
def pair():
    """A baseline of `exact_match` as it comes, and a candidate by another signature of it."""
    version = version_with_slices(a_project("town"))
    old = scored(
        a_run(version, system="old", metrics=["exact_match", "token_f1"]), *answers(60, {1})
    )
    new = scored(
        a_run(version, system="new", metrics=[LOOSE, "token_f1"]), *answers(60, set(range(1, 21)))
    )
    return old, new


def compared(old, new, **more):
    old.refresh_from_db()
    return compare_runs(
        baseline=old, candidate=new, actor=COMMAND_LINE, **{"may_score": True, **more}
    )


@pytest.fixture
def ask(pair):
    """Return how a key of a role asks over REST for the comparison of the pair."""
    old, new = pair
    client = Client()
    keys = {role: a_key(old.project, role) for role in ("viewer", "lead")}
    address = f"/api/v1/comparisons?baseline={old.public_id}&candidate={new.public_id}"
    return lambda role, more="": client.get(f"{address}{more}", headers=keys[role])


def test_over_rest_the_answer_is_202_until_it_is_200(ask, client):
    refused = ask("viewer")
    assert (refused.status_code, refused.json()["code"]) == (403, "needs_scoring")
    assert "the scope submit" in refused.json()["detail"]
    assert not Rescoring.objects.exists()
    taken = ask("lead", "&format=markdown&wait=0")
    assert (taken.status_code, taken["Retry-After"]) == (202, "2")
    again = ask("lead", "&format=markdown")
    assert taken["Location"] == again.wsgi_request.get_full_path()
    assert again.json()["rescoring"] == taken.json()["rescoring"]  # asked twice, begun once
    assert again.json()["progress"] == {"done": 0, "total": 60}
    assert ask("viewer").status_code == 202  # waiting is everybody's
    assert AuditEvent.objects.filter(verb="rescore dataset").count() == 1
    schema = client.get("/schemas/comparison.json").json()
    assert jsonschema_rs.is_valid({**schema, "$ref": "#/$defs/Waiting"}, ask("lead").json())
    drain()
    assert ask("lead", "&format=markdown").status_code == 200
    assert jsonschema_rs.is_valid(schema, ask("viewer").json())


def test_every_format_says_when_and_under_which_signature(pair, ask):
    old, new = pair
    before = old.measurements.get(name="exact_match").signature
    wanted = new.measurements.get(name="exact_match").signature
    ask("lead")
    drain()
    answer = ask("viewer").json()
    (one,) = answer["rescored"]
    assert (one["metric"], one["before"], one["signature"]) == ("exact_match", before, wanted)
    said = "The baseline was scored again on "
    which = 'exact_match with normalize:["lowercase@1"] (before: normalize:["strip@1"]).'
    assert any(note.startswith(said) and note.endswith(which) for note in answer["notes"])
    for form in ("markdown", "junit", "html"):
        assert said in ask("viewer", f"&format={form}").content.decode()
    table = ask("viewer", "&format=csv").content.decode()
    rows = csv.DictReader(io.StringIO(table, newline=""))
    signatures = {row["metric"]: row["baseline_signature_before"] for row in rows}
    assert signatures == {"exact_match": before, "token_f1": ""}
    # To be compared does not change what a run says.
    assert current_measurements(old)[0].signature == before


def test_whoever_dies_in_between_the_comparison_comes_out_once(pair):
    old, new = pair
    with pytest.raises(ScoredAgainFirst):
        compared(old, new)
    queue.claim("dead:1:1")  # a worker takes the only chunk, and is gone
    with pytest.raises(ScoredAgainFirst):
        compared(old, new)
    Chunk.objects.filter(state="claimed").update(lease_until="2026-01-01T00:00:00Z")
    sweeping.sweep()
    drain()
    comparison = compared(old, new)
    assert [one["metric"] for one in comparison.rescored] == ["exact_match"]
    assert compared(old, new, may_score=False) == comparison
    assert (Rescoring.objects.count(), Comparison.objects.count()) == (1, 1)


def test_each_signature_has_its_number_from_then_on(pair):
    """Two candidates by two signatures: the baseline is scored twice in all, not in turns."""
    old, new = pair
    third = scored(a_run(old.version, system="third"), *answers(60, {2}))
    with pytest.raises(ScoredAgainFirst):
        compared(old, new)
    drain()
    both = [compared(old, one, may_score=False) for one in (new, third, new)]
    assert both[0] == both[2]
    assert [len(one.rescored) for one in both] == [1, 0, 1]
    assert old.measurements.filter(name="exact_match").count() == 2


def test_what_cannot_be_scored_again_is_not_compared_and_says_why(pair, settings):
    old, new = pair
    rated(new, [3.0] * 60)
    rated(old, [2.0] * 60)
    drain()
    theirs = old.measurements.filter(name="helpfulness")
    theirs.update(signature="human|v1|campaign:two|rule:mean")
    ours = new.measurements.get(name="exact_match")
    settings.JUDGE_URL = ""
    # Each row: what the candidate's number is, and what is said of it.
    table = [
        ({"metric": "gone"}, "There is no metric 'gone'"),
        ({"metric": "judge_faithfulness", "kind": "judge"}, "none is set up here"),
        ({"metric": "remote_away", "kind": "remote"}, "away"),
        ({"signature": "exact_match|v0"}, "is now computed as exact_match|v1"),
    ]
    for change, said in table:
        Measurement.objects.filter(pk=ours.pk).update(**change)
        skipped = {one["metric"]: one["reason"] for one in compared(old, new).skipped}
        assert said in skipped["exact_match"], change
        assert "The baseline cannot be scored again: people gave" in skipped["helpfulness"]
        ours.save()
    assert not Rescoring.objects.exists()


def test_a_scoring_that_failed_or_was_called_off_is_not_begun_again(pair):
    old, new = pair
    with pytest.raises(ScoredAgainFirst) as waits:
        compared(old, new)
    rescoring.cancel(rescoring=waits.value.rescoring, actor=COMMAND_LINE)
    (one,) = compared(old, new).skipped
    assert "begun and called off" in one["reason"]
    rescoring.resume(rescoring=waits.value.rescoring, actor=COMMAND_LINE)
    with pytest.raises(ScoredAgainFirst):
        compared(old, new)
    old.measurements.filter(generation=2).update(metric="gone")  # as by a downgrade
    drain()
    (one,) = compared(old, new).skipped
    assert "it was tried, and failed. There is no metric" in one["reason"]
    assert Rescoring.objects.count() == 1


def test_the_command_waits_and_prints_the_report(pair, monkeypatch, capsys):
    names = [run.public_id for run in pair]
    with pytest.raises(CommandError, match=r"Not yet\. The baseline") as late:
        call_command("compare", *names, "--timeout=0")
    assert late.value.returncode == 2
    monkeypatch.setattr(waiting, "until", lambda _, *, seconds: bool(drain()))
    call_command("compare", *names, "--format=markdown", "--origin=https://hub.example")
    said = capsys.readouterr().out
    assert said.startswith("**Regressed: new is worse than old on exact_match.**")
    assert "The baseline was scored again on" in said
    assert f"(https://hub.example/comparisons/{Comparison.objects.get().public_id}/)" in said
    for wrong in ("run_none", "\0", names[1]):
        with pytest.raises(CommandError) as refused:
            call_command("compare", wrong, names[1])
        assert refused.value.returncode == 1


def test_the_page_shows_how_far_it_is_and_opens_the_comparison(pair, client):
    old, new = pair
    address = f"/p/town/comparisons/new/?baseline={old.public_id}&candidate={new.public_id}"
    client.force_login(a_member(old.project, "viewer"))
    assert client.get(address).status_code == 403
    client.force_login(a_member(old.project, "lead"))
    page = client.get(address)
    assert (page.status_code, page["Retry-After"]) == (202, "2")
    assert "The baseline is being scored again" in page.content.decode()
    part = client.get(address, headers={"HX-Target": "waiting"})
    assert "<html" not in part.content.decode()
    many = client.get(address.replace("/new/", "/many/") + "&step=1")
    assert many.status_code == 202
    assert "is being scored again" in many.content.decode()
    drain()
    over = client.get(address, headers={"HX-Target": "waiting"})
    found = Comparison.objects.get()
    assert over["HX-Redirect"] == f"/comparisons/{found.public_id}/"
    shown = client.get(over["HX-Redirect"]).content.decode()
    assert "The baseline was scored again on" in shown
    assert "A comparison asked for it" in client.get(f"/runs/{old.public_id}/").content.decode()
