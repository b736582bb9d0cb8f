"""Length ratio against sacrebleu 2.6.0, whose BLEU chooses the nearest reference too."""

import math

from sacrebleu.metrics import BLEU

from metrics.base import run_value
from metrics.overlap.length_ratio import LengthRatio
from metrics.reasons import Reason
from tests.metrics.texts import batch, expecting


def test_a_run_has_the_ratio_that_sacrebleu_reports():
    outputs = ["a b c d", "a b", "a b c d e f"]
    references = [["a b c", "a b c d e"], ["a", "a b c d"], ["a b c d e f g", "a"]]
    columns = [list(column) for column in zip(*references, strict=True)]

    scores = LengthRatio().score(batch(outputs, references))

    assert run_value(LengthRatio(), scores) == BLEU().corpus_score(outputs, columns).ratio
    assert scores.statistics.tolist() == [[4.0, 3.0], [2.0, 1.0], [6.0, 7.0]]


def test_characters_are_counted_on_request():
    assert LengthRatio(unit="characters").score(expecting(["漢字 a"], ["漢字"])).values == [2.0]


def test_what_has_no_length_to_compare_is_unscored():
    scores = LengthRatio().score(expecting(["a", None, "", "a"], ["", "a", "a b", None]))

    assert scores.reasons.tolist() == [
        *(Reason.UNDEFINED, Reason.NO_OUTPUT, Reason.SCORED, Reason.NO_REFERENCE)
    ]
    assert scores.values[2] == 0.0
    assert math.isnan(LengthRatio().values_of(scores.statistics[0]))
