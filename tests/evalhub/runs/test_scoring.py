"""A chunk is scored in one pass; what is wrong stays where it is; chunks change no bit."""

import numpy as np
import pytest
from scipy.stats import binomtest, ttest_1samp

from evalhub.errors import ContentError
from evalhub.runs import draining, queue
from evalhub.runs.models import Chunk, Measurement, Run, ScoreColumn
from evalhub.runs.scoring import metric_of
from metrics import catalog
from metrics.catalog import CATALOG
from metrics.fields import sample_params
from metrics.match.exact_match import ExactMatch
from metrics.reasons import Reason
from tests.evalhub.runs.building import a_run, drain, finished, measurement, right, scored, scores
from tests.factories import a_project, a_version, example_row

pytestmark = pytest.mark.django_db

# One of every kind: what is stored and read differs between them.
KINDS = [
    *("exact_match", "token_f1", "bleu", "chrf", "rouge_l", "f1_macro", "map", "flakiness"),
    *("latency", "median", "weighted_mean", "composite"),
]
SENTENCES = [
    "The committee approved the budget on Tuesday after a long debate.",
    "Heavy rain closed two roads near the river, and a school.",
    "She wrote the letter twice and sent neither of them.",
    "Prices rose by 4.5% in March, the third rise this year.",
    "Nobody at the station knew when the next train would leave.",
]


def prose(n):
    """Return a version of n sentences and outputs that are more or less like them."""
    rows, outputs = [], []
    for number in range(n):
        words = [*SENTENCES[number % 5].split(), f"w{number % 7}"]
        rows.append(
            example_row(
                f"s{number}",
                expected_output=" ".join(words),
                metadata={"document": f"d{number % 12}"},
            )
        )
        kept = [word for at, word in enumerate(words) if (at + number) % (number % 4 + 2)]
        outputs.append({"key": f"s{number}", "output": " ".join(kept)})
    return a_version(a_project(), rows), outputs


class Stumbling(ExactMatch):
    name = "stumbling"

    def score_in(self, workspace):
        raise ZeroDivisionError("a secret of the output")


@pytest.fixture
def stumbling(monkeypatch):
    """Add a metric to the catalog that cannot do its work."""
    known = {**{metric.name: metric for metric in CATALOG}, "stumbling": Stumbling}
    monkeypatch.setattr(catalog, "_BY_NAME", known)


def test_errors_and_missing_outputs_score_the_worst_and_stand_beside_the_rest():
    run = scored(a_run(n=5), *right(1, 2), {"key": "q3", "error": "timeout"}, right(4)[0])

    found = measurement(run)
    assert scores(run).values.ravel().tolist() == [1.0, 1.0, 0.0, 1.0, 0.0]
    assert (found.value, found.answered_only) == (0.6, 1.0)
    assert (found.n_scored, found.unscored, found.n_failed) == (5, {}, 0)


def test_what_cannot_be_scored_is_counted_by_reason_and_left_out():
    rows = [
        example_row("one", expected_output="1"),
        example_row("two"),
        example_row("three", expected_output="3"),
    ]
    run = scored(
        a_run(a_version(a_project(), rows)),
        {"key": "one", "output": "1"},
        {"key": "two", "output": "2"},
        {"key": "three", "output": {"answer": "3"}},
    )

    found = measurement(run)
    assert scores(run).reasons.ravel().tolist() == [0, Reason.NO_REFERENCE, Reason.NOT_TEXT]
    assert found.unscored == {"no_reference": 1, "not_text": 1}
    assert (found.value, found.n_scored) == (1.0, 1)
    assert (found.low, found.no_interval) == (None, "An interval needs at least 2 examples.")


def test_an_interval_and_its_method_stand_beside_the_value():
    run = scored(a_run(n=40), *right(*range(1, 31)))

    found = measurement(run)
    scipys = binomtest(30, 40).proportion_ci(method="wilson")
    assert (found.low, found.high) == pytest.approx(tuple(scipys))
    assert found.interval_method == "Wilson"


def test_attempts_are_averaged_within_their_example():
    second = [{**line, "attempt": 2} for line in right(1, 2)]
    run = scored(a_run(n=4, attempts=2), *right(1, 3), *second)

    assert scores(run).values.tolist() == [[1, 1], [0, 1], [1, 0], [0, 0]]
    assert measurement(run).value == 0.5
    assert measurement(run).interval_method == "t"


def test_a_metric_of_attempts_is_over_examples():
    wrong = [{"key": f"q{n}", "output": "wrong", "attempt": 2} for n in range(2, 6)]
    both = {"name": "pass_hat_k", "params": {"k": 2}, "as": "both"}
    one = {"name": "pass_at_k", "params": {"k": 2}, "as": "one"}
    run = a_run(n=6, attempts=2, metrics=["exact_match", one, both])

    run = scored(run, *right(1, 2, 3, 4), {**right(1)[0], "attempt": 2}, *wrong)

    assert measurement(run, "one").value == 4 / 6
    assert measurement(run, "both").value == 1 / 6
    assert measurement(run, "exact_match").value == 5 / 12
    assert scores(run, "one").values.tolist() == [[1.0, 1.0]] * 4 + [[0.0, 0.0]] * 2
    expected = ttest_1samp([1, 1, 1, 1, 0, 0], 0).confidence_interval()
    assert measurement(run, "one").low == pytest.approx(expected.low)
    with pytest.raises(
        ContentError, match="asks for 3 attempts at each example, and the run has 2"
    ):
        a_run(run.version, attempts=2, metrics=[{"name": "pass_at_k", "params": {"k": 3}}])


