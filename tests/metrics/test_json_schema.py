"""Validity under a schema, against published cases and schemas that mean harm."""

import time

import pytest

from metrics.catalog import MetricSpec, build
from metrics.fields import MetricParamsError
from metrics.reasons import Reason
from tests.metrics.texts import batch, expecting

DRAFT = "https://json-schema.org/draft/2020-12/schema"
# The product schema of json-schema.org's "Creating your first schema".
PRODUCT = {
    "$schema": DRAFT,
    "$id": "https://example.com/product.schema.json",
    "type": "object",
    "properties": {
        "productId": {"type": "integer"},
        "productName": {"type": "string"},
        "price": {"type": "number", "exclusiveMinimum": 0},
        "tags": {"type": "array", "items": {"type": "string"}, "minItems": 1, "uniqueItems": True},
    },
    "required": ["productId", "productName", "price"],
}
SHOE = {"productId": 1, "productName": "A green door", "price": 12.5, "tags": ["home", "green"]}
TREE = {
    "$ref": "#/$defs/node",
    "$defs": {
        "node": {
            "type": "object",
            "required": ["value"],
            "properties": {
                "value": {"type": "number"},
                "children": {"type": "array", "items": {"$ref": "#/$defs/node"}},
            },
        }
    },
}


def schema(given=None, **params):
    params = params if given is None else {"schema": given, **params}
    return build(MetricSpec(name="json_schema", params=params))


def values(given, outputs):
    return schema(given).score(batch(outputs, [[]] * len(outputs))).values.tolist()


@pytest.mark.parametrize(
    ("change", "value"),
    [
        ({}, 1.0),
        ({"price": 0}, 0.0),
        ({"tags": []}, 0.0),
        ({"tags": ["home", "home"]}, 0.0),
        ({"productId": 1.0}, 1.0),
        ({"productId": "1"}, 0.0),
        ({"more": None}, 1.0),
    ],
)
def test_the_product_of_the_published_tutorial(change, value):
    assert values(PRODUCT, [{**SHOE, **change}]) == [value]


# From the official JSON-Schema-Test-Suite.
@pytest.mark.parametrize(
    ("given", "good", "bad"),
    [
        ({"$ref": "#/$defs/a~0b", "$defs": {"a~b": {"type": "integer"}}}, 1, 1.5),
        ({"properties": {"$ref": {"type": "string"}}}, {"$ref": "a"}, {"$ref": 2}),
        ({"properties": {"a": {"$ref": "#/$defs/a~1b"}}, "$defs": {"a/b": False}}, {}, {"a": 1}),
        ({"items": [{"type": "integer"}], "$schema": "http://json-schema.org/draft-07/schema#"},
         [1, "a"], ["a"]),
        ({"prefixItems": [{"const": 1}], "items": {"$ref": "#/prefixItems/0"}}, [1, 1], [1, 2]),
        ({"dependencies": {"a": ["b"]}, "$schema": "http://json-schema.org/draft-07/schema#"},
         {"b": 1}, {"a": 1}),
        ({"enum": [{"$ref": "http://example.com"}]}, {"$ref": "http://example.com"}, {}),
        (TREE, {"value": 1, "children": [{"value": 2}]}, {"value": 1, "children": [{}]}),
    ],
)  # fmt: skip
def test_references_and_drafts(given, good, bad):
    assert values(given, [good, bad]) == [1.0, 0.0]


def test_an_example_may_bring_its_own_schema_and_has_to_say_so():
    own = {"$schema": DRAFT, "type": "integer"}
    scores = schema().score(
        expecting(
            ["1", "1.5", None, *["1"] * 4],
            [
                *[own] * 3,
                {"type": "integer"},
                {"$schema": DRAFT, "type": "whole"},
                {"$schema": DRAFT, "description": "a" * 20_000},
                "[1]",
            ],
        )
    )

    assert scores.values[:3].tolist() == [1.0, 0.0, 0.0]
    assert scores.reasons.tolist() == [0, 0, 0, *[Reason.UNDEFINED] * 4]


