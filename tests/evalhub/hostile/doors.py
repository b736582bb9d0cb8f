"""Every address that changes something, what it takes gladly, and somebody who knocks there."""

from __future__ import annotations

import copy
import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from html import unescape
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.db.models import Model
from django.test import Client

from tests import hostile
from tests.evalhub.intake.bounds import bounded
from tests.factories import jsonl
from tests.world import World, savepoint

# Of one request, in this process: a hang would be minutes.
MOST_CPU_SECONDS = 5.0
NDJSON, URLENCODED = "application/x-ndjson", "application/x-www-form-urlencoded"
# What changes with every look, or counts the attempts themselves.
VOLATILE = {"last_used_at", "last_login", "lease_until", "seen_at"}
UNCOUNTED = {"sessions.Session", "accounts.LoginFailure", "runs.Worker"}

# What no part of an example is made of is its metadata; everywhere else it is an error.
TAKES_ANY_MEMBER = "datasets:api_versions"
EXAMPLE = {
    "key": "a",
    "input": "?",
    "expected_output": "!",
    "references": ["!"],
    "context": ["c"],
    "relevant": {"d": 1},
    "metadata": {"topic": "tides", "n": 1},
}
OUTPUT = {
    "key": "q2",
    "output": "a2",
    "attempt": 1,
    "latency_ms": 12.5,
    "input_tokens": 3,
    "cost": 0.01,
    "confidence": 0.5,
    "retrieved": [{"id": "d", "score": 0.5, "text": "t"}],
    "trace_id": "t",
    "metadata": {"a": [1]},
}
SPEC = {"name": "exact_match", "params": {"extract": "(a.)", "normalize": ["strip"]}, "as": "x"}

GATE = {
    "margins": [{"metric": "exact_match", "margin": 0.02}],
    "slices": [{"field": "topic", "level": "tides", "metric": "exact_match", "margin": 0.1}],
    "critical": {"metric": "exact_match"},
    "min_coverage": 0.9,
    "ceilings": [{"metric": "cost", "ceiling": 0.5}],
}


@dataclass(frozen=True, kw_only=True)
class Door:
    """One address that changes something, and what it takes gladly."""

    good: Callable[[World], dict[str, Any]]
    kind: str = "form"
    method: str = "POST"
    is_optional: bool = False
    is_public: bool = False  # knocked at by somebody who is not logged in
    instead: Callable[[World], dict[str, object]] = field(default=lambda world: {})


def in_open_run(world: World) -> dict[str, object]:
    return {"run_id": world.open_run}


def a_run_body(world: World) -> dict[str, Any]:
    return {
        "dataset": world.parts["dataset"],
        "version": 1,
        "system": "heron",
        "system_version": "2",
        "metrics": ["bleu", SPEC],
        "attempts": 1,
        "git_commit": "0a1b2c3",
        "params": {"temperature": 0.5, "stop": ["\n"]},
        "tags": ["nightly"],
        "external_id": "ci-42",
    }


def a_rescoring_body(world: World) -> dict[str, Any]:
    return {"metrics": ["bleu", SPEC], "version": 1, "runs": [world.scored_run], "again": True}


def a_campaign_body(world: World) -> dict[str, Any]:
    rating = {"name": "clear", "text": "How clear?", "kind": "rating", "options": [1, 2, 3]}
    number = {"name": "errors", "kind": "number", "scale": "interval", "low": 0, "high": 9}
    return {
        "name": "Clear answers",
        "runs": [world.scored_run],
        "questions": [rating, number],
        "overlap": 2,
        "guidelines": "Read twice.",
        "show_reference": True,
        "examples": 5,
    }


def an_annotation(world: World) -> dict[str, Any]:
    return {
        "run": world.scored_run,
        "key": "q2",
        "attempt": 1,
        "annotator": "rater",
        "answers": {"faithful": 3},
        "at": "2026-03-01T09:30:00Z",
        "seconds": 4.5,
    }


def a_decision(world: World) -> dict[str, Any]:
    return {
        "run": world.scored_run,
        "key": "q2",
        "attempt": 1,
        "answers": {"faithful": 3},
        "reason": "slip",
        "note": "n",
        "revision": 0,
    }


