"""What a gate is asked: against whom, about which numbers, and when it is the same question."""

import json
import os
import re
import shutil
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from django.db.models import QuerySet
from django.test import Client

from evalhub.accounts.services import COMMAND_LINE
from evalhub.errors import Conflict
from evalhub.gates import rendering, services
from evalhub.reports.models import Finding
from evalhub.runs import rescoring, waiting
from tests.evalhub.gates.test_gates import a_gate, a_scored_run, a_version_with_slices, answers
from tests.evalhub.runs.building import a_run, drain, scored
from tests.factories import a_key, a_project

pytestmark = pytest.mark.django_db
WORSE = set(range(6, 80))


@pytest.fixture
def version():
    return a_version_with_slices(a_project())


def asked(run, tag="main"):
    return services.ask(run=run, tag=tag, actor=COMMAND_LINE)


def waived(answer):
    services.waive(answer=answer, reason="A flake.", actor=COMMAND_LINE)
    return answer


def exit_code(answer):
    return rendering.answer(answer)["exit_code"]


def test_a_waiver_for_one_branch_is_none_for_another(version):
    a_gate(version)
    old = a_scored_run(version, system="old", tags=["main", "release"])
    new = a_scored_run(version, WORSE)
    named = services.ask(run=new, baseline=old.public_id, actor=COMMAND_LINE)
    on_main = waived(asked(new))
    on_release = asked(new, "release")
    tags = [one.tag for one in (named, on_main, on_release)]
    codes = [exit_code(one) for one in (named, on_main, on_release)]
    assert (tags, codes) == (["", "main", "release"], [1, 0, 1])
    assert on_release.chosen.startswith("No run is blessed for release")
    # It is one comparison, which is said by each answer alike.
    assert len({one.comparison for one in (named, on_main, on_release)}) == 1
    assert asked(new, "release") == on_release


def test_a_question_keeps_its_baseline_and_so_its_answer(version):
    a_gate(version)
    old = a_scored_run(version, system="old", tags=["main"])
    late = a_run(version, system="late", tags=["main"])
    new = a_scored_run(version, WORSE)
    newer = a_scored_run(version, system="newer", tags=["main"])
    first = waived(asked(new))
    assert first.comparison.baseline == old  # not the newer one
    scored(late, *answers())
    assert asked(new) == first
    assert exit_code(asked(new)) == 0
    assert asked(newer).comparison.baseline == late
    # Under other rules it is held against the same run, in a comparison by other margins.
    a_gate(version, margins=[{"metric": "exact_match", "margin": 0.9}])
    assert asked(new).comparison.baseline == old
    assert asked(new).comparison != first.comparison
    services.bless(
        dataset=version.dataset, run=old.public_id, tag="main", reason="!", actor=COMMAND_LINE
    )
    assert asked(new).comparison.baseline == old


def test_an_answer_is_about_the_measurements_of_its_comparison(version, monkeypatch):
    a_gate(
        version,
        margins=[{"metric": "exact_match", "margin": 0.05}],
        ceilings=[{"metric": "cost", "ceiling": 1}],
    )
    a_scored_run(version, system="old", tags=["main"])
    new, compare = a_scored_run(version), services.compare_runs

    def compared_and_then_scored_again(**runs):
        comparison = compare(**runs)
        rescoring.begin(
            dataset=version.dataset,
            metrics=[{"name": "exact_match", "params": {"normalize": ["lowercase"]}}, "cost"],
            runs=[new.public_id],
            again=True,
            actor=COMMAND_LINE,
        )
        drain()
        return comparison

    monkeypatch.setattr(services, "compare_runs", compared_and_then_scored_again)
    answer = asked(new)
    found = Finding.objects.filter(comparison=answer.comparison, slice_field="")
    measured = {one.metric: one.candidate_measurement.public_id for one in found}
    assert new.measurements.filter(name="cost").count() == 2
    assert {one["metric"]: one["measurement"] for one in answer.parts} == measured


