"""What every metric promises, as checks: each returns the sentence that says what is broken.

The metrics of the catalog are held to it by the tests, those of an operator by
`manage.py check_metric`.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
import random
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from metrics.base import Family, Metric, Workspace, corpus_totals, run_value
from metrics.batch import COLUMNS, FACTS, Batch, Json, Scores, joined
from metrics.cache import TextCache
from metrics.catalog import configured
from metrics.reasons import Reason

Check = Callable[[Metric], "str | None"]

LONG_CHARACTERS = 10_000_000
LONGEST_SECONDS = 20.0
_ROWS = 120
_TOLERANCE = 1e-9
_CUTS = (0, 2, 2, 8, 50, 52, _ROWS)  # even, so that two attempts of an example stay together


# --- what metrics are tried on ----------------------------------------------------------------


def sample_batch(*, attempts: int = 1) -> Batch:
    """Return rows of every shape a metric may meet: ordinary ones, and all the odd ones between.

    Texts of many scripts, JSON, numbers, nothing; with and without expected outputs, references,
    relevant documents and facts. The same rows each time.
    """
    rng = random.Random(11)  # noqa: S311 - the same rows each time
    n_examples = _ROWS // attempts
    examples = [_example(rng, number) for number in range(n_examples)]
    rows = [example for example in examples for _ in range(attempts)]
    return Batch(
        outputs=[_output(rng, row, at) for at, row in enumerate(rows)],
        expected_outputs=[row["expected_output"] for row in rows],
        references=[row["references"] for row in rows],
        metadata=[row["metadata"] for row in rows],
        relevant=[row["relevant"] for row in rows],
        retrieved=[_retrieved(rng, at) for at in range(len(rows))],
        facts={name: _facts(rng, name, len(rows)) for name in FACTS},
        attempts=attempts,
    )


_WORDS = (
    *("the", "a", "of", "model", "answers", "question", "in", "city", "river", "because"),
    *("twelve", "runs", "running", "flies", "state-of-the-art", "don't", "3.14", "1,000"),
    *("(see)", "“quoted”", "naïve", "東京", "U.S.", "50%", "B", "yes", "no", "😀", "ก็"),
)
_ODD_TEXTS = ("", " ", "\n\n", "x", "漢" * 30, "a " * 500, "\u0301\u200b", "(((", "1e999", "{")
_JSONS: tuple[Json, ...] = (
    {"answer": "a", "n": 3, "items": [1, 2, {"deep": None}]},
    [{"name": "search", "arguments": {"q": "river", "limit": 3}}],
    [1, 2.5, "three", None, True],
    {},
    [],
    7,
    True,
)


def _example(rng: random.Random, number: int) -> dict[str, Any]:
    words = rng.choices(_WORDS, k=rng.choice([1, 3, 12, 40]))
    references: list[Json] = [
        " ".join(rng.sample(words, rng.randint(1, len(words)))) for _ in range(number % 4)
    ] or [" ".join(words)]
    expected: Json = " ".join(words)
    if number % 9 == 4:
        expected = _ODD_TEXTS[number // 9 % len(_ODD_TEXTS)]
    elif number % 9 == 7:
        expected, references = _JSONS[number // 9 % len(_JSONS)], []
    elif number % 13 == 5:
        expected, references = None, []
    elif number % 5 == 2:
        expected, references = str(rng.choice([3, -4.5, "1,200", "yes", "no", "B"])), []
    relevant = {f"d{rng.randrange(9)}": float(rng.randrange(-1, 4)) for _ in range(number % 5)}
    return {
        "expected_output": expected,
        "references": references,
        "metadata": {"weight": rng.random(), "topic": rng.choice(["a", "b"])},
        "relevant": relevant if number % 7 else None,
    }


def _output(rng: random.Random, example: Mapping[str, Any], at: int) -> Json:
    if at % 20 == 7:
        return None
    if at % 17 == 3:
        return _ODD_TEXTS[at // 17 % len(_ODD_TEXTS)]
    if at % 11 == 9:
        return _JSONS[at // 11 % len(_JSONS)]
    expected: Json = example["expected_output"]
    if not isinstance(expected, str) or rng.random() < 0.3:
        return expected
    return " ".join(w if rng.random() < 0.7 else rng.choice(_WORDS) for w in expected.split())


def _retrieved(rng: random.Random, at: int) -> list[dict[str, Json]] | None:
    if at % 6 == 5:
        return None
    has_scores = at % 2 == 0
    return [
        {"id": f"d{rng.randrange(9)}", **({"score": rng.randrange(4) / 2} if has_scores else {})}
        for _ in range(rng.randrange(6))
    ]


def _facts(rng: random.Random, name: str, n: int) -> np.ndarray:
    high = 1.0 if name == "confidence" else 900.0
    return np.array([rng.random() * high if rng.random() < 0.8 else math.nan for _ in range(n)])


# --- the checks -------------------------------------------------------------------------------


def values_stand_where_no_reason_does(metric: Metric) -> str | None:
    """Values are finite and in range exactly where no reason is, statistics zero elsewhere."""
    batch = sample_batch()
    scores = metric.score(batch)
    n = len(batch)
    shapes = (scores.values.shape, scores.reasons.shape, scores.statistics.shape)
    if shapes != ((n,), (n,), (n, len(metric.statistic_names))):
        return f"{n} rows give values, reasons and statistics of the shapes {shapes}."
    kinds = [part.dtype.name for part in (scores.values, scores.reasons, scores.statistics)]
    if kinds != ["float64", "uint8", "float64"]:
        return f"Values, reasons and statistics are float64, uint8 and float64, not {kinds}."
    scored = scores.reasons == Reason.SCORED
    if not np.array_equal(np.isnan(scores.values), ~scored):
        row = int(np.flatnonzero(np.isnan(scores.values) == scored)[0])
        return f"Row {row} has {_row(scores, row)}: NaN stands exactly where a reason does."
    return _out_of_range(metric, scores, scored)


def _out_of_range(metric: Metric, scores: Scores, scored: np.ndarray) -> str | None:
    values = scores.values[scored]
    if not np.isfinite(values).all():
        return "A value is infinite."
    outside = (values < metric.low - _TOLERANCE) | (values > metric.high + _TOLERANCE)
    if outside.any():
        return f"{values[outside][0]} is outside the range {metric.low} to {metric.high}."
    if not np.isfinite(scores.statistics).all() or scores.statistics[~scored].any():
        return "Statistics are finite, and zero where a row is unscored."
    value = run_value(metric, scores)
    if scored.any() and not metric.low - _TOLERANCE <= value <= metric.high + _TOLERANCE:
        return f"The run's value {value} is outside the range {metric.low} to {metric.high}."
    return None


def _row(scores: Scores, row: int) -> str:
    return f"the value {scores.values[row]} and the reason {scores.reasons[row]}"


def scoring_again_gives_the_same_bits(metric: Metric) -> str | None:
    """Equal inputs give equal bits: no clock, no chance, nothing remembered that matters."""
    first, second = (bits_of(metric.score(sample_batch())) for _ in range(2))
    return None if first == second else "The same batch scored twice gives different bits."


def chunks_change_no_bit(metric: Metric) -> str | None:
    """However a run is cut, and whatever the cache remembers, the bits are the same."""
    for attempts in (1, 2):
        whole = sample_batch(attempts=attempts)
        expected = metric.score(whole)
        for cache in (None, TextCache(), TextCache(max_bytes=2_000)):
            for _ in range(2):
                parts = [
                    metric.score_in(Workspace(whole.part(start, stop), cache))
                    for start, stop in itertools.pairwise(_CUTS)
                ]
                if _differs(metric, parts, expected):
                    return "Scored in chunks, the same rows give different bits."
    return None


def _differs(metric: Metric, parts: list[Scores], expected: Scores) -> bool:
    together = joined(parts)
    if bits_of(together) != bits_of(expected):
        return True
    values = run_value(metric, together), run_value(metric, expected)
    return not (values[0] == values[1] or all(map(math.isnan, values)))


def order_of_examples_does_not_matter(metric: Metric) -> str | None:
    """The run's value is the same whatever the order of its examples."""
    whole = sample_batch()
    order = random.Random(3).sample(range(len(whole)), len(whole))  # noqa: S311
    value = run_value(metric, metric.score(whole))
    other = run_value(metric, metric.score(whole.taken(order)))
    if value == other or (math.isnan(value) and math.isnan(other)):
        return None
    return f"The run's value is {value}, and {other} with the examples in another order."


