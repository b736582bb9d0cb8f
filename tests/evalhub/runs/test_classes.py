"""Classification through the product: the classes of a run that was scored in chunks."""

import random

import numpy as np
import pytest
from sklearn import metrics as sklearn

from evalhub.accounts.services import COMMAND_LINE
from evalhub.reports.services import compare_runs
from evalhub.runs.columns import read_both, scores_in_blocks
from evalhub.runs.metric_host import pack_scores, unpack_answer
from evalhub.runs.models import Measurement, Run, ScoreColumn
from metrics.classes.classification import Accuracy
from metrics.vocabulary import MAX_CLASSES
from tests.evalhub.runs.building import a_run, measurement, scored, scores
from tests.factories import a_key, a_member, a_project, a_version, example_row
from tests.metrics.texts import expecting

pytestmark = pytest.mark.django_db
METRICS = ["f1_macro", "accuracy", "mcc", "cohen_kappa", "ece", "brier"]


def labelled(project, n=120):
    """Return a version of n texts with labels, the topics cycling, and its expected labels."""
    rng = random.Random(1)
    expected = [f"class {rng.randrange(4)}" for _ in range(n)]
    return version_of(project, expected), expected


def version_of(project, expected, **how):
    rows = [
        example_row(f"q{row}", expected_output=label, metadata={"topic": "xyz"[row % 3]})
        for row, label in enumerate(expected)
    ]
    return a_version(project, rows, **how)


def said_of(expected, *, right=0.7, seed=2):
    rng = random.Random(seed)
    return [
        label if rng.random() < right else rng.choice(["class 0", "class 3", "Class 1", "dunno"])
        for label in expected
    ]


def lines(said):
    rng = random.Random(9)
    return [
        {"key": f"q{row}", "output": one, "confidence": round(rng.random(), 3)}
        for row, one in enumerate(said)
    ]


def macro_f1(expected, said):
    said = [one.lower() for one in said]
    return sklearn.f1_score(expected, said, labels=sorted(set(expected)), average="macro")


def test_the_value_is_that_of_all_chunks_together(settings):
    version, expected = labelled(a_project())
    said = said_of(expected)
    whole = scored(a_run(version, metrics=METRICS), *lines(said))
    settings.CHUNK_POSITIONS = 7
    pieces = scored(a_run(version, metrics=METRICS), *lines(said))

    assert ScoreColumn.objects.filter(measurement=measurement(pieces, "mcc")).count() == 18
    for name in METRICS:
        one, other = measurement(whole, name), measurement(pieces, name)
        assert (one.value, one.low, one.high) == (other.value, other.low, other.high)
    assert measurement(pieces, "f1_macro").value == pytest.approx(macro_f1(expected, said))
    assert scores(pieces, "mcc").labels == ("class 0", "class 1", "class 2", "class 3")
    left, right = scores(whole, "mcc"), scores(pieces, "mcc")
    assert np.array_equal(left.statistics, right.statistics)


def test_errors_and_missing_outputs_are_wrong(settings):
    settings.CHUNK_POSITIONS = 5
    version, expected = labelled(a_project(), n=30)
    given = [
        {"key": f"q{row}", "error": "timeout"} if row % 5 == 0 else line
        for row, line in enumerate(lines(expected)[:-2])
    ]

    run = scored(a_run(version, metrics=METRICS), *given)

    told = ["" if row % 5 == 0 or row > 27 else label for row, label in enumerate(expected)]
    assert measurement(run, "f1_macro").value == pytest.approx(macro_f1(expected, told))
    assert measurement(run, "f1_macro").answered_only == 1.0
    assert measurement(run, "brier").n_scored == 30


def test_a_run_of_several_attempts_weighs_its_examples_alike():
    version, expected = labelled(a_project(), n=40)
    said = said_of(expected)
    given = [{**line, "attempt": attempt} for line in lines(said) for attempt in (1, 2)]

    run = scored(a_run(version, metrics=METRICS, attempts=2), *given)

    assert measurement(run, "f1_macro").value == pytest.approx(macro_f1(expected, said))


def test_free_texts_are_no_classes_and_harm_no_other_metric():
    version = version_of(a_project(), [f"answer {row}" for row in range(MAX_CLASSES + 1)])

    run = scored(
        a_run(version, metrics=["accuracy", "f1_macro"]), {"key": "q0", "output": "answer 0"}
    )

    assert run.state == Run.State.SCORED
    assert measurement(run, "accuracy").value == pytest.approx(1 / (MAX_CLASSES + 1))
    failed = measurement(run, "f1_macro")
    assert failed.state == Measurement.State.FAILED
    assert failed.problem.startswith("More than 1,000 different labels are expected")
    assert scores_in_blocks(measurement(run, "accuracy")).labels == ()


def test_a_class_that_nobody_expects_fails_with_the_ones_that_are():
    version, expected = labelled(a_project(), n=12)
    spec = {"name": "class_recall", "params": {"label": "spam"}}

    run = scored(a_run(version, metrics=["accuracy", spec]), *lines(expected))

    assert measurement(run, "class_recall").problem.startswith("No example expects 'spam'. ")
    assert "'class 0'" in measurement(run, "class_recall").problem


