"""Texts that metrics must agree on with the libraries that define them."""

import random

from hypothesis import strategies as st

from metrics.batch import Batch

PIECES = (
    *"abcAB .,;:-'\"!?()[]{}/\\&%$#@~|^_`<>=+*0123456789\t\n\r\v\x1c\x00",
    *"éßİ’“”—…漢字日本ก็😀\u0301\u00a0\u2028\u3000",
    "<skipped>",
    "&quot;",
    "&amp;",
    "&lt;",
    "&gt;",
    "-\n",
    "..5",
    "3.14",
    "1,000",
    "the ",
    "running ",
    "generalization ",
    "dying ",
)
WORDS = (
    *("the", "a", "of", "model", "answers", "question", "in", "city", "river", "because"),
    *("twelve", "runs", "running", "flies", "happily", "state-of-the-art", "don't", "3.14"),
    *(
        "1,000",
        "(see)",
        "“quoted”",
        "naïve",
        "Zürich",
        "東京",
        "e.g.",
        "U.S.",
        "50%",
        "well-known",
    ),
)

texts = st.lists(st.sampled_from(PIECES), max_size=40).map("".join)
several_texts = st.lists(texts, min_size=1, max_size=4)


def corpus(size: int = 240, seed: int = 7) -> tuple[list[str], list[list[str]]]:
    """Return outputs and their references: mostly ordinary, with every odd shape in between."""
    numbers = random.Random(seed)
    outputs, references = [], []
    for row in range(size):
        words = numbers.choices(WORDS, k=numbers.choice([1, 3, 12, 60]))
        changed = [word if numbers.random() < 0.7 else numbers.choice(WORDS) for word in words]
        outputs.append(" ".join(changed))
        references.append(
            [" ".join(numbers.sample(words, len(words))) for _ in range(row % 4)]
            + [" ".join(words)]
        )
    odd = ["", " ", "\n", "x", "漢" * 30, "a " * 5000, "".join(map(chr, range(200, 2600)))]
    for number, text in enumerate(odd):
        outputs[number * 9] = text
        references[number * 9 + 3] = [text]
        outputs[number * 9 + 5] = text
        references[number * 9 + 5] = [text, "something else"]
    return outputs, references


def batch(outputs, references) -> Batch:
    """Return examples that have references alone."""
    return Batch(outputs=outputs, expected_outputs=[None] * len(outputs), references=references)


def expecting(outputs, expected_outputs) -> Batch:
    """Return examples that have an expected output alone."""
    return Batch(
        outputs=outputs, expected_outputs=expected_outputs, references=[[]] * len(outputs)
    )
