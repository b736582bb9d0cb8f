"""The reference of metrics, made from the catalog for everybody who is signed in."""

import json
import re
from dataclasses import dataclass
from typing import ClassVar

import pytest

from metrics import catalog as known
from metrics.base import Example
from metrics.batch import Json
from metrics.catalog import CATALOG, build, read_spec
from metrics.match.exact_match import ExactMatch
from tests.factories import a_user

HOSTILE = "\u202e<script>alert(1)</script>"
pytestmark = pytest.mark.django_db


@pytest.fixture
def page(client):
    client.force_login(a_user())
    return lambda: client.get("/metrics/")


def test_every_metric_stands_there_once_under_its_name(page):
    body = page().content.decode()
    for metric in CATALOG:
        assert body.count(f'id="{metric.name}"') == 1
        assert body.count(f'<a class="mono" href="#{metric.name}">') == 2
    assert body.count("<article") == len(CATALOG)


def test_the_spec_that_is_copied_is_the_metric_with_its_defaults(page):
    groups = page().context["groups"]
    for entry in (entry for _, entries in groups for entry in entries):
        spec: Json = json.loads(entry.spec)
        assert build(read_spec(spec)).signature == entry.signature


def test_an_entry_says_range_direction_family_and_what_it_needs(page):
    entries = {entry.name: entry for _, those in page().context["groups"] for entry in those}
    assert (entries["mcc"].range, entries["mcc"].direction) == ("-1 to 1", "more is better")
    assert entries["ter"].range == "0 and up"
    assert entries["output_length"].range == "0 and up, in words"
    assert entries["output_length"].direction.startswith("neither more nor less is better")
    assert entries["latency"].family == "the value that 50 % of the outputs do not exceed"
    assert entries["bleu"].family == "computed from sums over the whole run"
    assert entries["ndcg_at_k"].reads == ("relevant", "retrieved")
    assert entries["class_f1"].sample == "label: yes"
    label = entries["class_f1"].params[0]
    assert (label.name, label.kind, label.default) == ("label", "text", "must be given")
    bounds = {param.name: param for param in entries["numeric_match"].params}
    assert bounds["relative_tolerance"].meaning.endswith("from 0 to 1.")


def test_what_an_operator_wrote_is_shown_as_text(page, monkeypatch):
    @dataclass(frozen=True, kw_only=True)
    class Own(ExactMatch):
        name: ClassVar[str] = "own"
        title: ClassVar[str] = HOSTILE
        summary: ClassVar[str] = HOSTILE
        examples: ClassVar[tuple[Example, ...]] = (Example(output=HOSTILE, value=1.0),)

    monkeypatch.setattr(known, "_BY_NAME", {**known._BY_NAME, "own": Own})

    body = page().content.decode()

    assert "Your own" in body
    assert "<script>alert" not in body
    assert re.search(r'<span class="ctl"[^>]*>U\+202E</span>', body)
    assert "\u202e" not in body