def order_of_references_does_not_matter(metric: Metric) -> str | None:
    """An example's value is the same whatever the order of its references."""
    whole = sample_batch()
    turned = dataclasses.replace(whole, references=[row[::-1] for row in whole.references])
    values, others = metric.score(whole).values, metric.score(turned).values
    if values.tobytes() == others.tobytes():
        return None
    row = int(np.flatnonzero(~((values == others) | np.isnan(values)))[0])
    return f"Row {row} is worth {values[row]}, and {others[row]} with its references turned round."


def missing_outputs_score_the_worst(metric: Metric) -> str | None:
    """An error or a missing output is the worst value, or a reason where nothing is worse."""
    whole = sample_batch()
    answered = dataclasses.replace(whole, outputs=[""] * len(whole))
    silent = dataclasses.replace(
        whole,
        outputs=[None] * len(whole),
        retrieved=[None] * len(whole),
        facts={name: np.full(len(whole), np.nan) for name in FACTS},
    )
    scores = metric.score(silent)
    is_scored = scores.reasons == Reason.SCORED
    wrong = is_scored & (scores.values != metric.worst)
    if metric.family is not Family.CORPUS and wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        return f"Without an output row {row} scores {scores.values[row]}, not {metric.worst}."
    escaped = ~is_scored & (metric.score(answered).reasons == Reason.SCORED)
    if math.isfinite(metric.worst) and escaped.any():
        row = int(np.flatnonzero(escaped)[0])
        return f"Row {row} is unscored without an output, and scored with an empty one."
    return None