def a_control(world: World) -> dict[str, Any]:
    return {
        "run": world.scored_run,
        "key": "q2",
        "attempt": 1,
        "answers": {"faithful": 3},
        "tolerance": 1,
        "explanation": "e",
        "purpose": "control",
    }


def a_control_form(world: World) -> dict[str, Any]:
    body = {name: str(value) for name, value in a_control(world).items() if name != "answers"}
    return {"do": "add", **body, "q0": "2"}


def a_campaign_form(world: World) -> dict[str, Any]:
    managed = {"question-TOTAL_FORMS": "1", "question-INITIAL_FORMS": "0"}
    question = {"question-0-name": "clear", "question-0-kind": "rating", "question-0-options": ""}
    named = {"name": "Clear answers", "runs": world.scored_run, "overlap": "2", "examples": "5"}
    return {**managed, **question, **named, "guidelines": "Read twice.", "show_reference": "on"}


def a_questions_form(world: World) -> dict[str, Any]:
    managed = {"question-TOTAL_FORMS": "1", "question-INITIAL_FORMS": "0"}
    question = {
        "question-0-name": "faithful",
        "question-0-kind": "rating",
        "question-0-text": "Is it?",
    }
    return {**managed, **question, "note": "n", "seen": "1"}


def a_scorer_body(world: World) -> dict[str, Any]:
    return {
        "slug": "brief",
        "url": "https://scorer.example.org/score",
        "version": "1",
        "title": "Brief",
        "description": "d",
        "higher_is_better": False,
        "low": 0,
        "high": 100.5,
        "is_binary": False,
        "timeout_seconds": 5,
        "batch_size": 10,
        "header": "X-Api-Key",
        "secret": "a word",
    }


def a_scorer_form(world: World) -> dict[str, Any]:
    body = a_scorer_body(world)
    typed = {name: str(value) for name, value in body.items() if name != "is_binary"}
    return {**typed, "higher_is_better": "false"}


def an_upload_form(world: World) -> dict[str, Any]:
    return {"name": "tides", "dataset": "", "file": upload(jsonl(EXAMPLE).encode())}


def a_columns_form(world: World) -> dict[str, Any]:
    columns = {"column_0": "key", "column_1": "input"}
    return {**columns, "mode": "replace", "cluster": "", "notes": "n"}


def a_blessing(world: World) -> dict[str, Any]:
    return {"run": world.scored_run, "tag": "main", "reason": "Shipped in March."}


def an_invitation_body(world: World) -> dict[str, Any]:
    return {"role": "annotator", "is_limited": True, "note": "ben", "max_uses": 2, "days": 7}


def upload(content: bytes, name: str = "examples.jsonl") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


