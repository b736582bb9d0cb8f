"""ROUGE-W against Lin's example, his recurrence written out plainly, and ROUGE-L."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.overlap.rouge import RougeL
from metrics.overlap.rouge_w import RougeW
from tests.metrics.texts import batch, corpus

words = st.lists(st.sampled_from("abcd"), max_size=14)


def plainly(output, reference, weight):
    """Fill the table of Lin 2004, section 4, cell by cell."""
    best = [[0.0] * (len(reference) + 1) for _ in range(len(output) + 1)]
    runs = [[0] * (len(reference) + 1) for _ in range(len(output) + 1)]
    for i, word in enumerate(output, start=1):
        for j, other in enumerate(reference, start=1):
            if word == other:
                run = runs[i - 1][j - 1]
                best[i][j] = best[i - 1][j - 1] + (run + 1) ** weight - run**weight
                runs[i][j] = run + 1
            else:
                best[i][j] = max(best[i - 1][j], best[i][j - 1])
    shared = best[-1][-1]
    if not shared:
        return 0.0
    recall = (shared / len(reference) ** weight) ** (1 / weight)
    precision = (shared / len(output) ** weight) ** (1 / weight)
    return 2 * precision * recall / (precision + recall)


@settings(max_examples=60)
@given(st.lists(st.tuples(words, words), min_size=1, max_size=5), st.sampled_from([1.0, 1.2, 2.0]))
def test_values_are_those_of_the_recurrence(pairs, weight):
    outputs = [" ".join(output) for output, _ in pairs]
    references = [[" ".join(reference)] for _, reference in pairs]

    values = RougeW(weight=weight).score(batch(outputs, references)).values

    assert values.tolist() == pytest.approx([plainly(*pair, weight) for pair in pairs])


def test_the_sequences_of_lin_have_his_values():
    # Lin 2004, section 4: with f(k) = k**2, 0.571 for Y1 and 0.286 for Y2; ROUGE-L has both equal.
    outputs, reference = ["A B C D H I K", "A H B K C I D"], ["A B C D E F G"]

    values = RougeW(weight=2.0).score(batch(outputs, [reference] * 2)).values

    assert values.round(3).tolist() == [0.571, 0.286]


def test_without_a_weight_the_value_is_that_of_rouge_l():
    outputs, references = corpus(60)
    examples = batch([text[:400] for text in outputs], [[row[-1][:400]] for row in references])

    plain = RougeW(weight=1.0).score(examples).values

    assert plain.tolist() == pytest.approx(RougeL().score(examples).values.tolist())