def outputs_do_not_decide_what_is_undefined(metric: Metric) -> str | None:
    """What is undefined depends on what was expected, or a system could escape by nonsense."""
    whole = sample_batch()
    answers = (whole.outputs, [""] * len(whole), ["a 7 {}"] * len(whole))
    reasons = np.array(
        [metric.score(dataclasses.replace(whole, outputs=outputs)).reasons for outputs in answers]
    )
    is_undefined = (reasons == Reason.UNDEFINED).any(axis=0)
    changed = np.flatnonzero(is_undefined & (reasons == Reason.SCORED).any(axis=0))
    if not len(changed):
        return None
    return f"Row {changed[0]} is undefined with one output, and not with another."


def nothing_has_no_value(metric: Metric) -> str | None:
    """A run without examples has no value, and no value is NaN, never 0."""
    value = run_value(metric, metric.score(Batch(outputs=[], expected_outputs=[], references=[])))
    return None if math.isnan(value) else f"A run without examples is worth {value}."


def signature_names_every_parameter(metric: Metric) -> str | None:
    """The signature begins with name and version and names every parameter."""
    name, _, rest = metric.signature.partition("|v")
    if name != metric.name or not rest.partition("|")[0].isdigit():
        return f"The signature {metric.signature} does not begin with {metric.name}|v<version>."
    named = {part.partition(":")[0] for part in rest.split("|")}
    if missing := [one for one in metric.signed_params() if one not in named]:
        return f"The signature {metric.signature} does not name {missing[0]}."
    return None


def description_is_complete(metric: Metric) -> str | None:
    """The catalog's entry is plain JSON, says what the metric is, and what each field means."""
    entry = type(metric).describe()
    try:
        plain = json.loads(json.dumps(entry, allow_nan=False))
    except (TypeError, ValueError) as exc:
        return f"The entry of the catalog is not plain JSON: {exc}"
    for name in ("title", "summary", "formula", "needs"):
        if not plain[name]:
            return f"The metric has no {name}."
    for field in plain["params"]:
        if not field["meaning"].endswith("."):
            return f"The meaning of {field['name']} is no sentence."
    if unknown := sorted(set(metric.reads) - set(COLUMNS)):
        return f"reads names {unknown[0]!r}, which no batch has."
    return None