AN_INVITED = {
    "invite-note": "ben",
    "invite-role": "limited",
    "invite-max_uses": "2",
    "invite-days": "7",
    "invite-quota": "50",
}
PASSWORD = {"password": "a heron on a pole"}
ADA = {"username": "ada", **PASSWORD}
NEW = "two herons on a pole"
A_NEW_PASSWORD = {"old_password": PASSWORD["password"], "new_password1": NEW, "new_password2": NEW}
TYPED_TWICE = {"password1": NEW, "password2": NEW}
# Good in any form, for all that counts is in the address.
TAKES_NO_FIELDS = {
    *("accounts:logout", "accounts:key_revoke", "accounts:invitation_revoke"),
    *("accounts:member_password", "scorers:try", "scorers:retire", "reports:link_revoke"),
}
DOORS = {
    "datasets:api_datasets": Door(
        kind="json", good=lambda world: {"name": "tides", "description": "d"}
    ),
    "datasets:api_versions": Door(kind="lines", good=lambda world: EXAMPLE),
    "runs:api_runs": Door(kind="json", good=a_run_body),
    "runs:api_outputs": Door(kind="lines", good=lambda world: OUTPUT, instead=in_open_run),
    "runs:api_finish": Door(
        kind="json",
        good=lambda world: {"allow_missing": True},
        instead=in_open_run,
        is_optional=True,
    ),
    "runs:api_measurements": Door(kind="json", good=lambda world: {"metrics": [SPEC]}),
    "runs:api_cancel": Door(
        kind="json", good=lambda world: {}, instead=in_open_run, is_optional=True
    ),
    "runs:api_reopen": Door(kind="json", good=lambda world: {}, is_optional=True),
    "runs:api_rescorings": Door(kind="json", good=a_rescoring_body),
    "runs:api_rescoring_cancel": Door(kind="json", good=lambda world: {}, is_optional=True),
    "runs:api_rescoring_resume": Door(
        kind="json",
        good=lambda world: {},
        instead=lambda world: {"rescoring_id": world.cancelled_rescoring},
        is_optional=True,
    ),
    "gates:api_gate": Door(kind="json", method="PUT", good=lambda world: GATE),
    "gates:api_blessings": Door(kind="json", good=a_blessing),
    "gates:api_ask": Door(  # the other way round than it was asked before
        kind="json",
        good=lambda world: {"tag": "main", "baseline": world.scored_run},
        instead=lambda world: {"run_id": world.baseline_run},
        is_optional=True,
    ),
    "gates:api_waiver": Door(kind="json", good=lambda world: {"reason": "A known flake."}),
    "gates:gate": Door(good=lambda world: {"do": "bless", **a_blessing(world)}),
    "gates:answer": Door(good=lambda world: {"reason": "A known flake."}),
    "scorers:api_scorers": Door(kind="json", good=a_scorer_body),
    "scorers:new": Door(good=a_scorer_form),
    "scorers:try": Door(good=lambda world: {}),
    "scorers:host": Door(
        good=lambda world: {"do": "withdraw", "origin": "http://scorer.example.org:9"}
    ),
    "scorers:retire": Door(good=lambda world: {}),
    "labeling:api_campaigns": Door(kind="json", good=a_campaign_body),
    "labeling:api_annotations": Door(kind="lines", good=an_annotation),
    "labeling:api_decisions": Door(kind="lines", good=a_decision),
    "labeling:api_guidelines": Door(
        kind="json", good=lambda world: {"text": "Read thrice.", "note": "thrice", "seen": 0}
    ),
    "labeling:api_questions": Door(
        kind="json",
        good=lambda world: {
            "questions": [{"name": "faithful", "kind": "rating", "text": "Is it?"}],
            "note": "n",
            "seen": 1,
        },
    ),
    "labeling:api_state": Door(kind="json", good=lambda world: {"state": "paused"}),
    "labeling:api_controls": Door(kind="lines", good=a_control),
    "labeling:api_publish": Door(kind="json", good=lambda world: {}, is_optional=True),
    "accounts:login": Door(good=lambda world: ADA, is_public=True),
    "accounts:logout": Door(good=lambda world: {}),
    "accounts:password": Door(good=lambda world: A_NEW_PASSWORD),
    "accounts:project_new": Door(
        good=lambda world: {"name": "Harbor", "slug": "harbor", "description": "d"}
    ),
    "accounts:members": Door(good=lambda world: {"username": "ben", "role": "viewer", **PASSWORD}),
    "accounts:member": Door(good=lambda world: {"role": "lead"}),
    "accounts:keys": Door(good=lambda world: {"name": "nightly", "scopes": "read"}),
    "accounts:key_revoke": Door(good=lambda world: {}),
    "accounts:invitation": Door(
        good=lambda world: {"do": "join", "username": "cal", **TYPED_TWICE}, is_public=True
    ),
    "accounts:new_password": Door(good=lambda world: TYPED_TWICE, is_public=True),
    "accounts:member_password": Door(good=lambda world: {}),
    "accounts:invitations": Door(
        good=lambda world: {"note": "ben", "role": "limited", "max_uses": "2", "days": "7"}
    ),
    "accounts:invitation_revoke": Door(good=lambda world: {}),
    "accounts:api_invitations": Door(kind="json", good=an_invitation_body),
    "accounts:api_invitation": Door(
        kind="json", method="DELETE", good=lambda world: {}, is_optional=True
    ),
    "datasets:upload": Door(good=an_upload_form),
    "datasets:upload_columns": Door(
        good=a_columns_form,
        instead=lambda world: {"token": world.upload_of(world.people["owner"])},
    ),
    "datasets:tag": Door(good=lambda world: {"do": "move", "name": "golden"}),
    "runs:measure": Door(
        good=lambda world: {
            "metric": "exact_match",
            "shown": "exact_match",
            "name": "x",
            "param-extract": "(a)",
            "param-normalize": "strip, lowercase",
        }
    ),
    "runs:rescore": Door(
        good=lambda world: {
            "metric": "pass_rate",
            "shown": "pass_rate",
            "name": "x",
            "param-of": "rouge_l",
            "param-threshold": "0.5",
            "version": "1",
        }
    ),
    "runs:rescoring": Door(good=lambda world: {"do": "cancel"}),
    "reports:share": Door(good=lambda world: {"days": "7"}),
    "reports:link_revoke": Door(good=lambda world: {}),
    "labeling:new": Door(good=a_campaign_form),
    "labeling:campaign": Door(good=lambda world: {"do": "publish"}),
    "labeling:people": Door(good=lambda world: {"do": "invite", **AN_INVITED}),
    "labeling:person": Door(good=lambda world: {"do": "quota", "quota": "20"}),
    "labeling:guidelines": Door(
        good=lambda world: {"text": "Read thrice.", "note": "thrice", "seen": "0"}
    ),
    "labeling:questions": Door(good=a_questions_form),
    "labeling:deciding": Door(
        good=lambda world: {"do": "rule", "rule": "spread", "spread": "1.5"}
    ),
    "labeling:decide": Door(
        good=lambda world: {
            "do": "decide",
            "seen": "0",
            "next": "",
            "q0": "2",
            "reason": "slip",
            "note": "n",
            "guideline": "g",
        },
        instead=lambda world: {"unit_id": world.unit},  # which who knocks has answered
    ),
    "labeling:controls": Door(good=a_control_form),
    "labeling:desk": Door(good=lambda world: {"do": "submit", "unit": world.unit, "q0": "1"}),
}
JSON, LINES, FORMS = (
    [name for name, door in DOORS.items() if door.kind == kind]
    for kind in ("json", "lines", "form")
)
REST = [*JSON, *LINES]


