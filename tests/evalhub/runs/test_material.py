"""What a chunk is scored from: read in pieces where texts are long, to the same bits."""

import pytest

from evalhub.runs import material, scoring
from evalhub.runs.material import material_of, pieces_of
from evalhub.runs.models import ScoreColumn
from tests.evalhub.runs.building import a_run, claimed, finished, measurement, scores

pytestmark = pytest.mark.django_db

METRICS = ["exact_match", "chrf", "rouge_l", "token_f1"]


def a_run_of_two_attempts():
    """Return a run of six examples, one output of which is JSON, one an error and one missing."""
    lines = [
        {"key": f"q{number}", "attempt": attempt, "output": f"a{number} é" * (number + attempt)}
        for number in (1, 2, 3, 4, 5, 6)
        for attempt in (1, 2)
    ]
    lines[2]["output"] = {"answer": [1, "ü"]}
    lines[5] = {"key": "q3", "attempt": 2, "error": "timeout"}
    return finished(a_run(n=6, attempts=2, metrics=METRICS), *lines[:-1])


@pytest.mark.parametrize("piece_bytes", [0, 200, 400])
def test_long_texts_are_scored_piece_by_piece_to_the_same_bits(monkeypatch, piece_bytes):
    whole, cut = a_run_of_two_attempts(), a_run_of_two_attempts()
    scoring.run_chunk(claimed())
    monkeypatch.setattr(material, "PIECE_BYTES", piece_bytes)
    assert len(list(pieces_of(cut, 0, 6))) > 1

    scoring.run_chunk(claimed())

    for name in METRICS:
        one, other = scores(whole, name), scores(cut, name)
        assert one.values.tobytes() == other.values.tobytes()
        assert one.reasons.tobytes() == other.reasons.tobytes()
        assert one.statistics.tobytes() == other.statistics.tobytes()
    assert len(set(ScoreColumn.objects.values_list("inputs_digest", flat=True))) == 1


def test_pieces_hold_every_position_once_and_all_of_its_attempts(monkeypatch):
    run = a_run_of_two_attempts()
    whole = material_of(run, 0, 6)
    monkeypatch.setattr(material, "PIECE_BYTES", 250)

    pieces = list(pieces_of(run, 0, 6))

    assert len(pieces) > 1
    assert [row for piece in pieces for row in piece.batch.outputs] == whole.batch.outputs
    assert [one for piece in pieces for one in piece.example_digests] == whole.example_digests
    assert [one for piece in pieces for one in piece.output_digests] == whole.output_digests
    assert all(len(piece.batch) % 2 == 0 for piece in pieces)


def test_a_metric_that_fails_on_one_piece_fails_alone(monkeypatch):
    run = a_run_of_two_attempts()
    monkeypatch.setattr(material, "PIECE_BYTES", 250)
    scored_by = scoring._scored_by

    def failing(metric, workspace, claim):
        is_last = workspace.batch.outputs[-1] is None
        return (
            "It broke."
            if metric.name == "chrf" and is_last
            else scored_by(metric, workspace, claim)
        )

    monkeypatch.setattr(scoring, "_scored_by", failing)

    scoring.run_chunk(claimed())

    assert measurement(run, "chrf").problem == "It broke."
    assert ScoreColumn.objects.count() == len(METRICS) - 1
