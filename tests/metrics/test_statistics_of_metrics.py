"""The statistics on the corpus metrics of the catalog, against sacrebleu's own resampling."""

import numpy as np
import pytest
import sacrebleu
from sacrebleu.significance import PairedTest

from metrics.batch import Batch
from metrics.overlap.bleu import Bleu
from metrics.overlap.chrf import Chrf
from metrics.statistics.intervals import estimate
from metrics.statistics.pairs import compare
from metrics.statistics.yardstick import Column, Yardstick

WORDS = ["the", "a", "river", "city", "bridge", "old", "built", "in", "was", "over", "of", "war"]


def sentences(n, *, seed=0):
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(WORDS, size=rng.integers(6, 30))) for _ in range(n)]


def worn(texts, *, share, seed):
    """The texts with a share of their words replaced."""
    rng = np.random.default_rng(seed)
    return [
        " ".join(str(rng.choice(WORDS)) if rng.random() < share else word for word in text.split())
        for text in texts
    ]


def scored(metric, outputs, references):
    batch = Batch(
        outputs=outputs,
        expected_outputs=references,
        references=[[text] for text in references],
    )
    scores = metric.score(batch)
    return Column(values=scores.values, statistics=scores.statistics)


def sacrebleus_p(ours, before, after, references):
    theirs = {"bleu": sacrebleu.BLEU, "chrf": sacrebleu.CHRF}[ours.name](references=[references])
    test = PairedTest(
        [("before", before), ("after", after)],
        {"metric": theirs},
        references=None,
        test_type="ar",
        n_samples=10_000,
    )
    results = next(side for name, side in test()[1].items() if name != "System")
    return results[1].p_value


@pytest.mark.no_cover
@pytest.mark.parametrize("metric", [Bleu(), Chrf()])
def test_small_corpora_have_sacrebleus_approximate_randomization(metric):
    references = sentences(60)
    before = worn(references, share=0.30, seed=1)
    after = worn(references, share=0.27, seed=2)
    yardstick = Yardstick.of(metric)
    found = compare(
        scored(metric, before, references), scored(metric, after, references), yardstick
    )
    assert found.gain == pytest.approx(found.candidate - found.baseline)
    assert found.p_value == pytest.approx(
        sacrebleus_p(metric, before, after, references), abs=0.015
    )
    assert (found.p_value <= 0.05) == (found.low > 0 or found.high < 0)


@pytest.mark.parametrize("metric", [Bleu(), Chrf()])
def test_the_delta_methods_error_is_that_of_resampling(metric):
    references = sentences(300)
    column = scored(metric, worn(references, share=0.3, seed=3), references)
    yardstick = Yardstick.of(metric)
    delta = estimate(column, yardstick).interval
    rng = np.random.default_rng(4)
    weights = rng.multinomial(300, np.full(300, 1 / 300), size=4_000).astype(float)
    drawn = metric.values_of(weights @ column.statistics)
    assert (delta.high - delta.low) / (2 * 1.968) == pytest.approx(drawn.std(), rel=0.05)