def stored() -> dict[str, str]:
    """Return a digest of all rows of every table, but for what changes by itself."""
    with connection.cursor() as cursor:
        return {table: _digest(cursor, query) for table, query in _queries().items()}


@cache
def _queries() -> dict[str, str]:
    """Return what asks for all rows of each table, as SQL: it is asked hundreds of times."""
    models = [one for one in apps.get_models() if one._meta.label not in UNCOUNTED]
    return {one._meta.label: _query(one) for one in models}


def _query(model: type[Model]) -> str:
    names = [one.attname for one in model._meta.concrete_fields if one.name not in VOLATILE]
    return str(model._base_manager.order_by("pk").values_list(*names).query)


def _digest(cursor: CursorWrapper, query: str) -> str:
    cursor.execute(query)
    rows = [[bytes(v) if isinstance(v, memoryview) else v for v in row] for row in cursor]
    return hashlib.sha256(repr(rows).encode("utf-8", "surrogatepass")).hexdigest()


def _files() -> set[str]:
    return {str(path) for path in settings.SPOOL_DIR.rglob("*") if path.is_file()}


class Knock:
    """Sends bodies to one door, as somebody who may go through, and notes what goes wrong.

    What is taken is undone. What is refused is not, so that its traces would show.
    """

    def __init__(
        self,
        world: World,
        headers: dict[str, str],
        before: dict[str, str],
        name: str,
        **instead: object,
    ) -> None:
        self.world, self.name, self.door = world, name, DOORS[name]
        self.good = self.door.good(world)
        self._headers, self._before, self._instead = headers, before, instead
        self._found: list[str] = []
        self.client = Client(raise_request_exception=False)
        if self.door.kind == "form" and not self.door.is_public:
            self.client.force_login(world.people["owner"])
        self._cookies = copy.deepcopy(self.client.cookies)
        self._arrive()

    def _arrive(self) -> None:
        self.client.cookies = copy.deepcopy(self._cookies)
        instead = self._instead or self.door.instead(self.world)
        self.address = self.world.address(self.name, **instead)
        self._kept = _files()

    @property
    def good_body(self) -> bytes:
        return json.dumps(self.good).encode()

    def rest(self, what: str, body: bytes, *, kind: str = "", query: str = "", **how: Any) -> Any:
        """Send a body as the REST interface takes it."""
        kind = kind or (NDJSON if self.door.kind == "lines" else "application/json")
        headers = {**self._headers, **how.pop("headers", {})}
        return self._ask(
            what,
            lambda: self.client.generic(
                self.door.method, self.address + query, body, kind, headers=headers
            ),
            **how,
        )

    def form(self, what: str, fields: dict[str, Any], **how: Any) -> Any:
        """Send a form as browsers do."""
        return self._ask(what, lambda: self.client.post(self.address, fields), **how)

    def raw_form(self, what: str, body: bytes, kind: str, **how: Any) -> Any:
        """Send a form as no browser does."""
        return self._ask(what, lambda: self.client.post(self.address, body, kind), **how)

    def _ask(
        self, what: str, ask: Callable[[], Any], *, must: bool = True, placed: bool = False
    ) -> Any:
        with savepoint(), bounded(seconds=MOST_CPU_SECONDS):
            answer = ask()
            is_taken = answer.status_code < 400
            if is_taken:
                transaction.set_rollback(True)
        self._found += [f"{what}: {fault}" for fault in _faults(answer, must, placed)]
        if is_taken:
            self._arrive()
        elif _files() != self._kept:
            self._found.append(f"{what}: left a file behind")
        return answer

    def blame(self, what: str) -> None:
        self._found.append(what)

    def faults(self) -> list[str]:
        """Return all that went wrong, and which tables are no longer as they were."""
        now = stored()
        changed = [table for table, rows in now.items() if rows != self._before[table]]
        return [*self._found, *(f"a refused request changed {table}" for table in changed)]