def test_an_output_that_is_not_json_is_a_wrong_answer():
    assert values({}, ["{", "{}", None]) == [0.0, 1.0, 0.0]


def test_a_pattern_of_death_takes_linear_time():
    started = time.process_time()

    assert values({"pattern": "^(a+)+$"}, ['"' + "a" * 100_000 + '!"']) == [0.0]
    assert time.process_time() - started < 1


def doubling(levels, keyword="allOf"):
    halves = {f"d{at}": {keyword: [{"$ref": f"#/$defs/d{at + 1}"}] * 2} for at in range(levels)}
    return {"$ref": "#/$defs/d0", "$defs": {**halves, f"d{levels}": {"type": "number"}}}


def chain(levels):
    links = {str(at): {"$ref": f"#/$defs/{at + 1}"} for at in range(levels)}
    return {"$ref": "#/$defs/0", "$defs": links}


def inward(levels):
    given = doubling(levels)
    for definition in given["$defs"].values():
        for at, one in enumerate(definition.get("allOf", [])):
            definition["allOf"][at] = {"items": dict(one)}
    return given


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ([{"type": "object"}], "not an object"),
        ({"type": "objekt"}, "not a usable JSON Schema"),
        ({"pattern": "(?=a)"}, "not a usable JSON Schema"),
        ({"pattern": "(a{1000}){1000}"}, "not a usable JSON Schema"),
        ({"$ref": "#/$defs/none"}, "not a usable JSON Schema"),
        ({"$ref": "#/items/7", "items": {}}, "not a usable JSON Schema"),
        ({"$ref": "#/prefixItems/7", "prefixItems": [{}]}, "not a usable JSON Schema"),
        ({"$ref": "#/type/7", "type": "object"}, "not a usable JSON Schema"),
        ({"$schema": "http://127.0.0.1:9/meta"}, "Unknown meta-schema"),
        ({"$ref": "http://127.0.0.1:9/a"}, "only references within it"),
        ({"items": {"$ref": "file:///etc/passwd"}}, "only references within it"),
        ({"$ref": "#/$defs/%61", "$defs": {"a": {}}}, "without a percent sign"),
        ({"items": {"$id": "http://127.0.0.1:9/a"}}, "inner $id"),
        ({"$dynamicRef": "#a"}, "uses $dynamicRef"),
        ({"$ref": "#"}, "has no end"),
        ({"not": {"anyOf": [{"$ref": "#"}]}}, "has no end"),
        (doubling(40), "more than 1,000 schemas"),
        (doubling(40, "oneOf"), "more than 1,000 schemas"),
        (inward(40), "more than 1,000 schemas"),
        ({"description": "a" * 20_001}, "20,000 "),
        (chain(600), "nested too deep"),
    ],
)
def test_a_schema_without_end_or_with_far_reach_is_refused(given, sentence):
    with pytest.raises(MetricParamsError) as refused:
        schema(given)

    assert sentence in str(refused.value)
    assert str(refused.value).endswith(".")


def test_what_is_let_in_stays_quick_on_deep_values():
    """Recursive definitions that double on every level: the validator remembers what it found."""
    names = [f"d{at}" for at in range(4)]
    every = {"allOf": [{"items": {"$ref": f"#/$defs/{name}"}} for name in names]}
    deep = 1
    for _ in range(60):
        deep = [deep]
    started = time.process_time()

    assert values({"$ref": "#/$defs/d0", "$defs": dict.fromkeys(names, every)}, [deep]) == [1.0]
    assert time.process_time() - started < 2


def test_the_signature_holds_a_long_schema_as_its_digest():
    given = {**PRODUCT, "description": "a" * 200}

    assert '|schema:"sha256-' in schema(given).signature
    assert schema(given).signature != schema(PRODUCT).signature
    assert "|jsonschema-rs:" in schema().signature
