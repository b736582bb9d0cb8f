"""Classification through the product: the classes of a run that was scored in chunks."""

import random

import numpy as np
import pytest
from sklearn import metrics as sklearn

from evalhub.accounts.services import COMMAND_LINE
from evalhub.reports.services import compare_runs
from evalhub.runs.columns import read_both, scores_in_blocks
from evalhub.runs.models import Measurement, Run, ScoreColumn
from metrics.vocabulary import MAX_CLASSES
from tests.evalhub.runs.building import a_run, measurement, scored, scores
from tests.factories import a_project, a_version, example_row

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