def test_two_leads_who_waive_at_once_are_told(version, monkeypatch):
    a_gate(version)
    a_scored_run(version, system="old", tags=["main"])
    answer = waived(asked(a_scored_run(version, WORSE)))
    monkeypatch.setattr(QuerySet, "exists", lambda _: False)  # as the other one saw it
    with pytest.raises(Conflict, match="waived already") as refused:
        waived(answer)
    assert refused.value.code == "waived"


def a_curl(folder):
    """Put a stand-in where there is no curl, and return where programs are looked for."""
    file = folder / "curl"
    file.write_text(f"""#!{sys.executable}
import sys, urllib.error, urllib.request
given = sys.argv[1:]
body = given[given.index("-d") + 1].encode()
try:
    reply = urllib.request.urlopen(next(one for one in given if "://" in one), body)
except urllib.error.HTTPError as refused:
    reply = refused
open(given[given.index("-o") + 1], "wb").write(reply.read())
print(reply.status, end="")
""")
    file.chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


SNIPPET = re.compile(r"## Ask in CI\n.*?```sh\n(.*?)```", re.DOTALL)


@pytest.mark.parametrize(
    ("answers", "code", "said"),
    [
        ([202, 202, (200, {"exit_code": 1, "summary": "No", "advice": ["Look"]})], 1, "No\nLook"),
        ([(200, {"exit_code": 0, "summary": "Yes", "advice": []})], 0, "Yes"),
        ([(409, {"detail": "It is open."})], 3, 'not asked: 409 {"detail": "It is open."}'),
    ],
)
def test_the_snippet_for_ci_waits_and_ends_with_the_exit_code(tmp_path, answers, code, said):
    left = [one if isinstance(one, tuple) else (one, {"state": "waiting"}) for one in answers]
    asked_for = []

    class Stub(BaseHTTPRequestHandler):
        def do_POST(self):
            asked_for.append(self.path)
            self.rfile.read(int(self.headers["Content-Length"]))
            status, body = left.pop(0)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_):
            pass

    (script,) = SNIPPET.findall(Path("docs/how-to/gate-a-release.md").read_text())
    with HTTPServer(("127.0.0.1", 0), Stub) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        tools = os.environ["PATH"] if shutil.which("curl") else a_curl(tmp_path)
        there = {
            "PATH": tools,
            "EVALHUB": f"http://127.0.0.1:{server.server_port}",
            "RUN": "run_1",
            "KEY": "k",
        }
        ended = subprocess.run(
            ["/bin/bash", "-eu", "-c", script.replace("sleep 2", "sleep 0")],
            cwd=tmp_path,
            env={**os.environ, **there},
            capture_output=True,
            text=True,
            check=False,
        )
        server.shutdown()
    assert (ended.returncode, left) == (code, [])
    assert said in ended.stdout + ended.stderr
    assert set(asked_for) == {"/api/v1/runs/run_1/gate?wait=60"}


def test_a_job_waits_for_the_baseline_in_one_request(version, monkeypatch):
    a_gate(version)
    a_scored_run(version, system="old", tags=["main"])
    spec = {"name": "exact_match", "params": {"normalize": ["lowercase"]}}
    new = scored(a_run(version, metrics=[spec]), *answers())
    waited = []
    monkeypatch.setattr(
        waiting, "until", lambda _, *, seconds: waited.append(seconds) or drain() or True
    )
    headers = a_key(version.dataset.project)

    def post(wait):
        address = f"/api/v1/runs/{new.public_id}/gate?wait={wait}"
        return Client().post(address, {}, content_type="application/json", headers=headers)

    assert post("soon").json()["detail"].startswith("wait is a whole number")
    answer = post("5")
    assert (answer.status_code, waited) == (200, [5.0])
    assert answer.json()["answer"] == "pass"
