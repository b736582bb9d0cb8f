"""Metrics of an operator: where they come from, and which are refused."""

import dataclasses
from importlib.metadata import EntryPoint

import pytest

from metrics import catalog, custom
from metrics.aggregation import Composite, PassRate
from metrics.base import Part
from metrics.catalog import MetricSpec, build, describe_catalog
from metrics.contract import broken_promises
from metrics.custom import CustomMetricError, code_digest, is_custom, load, load_all
from metrics.match.exact_match import ExactMatch
from tests.metrics.texts import expecting

MODULE = "tests.metrics.custom_examples"
GOOD = """
from dataclasses import dataclass
from typing import ClassVar
from metrics.base import Family
from metrics.text import PairMetric


@dataclass(frozen=True, kw_only=True)
class Mine(PairMetric):
    name: ClassVar[str] = {name!r}
    version: ClassVar[int] = {version!r}
    title: ClassVar[str] = "Mine"
    summary: ClassVar[str] = "Mine."
    formula: ClassVar[str] = {formula!r}
    family: ClassVar[Family] = Family.{family}

    def pair_value(self, output, reference):
        return 1.0
"""
SOUND = {"name": "mine", "version": 1, "formula": "1.", "family": "MEAN"}


@pytest.fixture(autouse=True)
def own_catalog(monkeypatch):
    monkeypatch.setattr(catalog, "_BY_NAME", dict(catalog._BY_NAME))


def written(tmp_path, **changes):
    path = tmp_path / "acme.py"
    path.write_text(GOOD.format(**{**SOUND, **changes}))
    return str(path)


def test_a_modules_metrics_stand_in_the_catalog():
    assert [metric.name for metric in load_all([MODULE])] == ["same_length", "obeys"]

    metric = build(MetricSpec(name="same_length"))
    assert is_custom(metric)
    assert list(broken_promises(metric)) == []
    assert describe_catalog()[-2]["name"] == "same_length"
    assert len(code_digest(type(metric))) == 64
    assert type(metric) in custom.loaded()


def test_a_file_is_loaded_once_however_often_it_is_asked_for(tmp_path):
    path = written(tmp_path)

    (first,), (second,) = load_all([path]), load_all([path])

    assert first is second
    assert build(MetricSpec(name="mine")).signature.startswith("mine|v1|extract:null")


def test_an_entry_point_names_a_module_or_a_class(monkeypatch):
    points = [
        EntryPoint("all", MODULE, custom.GROUP),
        EntryPoint("one", f"{MODULE}:Obeys", custom.GROUP),
    ]
    monkeypatch.setattr(custom, "entry_points", lambda group: points)

    assert [one.name for one in load_all([])] == ["same_length", "obeys", "obeys"]


def test_an_entry_point_that_cannot_be_loaded_says_so(monkeypatch):
    points = [EntryPoint("gone", "tests.metrics.nowhere", custom.GROUP)]
    monkeypatch.setattr(custom, "entry_points", lambda group: points)

    with pytest.raises(CustomMetricError, match="The entry point gone cannot be loaded"):
        load_all([])


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"name": "Mine"}, "'Mine' is not up to 64 of a-z"),
        ({"name": "bleu"}, "there is a metric 'bleu' already"),
        ({"name": ""}, "lacks name"),
        ({"version": 1.5}, "needs a version, a whole number from 1"),
        ({"formula": ""}, "lacks formula"),
        ({"family": "CORPUS"}, "belongs into EvalHub's own catalog"),
    ],
)
def test_a_class_that_cannot_stand_in_the_catalog_is_refused(tmp_path, changes, sentence):
    with pytest.raises(CustomMetricError) as refused:
        load_all([written(tmp_path, **changes)])

    assert sentence in str(refused.value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("1 / 0", "cannot be loaded. ZeroDivisionError: division by zero"),
        ("def", "cannot be loaded. SyntaxError"),
        ("from metrics.overlap.bleu import Bleu", "defines no metric"),
    ],
)
def test_a_file_without_a_usable_metric_is_refused(tmp_path, text, sentence):
    path = tmp_path / "broken.py"
    path.write_text(text)

    for _ in range(2):  # the second time too: a broken module is not remembered
        with pytest.raises(CustomMetricError) as refused:
            load(str(path))
        if "no metric" not in sentence:
            assert sentence in str(refused.value)
    assert sentence in str(refused.value)


def test_what_is_not_there_is_refused(tmp_path):
    with pytest.raises(CustomMetricError, match="There is no file"):
        load(str(tmp_path / "none.py"))
    with pytest.raises(CustomMetricError, match=r"acme\.none cannot be loaded"):
        load("acme.none")


def test_a_metric_with_an_operators_inside_counts_as_theirs():
    load_all([MODULE])
    mine = build(MetricSpec(name="same_length"))

    assert is_custom(PassRate(of=mine))
    assert is_custom(Composite(parts=(Part(metric=mine, weight=1.0),)))
    assert not is_custom(Composite())
    assert not is_custom(ExactMatch())


def test_a_base_of_others_begins_with_an_underscore(tmp_path):
    path = tmp_path / "bases.py"
    text = GOOD.format(**SOUND)
    path.write_text(
        text.replace("class Mine", "class _Base") + text.replace("(PairMetric)", "(_Base)")
    )

    assert [metric.__name__ for metric in load(str(path))] == ["Mine"]


def test_the_place_of_a_failure_is_in_the_operators_own_code(tmp_path):
    (metric,) = load_all([written(tmp_path, formula="1.")])
    path = tmp_path / "acme.py"
    line = path.read_text().splitlines().index("        return 1.0") + 1
    broken = tmp_path / "broken.py"
    broken.write_text(path.read_text().replace("1.0", "1.0 / 0.0").replace("'mine'", "'other'"))
    (metric,) = load_all([str(broken)])

    with pytest.raises(ZeroDivisionError) as raised:
        metric().score(expecting(["a"], ["a"]))

    assert custom.place_of(raised.value) == f"broken.py, line {line}"
    with pytest.raises(ValueError, match="invalid literal") as elsewhere:
        int("x")
    assert custom.place_of(elsewhere.value).startswith("test_custom.py, line")


def test_a_class_without_a_family_is_refused():
    bare = dataclasses.make_dataclass("Bare", [], bases=(ExactMatch,), frozen=True)
    bare.family = None

    with pytest.raises(CustomMetricError, match="lacks family"):
        custom.check(bare)


def test_a_class_that_cannot_be_made_with_its_defaults_is_refused(tmp_path):
    path = tmp_path / "broken.py"
    path.write_text(GOOD.format(**SOUND) + "\n    def __post_init__(self):\n        1 / 0\n")

    with pytest.raises(CustomMetricError, match=r"with its defaults. ZeroDivisionError"):
        load_all([str(path)])
