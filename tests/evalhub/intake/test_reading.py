"""Rows are what the contract says, whatever a file calls its columns; faults name fields."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalhub.errors import ContentError, DomainError
from evalhub.intake.columns import ExampleColumns, OutputColumns, guess_columns
from evalhub.intake.lines import ErrorCollector
from evalhub.intake.reading import (
    read_annotations,
    read_decisions,
    read_examples,
    read_known,
    read_outputs,
)
from evalhub.intake.rows import ExampleRow, OutputRow, Retrieved, canonical, content_digest
from evalhub.intake.tables import Format


def lines_of(*rows) -> list[bytes]:
    return [json.dumps(row).encode() + b"\n" for row in rows]


def good(reader, *rows, **how):
    errors = ErrorCollector()
    read = list(reader(lines_of(*rows), errors, **how))
    errors.raise_if_any()
    return [row for _, row in read]


def faults(reader, *rows, **how):
    errors = ErrorCollector()
    list(reader(lines_of(*rows), errors, **how))
    return [(error.line, error.code, error.field) for error in errors.errors]


def sentence(reader, row, **how):
    errors = ErrorCollector()
    list(reader(lines_of(row), errors, **how))
    assert errors.total == 1
    return errors.errors[0].detail


def from_table(text, **how):
    errors = ErrorCollector()
    lines = text.encode().splitlines(keepends=True)
    rows = list(read_examples(lines, errors, format=Format.CSV, **how))
    errors.raise_if_any()
    return [row for _, row in rows]


class TestExamples:
    def test_all_parts_come_through(self):
        [row] = good(
            read_examples,
            {
                "key": "q1",
                "input": [{"role": "user", "content": "Why?"}],
                "expected_output": {"because": 1.5},
                "references": ["a", "b"],
                "context": ["passage"],
                "relevant": {"doc-1": 2},
                "metadata": {"topic": "birds"},
                "difficulty": 3,
            },
        )
        assert json.loads(row.content()) == {
            "key": "q1",
            "input": [{"content": "Why?", "role": "user"}],
            "expected_output": {"because": 1.5},
            "references": ["a", "b"],
            "context": ["passage"],
            "relevant": {"doc-1": 2},
            "metadata": {"difficulty": 3, "topic": "birds"},
        }

    def test_columns_are_named_and_the_others_become_metadata(self):
        # The shape of a public file of school maths.
        [row] = good(
            read_examples,
            {"id": "p-1", "question": "2 + 2?", "worked": "2 and 2", "answer": "4", "steps": 1},
            columns=ExampleColumns(key="id", input="question", expected_output="answer"),
        )
        assert (row.key, row.input, row.expected_output) == ("p-1", "2 + 2?", "4")
        assert row.metadata == {"worked": "2 and 2", "steps": 1}

    def test_a_column_taken_by_one_part_is_not_also_its_own(self):
        [row] = good(
            read_examples,
            {"key": "k", "context": "text", "input": "other"},
            columns=ExampleColumns(input="context"),
        )
        assert (row.input, row.context, row.metadata) == ("text", [], {"input": "other"})

    def test_one_column_may_be_two_parts(self):
        [row] = good(
            read_examples,
            {"key": "k", "input": "i", "answer": "42"},
            columns=ExampleColumns(expected_output="answer", references="answer"),
        )
        assert (row.expected_output, row.references) == ("42", ["42"])

    def test_one_text_stands_for_a_list_of_one(self):
        [row] = good(read_examples, {"key": "k", "input": "", "references": "r", "context": "c"})
        assert (row.references, row.context) == (["r"], ["c"])

    def test_absent_null_and_empty_are_the_same_content(self):
        bare = {"key": "k", "input": "i"}
        empty = {"references": [], "context": [], "relevant": {}, "metadata": {}}
        null = dict.fromkeys([*empty, "expected_output"])
        contents = {good(read_examples, bare | extra)[0].content() for extra in ({}, empty, null)}
        assert contents == {'{"input":"i","key":"k"}'}

    def test_an_empty_expected_output_is_an_expected_output(self):
        [row] = good(read_examples, {"key": "k", "input": "i", "expected_output": ""})
        assert '"expected_output":""' in row.content()

    @pytest.mark.parametrize(
        ("row", "fault"),
        [
            ({"input": "i"}, (1, "missing", "key")),
            ({"key": None, "input": "i"}, (1, "missing", "key")),
            ({"key": "", "input": "i"}, (1, "type", "key")),
            ({"key": "k" * 401, "input": "i"}, (1, "type", "key")),
            ({"key": 1, "input": "i"}, (1, "type", "key")),
            ({"key": "k"}, (1, "missing", "input")),
            ({"key": "k", "input": None}, (1, "missing", "input")),
            ({"key": "k", "input": "i", "references": [1]}, (1, "type", "references")),
            ({"key": "k", "input": "i", "references": {}}, (1, "type", "references")),
            ({"key": "k", "input": "i", "context": [None]}, (1, "type", "context")),
            ({"key": "k", "input": "i", "relevant": {"d": -1}}, (1, "type", "relevant")),
            ({"key": "k", "input": "i", "relevant": {"d": 0.5}}, (1, "type", "relevant")),
            ({"key": "k", "input": "i", "relevant": ["d"]}, (1, "type", "relevant")),
            ({"key": "k", "input": "i", "metadata": "m", "x": 1}, (1, "type", "metadata")),
            (
                {"key": "k", "input": "i", "metadata": {"topic": 1}, "topic": 2},
                (1, "metadata_twice", "metadata"),
            ),
        ],
    )
    def test_what_is_no_example_is_refused_with_its_field(self, row, fault):
        assert faults(read_examples, row) == [fault]

    def test_a_missing_part_is_named_with_its_column(self):
        columns = ExampleColumns(key="id")
        assert sentence(read_examples, {"id": None, "input": "i"}, columns=columns) == (
            'key (column "id") is missing.'
        )

    def test_a_key_stands_once(self):
        rows = [{"key": "a", "input": n} for n in range(3)]
        assert faults(read_examples, *rows) == [(2, "repeated", "key"), (3, "repeated", "key")]

    def test_a_named_column_that_no_line_has_is_refused(self):
        columns = ExampleColumns(expected_output="answr")
        rows = [{"key": "a", "input": 1, "answer": 2}, {"key": "b", "input": 1}]
        with pytest.raises(ContentError) as refused:
            good(read_examples, *rows, columns=columns)
        assert refused.value.as_dict() == {
            "code": "columns",
            "detail": 'There is no column "answr"; name the one that holds the expected_output '
            'with ?expected_output=. The columns are "key", "input", "answer". '
            "Nothing was stored.",
            "errors": [
                {
                    "field": "expected_output",
                    "code": "no_column",
                    "detail": 'There is no column "answr"; name the one that holds the '
                    "expected_output with ?expected_output=.",
                }
            ],
            "total": 1,
        }

    def test_a_named_column_that_some_line_has_is_enough(self):
        columns = ExampleColumns(expected_output="answer")
        rows = [{"key": "a", "input": 1}, {"key": "b", "input": 1, "answer": 2}]
        assert [row.expected_output for row in good(read_examples, *rows, columns=columns)] == [
            None,
            2,
        ]


class TestExamplesOfATable:
    def test_cells_are_text_and_structures_are_json(self):
        [row] = from_table(
            "id,question,answer,relevant,metadata,topic,note\n"
            'k,q,4,"{""d"": 1}","{""level"": 2}",birds,\n',
            columns=ExampleColumns(key="id", input="question", references="answer"),
        )
        assert (row.key, row.input, row.references, row.relevant) == ("k", "q", ["4"], {"d": 1})
        assert row.metadata == {"level": 2, "topic": "birds"}

    def test_a_reference_that_looks_like_a_list_is_text(self):
        [row] = from_table('key,input,references\nk,i,"[Reuters] It rained."\n')
        assert row.references == ["[Reuters] It rained."]

    def test_an_empty_cell_of_a_structure_is_none(self):
        first, second = from_table('key,input,relevant\na,i,\nb,i,"{""d"": 1}"\n')
        assert (first.relevant, second.relevant) == ({}, {"d": 1})

    @pytest.mark.parametrize("cell", ["d1", '"{""d"": NaN}"', "[1"])
    def test_a_structure_that_is_no_json_is_refused(self, cell):
        with pytest.raises(ContentError, match='"relevant" is read as JSON'):
            from_table(f"key,input,relevant\nk,i,{cell}\n")

    @pytest.mark.parametrize(
        ("header", "columns", "fields"),
        [
            ("id,question", ExampleColumns(), ["key", "input"]),
            ("id,question", ExampleColumns(key="id"), ["input"]),
            ("key,input", ExampleColumns(context="passage"), ["context"]),
        ],
    )
    def test_a_column_that_is_not_there_is_refused_at_once(self, header, columns, fields):
        with pytest.raises(ContentError) as refused:
            from_table(f"{header}\n1,2\n", columns=columns)
        assert [error.as_dict()["field"] for error in refused.value.errors] == fields

    def test_the_same_content_from_a_table_and_from_lines_is_equal(self):
        [table] = from_table("key,input,topic\nk,i,birds\n")
        [line] = good(read_examples, {"key": "k", "input": "i", "topic": "birds"})
        assert table.content() == line.content()


STORABLE = st.characters(exclude_characters="\0", exclude_categories=["Cs"])
JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(STORABLE),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(STORABLE), inner),
    max_leaves=8,
)


class TestContent:
    def test_it_is_sorted_compact_and_unescaped(self):
        assert canonical({"b": [1, 1.0, 1e16, 1e-7, -0.0], "a": "é\n", "ключ": None}) == (
            '{"a":"é\\n","b":[1,1.0,1e+16,1e-07,-0.0],"ключ":null}'
        )

    @given(value=JSON_VALUES)
    def test_the_fast_encoder_writes_it_as_the_standard_one_does(self, value):
        plainly = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        assert canonical(value) == plainly

    @pytest.mark.no_cover
    @given(metadata=st.dictionaries(st.text(STORABLE), JSON_VALUES), answer=JSON_VALUES)
    def test_an_example_leaves_out_what_it_does_not_have(self, metadata, answer):
        row = ExampleRow(key="k", input="i", expected_output=answer, metadata=metadata)
        said = {"key": "k", "input": "i"}
        said |= {} if answer is None else {"expected_output": answer}
        said |= {"metadata": metadata} if metadata else {}
        assert row.content() == canonical(said)

    def test_the_digest_is_sha256_of_its_utf_8(self):
        assert content_digest('{"a":"é"}') == hashlib.sha256('{"a":"é"}'.encode()).digest()


FULL_OUTPUT = {
    "key": "k",
    "output": "text",
    "attempt": 2,
    "latency_ms": 12,
    "ttft_ms": 1.5,
    "input_tokens": 10,
    "output_tokens": 0,
    "cached_tokens": 3,
    "cost": 0.001,
    "confidence": 1,
    "retrieved": [{"id": "d1", "score": 0.5}, {"id": "d2", "text": "passage"}],
    "trace_id": "4bf9",
    "metadata": {"finish": "stop"},
}


class TestOutputs:
    def test_all_members_come_through(self):
        retrieved = [Retrieved("d1", 0.5), Retrieved("d2", text="passage")]
        expected = FULL_OUTPUT | {"retrieved": retrieved, "latency_ms": 12.0, "confidence": 1.0}
        assert good(read_outputs, FULL_OUTPUT) == [OutputRow(**expected)]

    @pytest.mark.parametrize("output", ["", "text", 0, False, [], {"a": None}])
    def test_an_output_is_text_or_json(self, output):
        assert good(read_outputs, {"key": "k", "output": output})[0].output == output

    def test_an_error_takes_the_place_of_the_output(self):
        rows = good(
            read_outputs,
            {"key": "a", "error": "timeout"},
            {"key": "b", "error": "timeout", "output": None},
        )
        assert [(row.output, row.error) for row in rows] == [(None, "timeout")] * 2

    def test_null_is_absent(self):
        bare = {"key": "k", "output": "text"}
        null = dict.fromkeys(set(FULL_OUTPUT) - set(bare))
        assert good(read_outputs, bare | null) == good(read_outputs, bare)

    @pytest.mark.parametrize(
        ("change", "fault"),
        [
            ({"output": None}, (1, "one_of", "output")),
            ({"error": "timeout"}, (1, "one_of", "output")),
            ({"error": ""}, (1, "type", "error")),
            ({"key": 7}, (1, "type", "key")),
            ({"attempt": 0}, (1, "type", "attempt")),
            ({"attempt": 1.5}, (1, "type", "attempt")),
            ({"attempt": 2**31}, (1, "type", "attempt")),
            ({"latency_ms": -1}, (1, "type", "latency_ms")),
            ({"latency_ms": "12"}, (1, "type", "latency_ms")),
            ({"latency_ms": True}, (1, "type", "latency_ms")),
            ({"ttft_ms": 1e13}, (1, "type", "ttft_ms")),
            ({"input_tokens": -1}, (1, "type", "input_tokens")),
            ({"output_tokens": 1.5}, (1, "type", "output_tokens")),
            ({"cached_tokens": 2**31}, (1, "type", "cached_tokens")),
            ({"cost": -0.01}, (1, "type", "cost")),
            ({"confidence": 1.01}, (1, "type", "confidence")),
            ({"retrieved": [{"score": 1}]}, (1, "type", "retrieved")),
            ({"retrieved": [{"id": "d", "rank": 1}]}, (1, "type", "retrieved")),
            ({"retrieved": {}}, (1, "type", "retrieved")),
            ({"trace_id": ""}, (1, "type", "trace_id")),
            ({"metadata": []}, (1, "type", "metadata")),
            ({"latency": 12}, (1, "unknown_member", "latency")),
        ],
    )
    def test_what_is_no_output_is_refused_with_its_field(self, change, fault):
        assert faults(read_outputs, {"key": "k", "output": "text"} | change) == [fault]

    def test_neither_is_told_from_both(self):
        assert "neither" in sentence(read_outputs, {"key": "k"})
        assert "both" in sentence(read_outputs, {"key": "k", "output": 1, "error": "e"})

    def test_all_faults_of_a_line_are_named(self):
        row = {"output": "x", "cost": "free", "latency_ms": -1, "b": 1, "a": 1}
        assert faults(read_outputs, {"key": "k", "output": "x"}, row) == [
            (2, "missing", "key"),
            (2, "type", "latency_ms"),
            (2, "type", "cost"),
            (2, "unknown_member", "a"),
            (2, "unknown_member", "b"),
        ]

    def test_sentences_say_what_a_member_must_be(self):
        row = {"key": "k", "output": "x"}
        assert sentence(read_outputs, row | {"latency_ms": -1}) == (
            "latency_ms must be a number from 0 to 1e12."
        )
        assert sentence(read_outputs, row | {"latency": 1}).startswith(
            "latency is no member of such a line; they are key, output, error,"
        )

    def test_a_hostile_name_does_not_flood_the_answer(self):
        assert len(sentence(read_outputs, {"key": "k", "output": "x", "n" * 10_000: 1})) < 400

    def test_a_key_and_attempt_stand_once(self):
        rows = [
            {"key": "a", "output": 1},
            {"key": "a", "output": 1, "attempt": 2},
            {"key": "a", "output": 2, "attempt": 1},
        ]
        assert faults(read_outputs, *rows) == [(3, "repeated", "key")]

    def test_where_a_column_is_named_the_unknown_others_become_metadata(self):
        row = {"id": "p-1", "output": "A: 4", "cost": 0.5, "published_is_correct": True}
        for columns in (OutputColumns(key="id"), OutputColumns(key="id", output="output")):
            [read] = good(read_outputs, row, columns=columns)
            assert (read.key, read.output, read.cost) == ("p-1", "A: 4", 0.5)
            assert read.metadata == {"published_is_correct": True}

    def test_where_none_is_named_an_unknown_member_is_a_fault(self):
        row = {"key": "p-1", "output": "A: 4", "published_is_correct": True}
        assert faults(read_outputs, row) == [(1, "unknown_member", "published_is_correct")]

    def test_the_digest_covers_all_the_line_said_and_not_how(self):
        digest = good(read_outputs, FULL_OUTPUT)[0].digest()
        backwards = dict(reversed(FULL_OUTPUT.items())) | {"error": None}
        assert good(read_outputs, backwards)[0].digest() == digest
        assert len(digest) == 32
        for name in set(FULL_OUTPUT) - {"key", "output"}:
            less = {key: value for key, value in FULL_OUTPUT.items() if key != name}
            assert good(read_outputs, less)[0].digest() != digest


class TestAnnotations:
    FULL = {
        "run": "run_1",
        "key": "k",
        "attempt": 1,
        "annotator": "rater2",
        "answers": {
            **{"mqm": 8.1, "fluent": True, "tone": "dry", "stars": 4, "skipped": None},
            "faults": ["facts", "style"],
        },
        "at": "2026-03-01T10:30:00+01:00",
        "seconds": 31.5,
    }

    def test_all_members_come_through(self):
        [row] = good(read_annotations, self.FULL)
        assert row.answers == self.FULL["answers"]
        assert row.at == datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
        assert (row.run, row.system, row.attempt, row.seconds) == ("run_1", None, 1, 31.5)

    def test_a_system_may_stand_for_its_run(self):
        row = {"system": "s", "key": "k", "annotator": "a", "answers": {"q": 1}}
        assert good(read_annotations, row)[0].system == "s"

    @pytest.mark.parametrize(
        ("change", "fault"),
        [
            ({"run": None}, (1, "one_of", "run")),
            ({"system": "s"}, (1, "one_of", "run")),
            ({"annotator": None}, (1, "missing", "annotator")),
            ({"annotator": "a" * 201}, (1, "type", "annotator")),
            ({"answers": {}}, (1, "missing", "answers")),
            ({"answers": {"q": [[1]]}}, (1, "type", "answers")),
            ({"answers": {"q": {"a": 1}}}, (1, "type", "answers")),
            ({"key": None}, (1, "missing", "key")),
            ({"unit": ""}, (1, "type", "unit")),
            ({"second_attempt": 0}, (1, "type", "second_attempt")),
            ({"answers": {"": 1}}, (1, "type", "answers")),
            ({"at": "2026-03-01T10:30:00"}, (1, "type", "at")),
            ({"at": "yesterday"}, (1, "type", "at")),
            ({"at": 1}, (1, "type", "at")),
            ({"at": "0001-01-01T00:00:00+14:00"}, (1, "type", "at")),
            ({"at": "9999-12-31T23:59:59-12:00"}, (1, "type", "at")),
            ({"seconds": -1}, (1, "type", "seconds")),
            ({"mqm": 3}, (1, "unknown_member", "mqm")),
        ],
    )
    def test_what_is_no_annotation_is_refused_with_its_field(self, change, fault):
        assert faults(read_annotations, self.FULL | change) == [fault]

    def test_an_annotator_answers_a_unit_once(self):
        others = [
            *({"annotator": "rater3"}, {"key": "l"}, {"attempt": 2}, {"run": "run_2"}),
            *({"second_run": "run_2"}, {"unit": "unt_1"}),
        ]
        rows = [self.FULL, *(self.FULL | other for other in others), self.FULL]
        assert faults(read_annotations, *rows) == [(8, "repeated", "key")]


class TestWhatIsKnown:
    DECISION = {
        "unit": "unt_1",
        "answers": {"mqm": None},
        "reason": "slip",
        "note": "n",
        "revision": 2,
        "at": "2026-03-01T09:30:00Z",
        "by": "ann",
    }
    CONTROL = {
        "run": "run_1",
        "key": "k",
        "second_run": "run_2",
        "answers": {"better": "first"},
        "tolerance": 0.5,
        "explanation": "e",
        "purpose": "qualification",
    }

    def test_all_members_come_through(self):
        [decided] = good(read_decisions, self.DECISION)
        assert (decided.unit, decided.key, decided.revision) == ("unt_1", None, 2)
        [known] = good(read_known, self.CONTROL)
        assert (known.second_run, known.second_attempt, known.tolerance) == ("run_2", 1, 0.5)

    @pytest.mark.parametrize(
        ("change", "fault"),
        [
            ({"unit": None}, (1, "missing", "key")),
            ({"second_run": "r", "second_system": "s"}, (1, "one_of", "second_run")),
            ({"unit": None, "key": "k"}, (1, "one_of", "run")),
            ({"reason": None}, (1, "missing", "reason")),
            ({"answers": {}}, (1, "missing", "answers")),
            ({"at": "0001-01-01T00:00:00+14:00"}, (1, "type", "at")),
            ({"tolerance": 1}, (1, "unknown_member", "tolerance")),
        ],
    )
    def test_what_is_no_decision_is_refused_with_its_field(self, change, fault):
        assert faults(read_decisions, self.DECISION | change) == [fault]


class TestColumns:
    def test_a_query_names_columns_and_an_empty_name_is_none(self):
        query = {"key": "id", "input": "", "mode": "merge"}
        assert ExampleColumns.from_query(query) == ExampleColumns(key="id")
        assert OutputColumns.from_query({}).given == {}

    def test_usual_names_are_guessed(self):
        guessed = guess_columns(["ID", "question", "answer", "passages", "topic"])
        assert guessed == ExampleColumns(
            key="ID", input="question", expected_output="answer", context="passages"
        )


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(-1, 2) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner, max_size=2)
    ),
    max_leaves=4,
)
NAMES = st.sampled_from(
    [*OutputRow.__struct_fields__, "input", "references", "run", "answers", "x"]
)


@given(
    st.lists(st.dictionaries(NAMES, VALUES, max_size=4) | VALUES, max_size=4),
    st.sampled_from([read_examples, read_outputs, read_annotations, read_decisions, read_known]),
)
def test_any_lines_give_rows_or_faults(values, reader):
    errors = ErrorCollector()
    lines = lines_of(*values)
    try:
        rows = list(reader(lines, errors))
    except DomainError:
        return
    named = {line for line, _ in rows} | {error.line for error in errors.errors}
    assert named == set(range(1, len(lines) + 1))


@given(st.lists(st.binary(max_size=40)), st.sampled_from(Format))
def test_any_bytes_give_examples_or_a_refusal(lines, format):
    errors = ErrorCollector()
    try:
        rows = list(read_examples(lines, errors, format=format))
        errors.raise_if_any()
    except DomainError:
        return
    assert rows
