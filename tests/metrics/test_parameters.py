"""Parameters of every kind, as a request writes them."""

import dataclasses
from typing import ClassVar

import pytest

from metrics.batch import Batch
from metrics.catalog import configured
from metrics.fields import JsonText, Kind, MetricParamsError, parameter, whole_parameter
from metrics.match.exact_match import ExactMatch


@dataclasses.dataclass(frozen=True, kw_only=True)
class Picky(ExactMatch):
    name: ClassVar[str] = "picky"

    size: int = whole_parameter(default=3, low=1, high=100, meaning="How many.")
    shape: JsonText | None = parameter(default=None, kind=Kind.JSON, meaning="A shape.")


def test_json_is_kept_as_its_canonical_text():
    one = configured(Picky, {"shape": {"b": [1, "é"], "a": None}})
    other = configured(Picky, {"shape": {"a": None, "b": [1, "é"]}})

    assert one == other
    assert one.shape.value() == {"a": None, "b": [1, "é"]}
    assert one.signature.endswith('|size:3|shape:"{\\"a\\":null,\\"b\\":[1,\\"é\\"]}"')


def test_long_json_stands_in_the_signature_as_its_digest():
    long = configured(Picky, {"shape": ["x" * 300]})

    assert '|shape:"sha256-' in long.signature
    assert long.signature != configured(Picky, {"shape": ["x" * 301]}).signature


def test_a_default_of_json_is_described_as_json():
    field = Picky.describe()["params"][-1]
    assert field["default"] is None

    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Shaped(Picky):
        shape: JsonText | None = parameter(
            default=JsonText('{"a":1}'), kind=Kind.JSON, meaning="A shape."
        )

    assert Shaped.describe()["params"][-1]["default"] == {"a": 1}


@pytest.mark.parametrize(("given", "kept"), [(5, 5), (5.0, 5), (1, 1), (100, 100)])
def test_a_whole_number_is_one_however_it_is_written(given, kept):
    size = configured(Picky, {"size": given}).size

    assert (size, type(size)) == (kept, int)


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        ({"size": 2.5}, "picky: size is a whole number from 1 to 100, not 2.5"),
        ({"size": 0}, "picky: size is a whole number"),
        ({"size": True}, "picky: size is a whole number"),
        ({"size": "3"}, "picky: size is a whole number"),
        ({"shape": "{}"}, "picky: shape is an object or a list, not '{}'"),
        ({"shape": 1}, "picky: shape is an object or a list"),
        ({"shape": ["x" * 20_000]}, "characters of JSON; 20,000 are allowed"),
        ({"shade": 1}, "picky has no parameter 'shade'. It has: extract"),
    ],
)
def test_what_no_parameter_holds_is_refused(params, sentence):
    with pytest.raises(MetricParamsError) as refused:
        configured(Picky, params)

    assert sentence in str(refused.value)


def test_columns_of_a_batch_are_equally_long():
    with pytest.raises(ValueError, match="differ in number"):
        Batch(outputs=["a"], expected_outputs=["a"], references=[[]], relevant=[{}, {}])
    with pytest.raises(ValueError, match="are not 2 for each example"):
        Batch(outputs=["a"], expected_outputs=["a"], references=[[]], attempts=2)
