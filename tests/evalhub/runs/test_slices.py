"""A metric by two fields at once: each cell is what its examples alone would give."""

import pytest
import sacrebleu
from scipy.stats import binomtest

from evalhub.runs import pictures
from tests.evalhub.runs.building import a_run, finished, measurement, scored
from tests.evalhub.runs.test_pages import page_of, text_of
from tests.factories import a_key, a_member, a_project, a_version, example_row

pytestmark = pytest.mark.django_db

WORDS = (
    *("the", "old", "heron", "stood", "on", "a", "pole"),
    *("near", "the", "quiet", "harbor", "at", "dawn"),
)


def reference(number):
    return " ".join(WORDS[(number + step) % len(WORDS)] for step in range(7))


def answer(number):
    return reference(number) if number % 3 else reference(number + 2)


@pytest.fixture
def project():
    return a_project("town")


@pytest.fixture
def run(project):
    """100 examples of two fields: 24 or 25 in most cells, one in another, one without a size."""
    rows = [
        example_row(
            f"q{number}",
            expected_output=reference(number),
            metadata={"topic": "ab"[number % 2], "size, in words": size_of(number)}
            if number
            else {"topic": "a"},
        )
        for number in range(100)
    ]
    lines = [{"key": f"q{number}", "output": answer(number)} for number in range(100)]
    return scored(a_run(a_version(project, rows), metrics=["exact_match", "bleu"]), *lines)


def size_of(number):
    if number == 50:
        return "huge"
    return "long" if number % 4 < 2 else "short"


def cells_of(run, name):
    table = pictures.cross_table(measurement(run, name), "topic", "size, in words")
    return table, {(line.level, cell.level): cell for line in table.lines for cell in line.cells}


def numbers(topic, size):
    return [n for n in range(1, 100) if "ab"[n % 2] == topic and size_of(n) == size]


def test_the_share_of_a_cell_and_its_interval_are_wilsons(run):
    table, cells = cells_of(run, "exact_match")

    assert table.n_without == 1
    for (topic, size), cell in cells.items():
        of_cell = numbers(topic, size)
        assert cell.n == len(of_cell)
        if size != "huge":
            right = sum(n % 3 > 0 for n in of_cell)
            expected = binomtest(right, cell.n).proportion_ci(method="wilson")
            assert cell.estimate.value == pytest.approx(right / cell.n)
            assert (cell.low, cell.high) == pytest.approx((expected.low, expected.high))
    assert (cells["a", "huge"].n, cells["a", "huge"].is_small) == (1, True)
    assert cells["b", "huge"].n == 0


def test_the_cell_of_a_corpus_metric_is_the_corpus_of_its_examples(run):
    _, cells = cells_of(run, "bleu")

    for topic in "ab":
        for size in ("long", "short"):
            of_cell = numbers(topic, size)
            expected = sacrebleu.corpus_bleu(
                [answer(n) for n in of_cell], [[reference(n) for n in of_cell]]
            )
            cell = cells[topic, size]
            assert cell.estimate.value == pytest.approx(expected.score, abs=1e-9)
            assert cell.low < expected.score < cell.high


def test_fields_that_are_none_or_the_same_make_no_table(run):
    one = measurement(run)
    assert pictures.cross_table(one, "topic", "topic") is None
    assert pictures.cross_table(one, "topic", "color") is None
    assert pictures.cross_table(measurement(finished(a_run())), "topic", "size") is None


def test_the_page_shows_two_fields_when_they_are_chosen(client, project, run):
    client.force_login(a_member(project, "viewer"))
    page = page_of(client, run)
    assert "Show both" in text_of(page)
    assert 'id="crossed"' not in page.content.decode()

    address = f"/runs/{run.public_id}/?metric=bleu&by=topic&across=size%2C+in+words"
    part = client.get(address, headers={"HX-Request": "true", "HX-Target": "slices"})

    words = text_of(part)
    assert part.content.decode().lstrip().startswith("<section")
    assert "topic by size, in words" in words
    assert "1 example" in words
    assert "no example" in words
    assert "1 example without one of the two fields left out." in words
    tabs = part.content.decode()
    assert "?metric=exact_match&amp;by=topic" in tabs or "?metric=exact_match&by=topic" in tabs
    same = page_of(client, run, "?by=topic&across=topic")
    assert "Choose two different fields" in text_of(same)


def get(client, headers, run, query=""):
    return client.get(f"/api/v1/runs/{run.public_id}/slices{query}", headers=headers)


def test_programs_read_one_field_or_two(client, project, run):
    headers = a_key(project)
    every = get(client, headers, run).json()["data"]
    assert {name for one in every for name in one["slice"]} == {"topic", "size, in words"}

    one = get(client, headers, run, "?by=size, in words").json()["data"]
    two = get(client, headers, run, "?by=topic,size, in words&metric=bleu").json()["data"]

    assert [row["slice"]["size, in words"] for row in one] == ["long", "short", "huge"]
    assert sum(row["n"] for row in two) == 99
    assert {row["slice"]["topic"] for row in two} == {"a", "b"}
    assert len(two) == 5
    small = next(row for row in two if row["n"] == 1)
    assert (small["is_small"], small["low"], small["unscored"]) == (True, None, 0)
    assert small["no_interval"].endswith(".")
    assert all(row["low"] < row["value"] < row["high"] for row in two if row["n"] > 1)


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ("?metric=chrf", 422, 'metric names no metric of this run: "chrf".'),
        ("?by=color", 422, "The fields of this version are: size, in words, topic."),
        ("?by=topic,topic", 422, "two different ones"),
        ("?by=", 422, "by is one field"),
    ],
)
def test_what_is_not_there_is_named(client, project, run, query, status, said):
    refused = get(client, a_key(project), run, query)
    assert refused.status_code == status
    assert said in refused.json()["detail"]


def test_a_metric_that_is_not_scored_has_no_slices(client, project):
    refused = get(client, a_key(project), finished(a_run(project=project)))
    assert refused.status_code == 409
    assert refused.json()["detail"] == "exact_match is scoring: its scores are not there."