def test_sides_of_other_versions_are_compared_over_the_classes_of_both():
    project = a_project()
    version, expected = labelled(project, n=100)
    before = scored(a_run(version, metrics=METRICS[:3]), *lines(said_of(expected)))
    kept = [*expected, *random.Random(5).choices(["class 1", "class 6", "class 7"], k=40)]
    newest = version_of(project, kept, dataset=version.dataset)
    said = said_of(kept, right=0.8, seed=7)
    after = scored(a_run(newest, metrics=METRICS[:3]), *lines(said))

    sides = read_both(measurement(before, "f1_macro"), measurement(after, "f1_macro"))
    comparison = compare_runs(baseline=before, candidate=after, actor=COMMAND_LINE)

    assert sides[0].labels == sides[1].labels
    assert len(sides[0].labels) > len(scores(before, "f1_macro").labels)
    finding = comparison.findings.get(metric="f1_macro", slice_field="")
    told = said_of(expected)
    assert finding.n == 100
    assert finding.gain == pytest.approx(
        macro_f1(expected, said[:100]) - macro_f1(expected, told), abs=1e-12
    )


@pytest.fixture
def measured():
    version, expected = labelled(a_project("town"), n=90)
    said = said_of(expected)
    specs = [
        "accuracy",
        "f1_macro",
        {"name": "f1_macro", "as": "cased", "params": {"normalize": []}},
    ]
    return scored(a_run(version, metrics=["brier", *specs]), *lines(said)), expected, said


def test_the_confusion_matrix_is_read_over_rest(client, measured):
    run, expected, said = measured
    key = a_key(run.project, "viewer")

    def read(query=""):
        return client.get(f"/api/v1/runs/{run.public_id}/confusion{query}", headers=key)

    body = read().json()

    labels = sorted(set(expected))
    told = [one.lower() if one.lower() in labels else "other" for one in said]
    table = sklearn.confusion_matrix(expected, told, labels=[*labels, "other"])
    assert (body["metric"], body["labels"]) == ("accuracy", labels)
    assert body["matrix"] == table[:-1, :-1].tolist()
    assert body["other"] == table[:-1, -1].tolist()
    f1 = [row["f1"] for row in body["classes"]]
    assert np.mean(f1) == pytest.approx(measurement(run, "f1_macro").value)
    assert sum(row["support"] for row in body["classes"]) == 90
    assert sum(read("?metric=cased").json()["other"]) > sum(body["other"])
    refused = read("?metric=brier")
    assert refused.status_code == 422
    assert "They are: accuracy, f1_macro, cased." in refused.json()["detail"]


def test_a_class_that_is_never_said_has_no_precision(client):
    version = version_of(a_project("town"), ["spam", "ham"])
    run = scored(a_run(version, metrics=["accuracy", "exact_match"]), *lines(["ham", "ham"]))
    key = a_key(run.project, "viewer")
    address = f"/api/v1/runs/{run.public_id}/confusion"

    body = client.get(address, headers=key).json()

    assert body["classes"][1] == {
        "label": "spam",
        "precision": None,
        "recall": 0.0,
        "f1": 0.0,
        "support": 1,
    }


@pytest.mark.parametrize("metrics", [["exact_match"], ["accuracy"]])
def test_without_classes_there_is_no_matrix(client, metrics):
    run = scored(a_run(a_version(a_project("town"), [example_row("q0")]), metrics=metrics))
    key = a_key(run.project, "viewer")
    client.force_login(a_member(run.project, "viewer"))

    answer = client.get(f"/api/v1/runs/{run.public_id}/confusion", headers=key)

    assert answer.status_code == 409
    assert "classes" in answer.json()["detail"]
    assert 'id="classes"' not in client.get(f"/runs/{run.public_id}/").content.decode()


def test_the_page_shows_the_classes_and_what_was_said_in_place_of_what(client, measured):
    run, *_ = measured
    client.force_login(a_member(run.project, "viewer"))

    page = client.get(f"/runs/{run.public_id}/").content.decode()
    other = client.get(f"/runs/{run.public_id}/?classes=cased", HTTP_HX_TARGET="classes")

    part = page[page.index('id="classes"') : page.index('id="slices"')]
    assert part.count("<table") == 2
    assert part.count('scope="row"') == 8
    assert part.count('<span class="vh"> right</span>') == 4
    assert "as accuracy reads them" in part
    tabs = [f'id="classes-of-{number}"' in part for number in (1, 2, 3)]
    assert tabs == [True, True, False]  # f1_macro reads labels as accuracy does
    assert "as cased reads them" in other.content.decode()
    assert other.content.decode().lstrip().startswith("<section")


def test_of_many_classes_the_page_shows_the_largest(client):
    expected = [f"class {row % 60:02}" for row in range(130)]
    version = version_of(a_project("town"), [*expected, ""])
    run = scored(a_run(version, metrics=["accuracy"]), *lines([*expected, "x"]))
    client.force_login(a_member(run.project, "viewer"))

    page = client.get(f"/runs/{run.public_id}/", HTTP_HX_TARGET="classes").content.decode()

    assert "The 50 most frequent of 61 classes" in page
    assert "The 12 most frequent classes; what was said besides" in page
    assert page.count('scope="row"') == 62


def test_labels_come_back_from_a_process_apart():
    scores_ = Accuracy().score(expecting(["a", "東京 \U0001f600", None], ["a", "b", "c"]))

    back = unpack_answer(pack_scores(scores_))

    assert back.labels == scores_.labels == ("a", "b", "c", "東京 \U0001f600")
    assert back.statistics.tobytes() == scores_.statistics.tobytes()