def sums_have_a_value_only_in_corpus_metrics(metric: Metric) -> str | None:
    """A corpus metric turns sums into values, over any leading axes, NaN where undefined."""
    if metric.family is not Family.CORPUS:
        has_statistics = bool(metric.statistic_names) and not metric.names_labels
        return "Only a corpus metric has statistics." if has_statistics else None
    if not metric.statistic_names:
        return "A corpus metric needs the names of its statistics."
    totals = corpus_totals(metric, metric.score(sample_batch()))
    both = metric.values_of(np.stack([totals, np.zeros_like(totals)]))
    one = metric.values_of(totals)
    if np.shape(both) != (2,) or not np.isnan(both[1]):
        return "values_of of two rows of sums is two values, NaN for the one without examples."
    if both[0] != one and not (np.isnan(both[0]) and np.isnan(one)):
        return f"values_of gives {one} for sums alone and {both[0]} beside others."
    return None


def worked_examples_hold(metric: Metric) -> str | None:
    """Every worked example of the reference page gives its value."""
    for example in metric.examples:
        tried = configured(type(metric), example.params)
        value = tried.score(example.batch()).values[0]
        expected = math.nan if example.value is None else example.value
        if not math.isclose(value, expected, abs_tol=5e-5) and not (
            math.isnan(value) and math.isnan(expected)
        ):
            return f"The example {example.output!r} gives {value}, not {example.value}."
    return None


def long_outputs_end(metric: Metric) -> str | None:
    """Ten million characters end within seconds, with a value or a reason."""
    text = "a b1 " * (LONG_CHARACTERS // 5)
    return _ends(metric, [text, text], [text, "a b1"])


def hostile_outputs_end(metric: Metric) -> str | None:
    """So does what is made to cost more than its size: brackets, digits, lines, marks, JSON."""
    n = LONG_CHARACTERS // 20
    texts = [character * n for character in ("[", "(", "1", "\n", "{", "\u0301", "*_ ", "1.1,1")]
    deep: Json = 1
    for _ in range(60):
        deep = [deep]
    # Small whole numbers take no memory of their own: what does is the metric's.
    outputs = [*texts, [1] * n, {str(at): at for at in range(n // 10)}, deep, "Answer: " * n]
    expecting: tuple[Json, ...] = ("a b1", [1])
    said = (_ends(metric, outputs, [one] * len(outputs)) for one in expecting)
    return next(filter(None, said), None)


def _ends(metric: Metric, outputs: Sequence[Json], expected: Sequence[Json]) -> str | None:
    """Say what is wrong with the end of this, or with an ordinary output beside it."""
    batch = Batch(
        outputs=[*outputs, "a"],
        expected_outputs=[*expected, "a"],
        references=[[]] * (len(outputs) + 1),
    )
    started = time.process_time()
    scores = metric.score(batch)
    seconds = time.process_time() - started
    if seconds > LONGEST_SECONDS:
        return f"Outputs of up to {LONG_CHARACTERS:,} characters took {seconds:.0f} s."
    alone = metric.score(batch.part(len(outputs), len(batch)))
    if bits_of(alone)[0] != scores.values[-1:].tobytes():
        return "An ordinary output beside a very long one has another value than alone."
    return None


CHECKS: tuple[Check, ...] = (
    values_stand_where_no_reason_does,
    scoring_again_gives_the_same_bits,
    chunks_change_no_bit,
    order_of_examples_does_not_matter,
    order_of_references_does_not_matter,
    missing_outputs_score_the_worst,
    outputs_do_not_decide_what_is_undefined,
    nothing_has_no_value,
    signature_names_every_parameter,
    description_is_complete,
    sums_have_a_value_only_in_corpus_metrics,
    worked_examples_hold,
    long_outputs_end,
    hostile_outputs_end,
)


def broken_promises(metric: Metric) -> Iterator[tuple[Check, str]]:
    """Yield each check that a metric fails, with the sentence; one that raises fails too."""
    for check in CHECKS:
        if said := tried(check, metric):
            yield check, said


def tried(check: Check, metric: Metric) -> str | None:
    """Return what a check says, or what the metric raised meanwhile."""
    try:
        return check(metric)
    except Exception as exc:  # noqa: BLE001 - the answer is that it raised
        step = traceback.extract_tb(exc.__traceback__)[-1]
        where = f"{Path(step.filename).name}, line {step.lineno}"
        return f"It raised {type(exc).__name__} at {where}: {exc}"


# --- helpers ----------------------------------------------------------------------------------


def bits_of(scores: Scores) -> tuple[object, ...]:
    """Return what equal scores have in common to the bit."""
    arrays = (scores.values, scores.reasons, scores.statistics)
    return *(array.tobytes() for array in arrays), scores.labels