def test_what_was_retrieved_is_scored_beside_what_is_relevant():
    relevant = [{"a": 2, "b": 1}, {"a": 1}, {"a": 1}, {"a": 1}, {"a": 0}, {}]
    rows = [example_row(f"q{at}", relevant=one) for at, one in enumerate(relevant)]
    version = a_version(a_project(), rows)
    found = [{"id": "n", "score": 0.5}, {"id": "a", "score": 0.75, "text": "passage"}]

    run = scored(
        a_run(version, metrics=["mrr", "recall_at_k"]),
        {"key": "q0", "output": "", "retrieved": found},
        {"key": "q1", "output": "", "retrieved": []},
        {"key": "q2", "output": ""},
        {"key": "q3", "error": "timeout", "retrieved": found},
        {"key": "q4", "output": "", "retrieved": found},
    )

    assert scores(run, "mrr").values[:4].ravel().tolist() == [1.0, 0.0, 0.0, 0.0]
    assert scores(run, "recall_at_k").values[:4].ravel().tolist() == [0.5, 0.0, 0.0, 0.0]
    assert measurement(run, "mrr").unscored == {"no_relevant": 2}


def test_the_datasets_clusters_widen_the_interval():
    rows = [
        example_row(f"q{i}", expected_output=f"a{i}", metadata={"document": f"d{i // 4}"})
        for i in range(1, 49)
    ]
    outputs = right(*[i for i in range(1, 49) if i // 4 % 2])
    plain = scored(a_run(a_version(a_project(), rows)), *outputs)
    version = a_version(a_project(), rows, cluster_field="document")
    clustered = scored(a_run(version), *outputs)

    narrow, wide = measurement(plain), measurement(clustered)
    assert wide.value == narrow.value
    assert wide.high - wide.low > 1.5 * (narrow.high - narrow.low)
    assert "13 clusters" in wide.interval_method


def test_a_metric_that_stops_fails_alone(stumbling):
    run = scored(a_run(n=20, metrics=["exact_match", "stumbling"]), *right(*range(1, 21)))

    failed = measurement(run, "stumbling")
    assert failed.state == Measurement.State.FAILED
    assert failed.problem == (
        "The metric stumbling stopped with ZeroDivisionError on the examples 1 to 10."
    )
    assert (run.state, measurement(run).value) == (Run.State.SCORED, 1.0)


def test_a_run_fails_when_all_its_measurements_do(stumbling):
    run = scored(a_run(metrics=["stumbling"]), *right(1, 2, 3))

    assert run.state == Run.State.FAILED


def test_a_metric_that_is_gone_fails_with_its_own_sentence():
    run = finished(a_run(), *right(1, 2, 3))
    run.measurements.update(metric="withdrawn")

    drain()

    assert measurement(run).problem.startswith("There is no metric 'withdrawn'.")


def test_work_that_fails_otherwise_is_a_crash_of_the_chunk(settings):
    settings.CHUNK_RUNNERS = {"score": "tests.evalhub.runs.test_scoring.out_of_memory"}
    finished(a_run(), *right(1, 2, 3))

    with pytest.raises(MemoryError):
        draining.work(queue.claim("this:1:1"))

    chunk = Chunk.objects.get()
    assert (chunk.state, chunk.crashes) == ("waiting", 1)


def out_of_memory(claim):
    raise MemoryError


@pytest.mark.parametrize("metric", CATALOG, ids=lambda metric: metric.name)
def test_every_metric_of_the_catalog_is_rebuilt_from_what_is_stored(metric):
    name = metric.name
    run = a_run(metrics=[{"name": name, "params": sample_params(metric)}])

    assert metric_of(measurement(run, name)).signature == measurement(run, name).signature


def columns_of(run):
    """Return every bit that was measured: columns, values, intervals."""
    bits = {}
    for name in KINDS:
        found, stored = measurement(run, name), scores(run, name)
        bits[name] = (
            *(stored.values.tobytes(), stored.reasons.tobytes()),
            np.ascontiguousarray(stored.statistics).tobytes(),
            *(found.value, found.low, found.high, found.answered_only),
        )
    return bits


@pytest.mark.parametrize("attempts", [1, 2])
def test_the_number_of_chunks_changes_no_bit(settings, attempts):
    version, outputs = prose(240)
    lines = [{**line, "attempt": attempts} for line in outputs[:-9]]
    whole = scored(a_run(version, metrics=KINDS, attempts=attempts), *lines)

    settings.CHUNK_POSITIONS = 7 * attempts
    pieces = scored(a_run(version, metrics=KINDS, attempts=attempts), *lines)

    assert len(set(ScoreColumn.objects.values_list("measurement__run", "start"))) == 8 + 35
    assert columns_of(pieces) == columns_of(whole)


def test_the_digest_of_the_inputs_tells_runs_apart_and_equal_ones_together():
    version = a_version(a_project(), n=5)
    one, same = scored(a_run(version), *right(1, 2)), scored(a_run(version), *right(1, 2))
    other = scored(a_run(version), *right(1, 3))

    digests = [
        ScoreColumn.objects.get(measurement=measurement(run)).inputs_digest
        for run in (one, same, other)
    ]
    assert digests[0] == digests[1] != digests[2]