def _faults(answer: Any, must_refuse: bool, must_be_placed: bool) -> list[str]:
    status = answer.status_code
    if status < 400:
        return [f"{status}"] if must_refuse else []
    if status >= 500:
        return [f"{status}"]
    if sentence_of(answer) is None:
        return [f"{status} without a sentence: {answer.content[:200]!r}"]
    if not answer["Content-Type"].startswith("application/json"):
        return []
    errors = answer.json()["errors"]
    is_placed = bool(errors) and all(one.get("line") or one.get("field") for one in errors)
    if (must_be_placed or status == 422 or errors) and not is_placed:
        return [f"names neither field nor line: {answer.json()}"]
    return []


def sentence_of(answer: Any) -> str | None:
    """Return the sentence of a refusal: of a form in its notice or beside a field."""
    if answer["Content-Type"].startswith("application/json"):
        detail = str(answer.json()["detail"])
        return detail if re.search(r"[.…]$", detail) and len(detail) < 2_000 else None
    title = "[^<]+" if answer.status_code in {403, 404} else "This could not be done"
    beside = r'(?:role="alert"|class="err")[^>]*>.+?</(?:div|ul|p)>'
    instead = rf"<h1>{title}</h1>\s*<p[^>]*>.+?</p>"
    notice = re.search(f"{beside}|{instead}", answer.content.decode(), re.DOTALL)
    words = unescape(re.sub(r"<[^>]+>", " ", notice[0])) if notice else ""
    found = re.search(r"[A-Za-z].{8,}?[.…]", " ".join(words.split()))
    return found and found[0]


def broken_tables() -> dict[str, bytes]:
    """Return files of CSV that are none, or say nothing that can be stored."""
    return {
        "nothing": b"",
        "a head alone": b"key,input\n",
        "NUL": b"key,input\na,b\0\n",
        "an open quote": b'key,input\na,"b\n',
        "text after a quote": b'key,input\na,"b"c\n',
        "too many cells": b"key,input\na,b,c\n",
        "too few cells": b"key,input\na\n",
        "a name twice": b"key,input,input\na,b,c\n",
        "no name": b"key,input,\na,b,c\n",
        "no key": b"input\na\n",
        "Latin-1": b"key,input\na,caf\xe9\n",
        "UTF-16": "key,input\na,b\n".encode("utf-16"),
        "100,000 columns": b",".join(b"c%d" % n for n in range(100_000)) + b"\n",
        "a long line": b"key,input\na," + hostile.LONG_LINE + b"\n",
        "deep metadata": b'key,input,metadata\na,b,"' + b"[" * hostile.DEEP + b'"\n',
        "half a pair": b'key,input,metadata\na,b,"{""x"": ""\\ud800""}"\n',
        "NaN": b'key,input,metadata\na,b,"{""x"": NaN}"\n',
    }
