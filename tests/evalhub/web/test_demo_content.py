"""The demo content has the shape that the loader and the pages count on."""

import json
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path

import pytest

DEMO = Path(__file__).parents[3] / "evalhub" / "web" / "demo"
SYSTEMS = ["harbor-small", "harbor-small-b", "harbor-large"]
EXAMPLES = {"questions": 120, "summaries": 80}
LABELED = {"questions": 40, "summaries": 30}
KINDS = {"yes_no": "nominal", "rating": "ordinal", "number": "interval"}

each_dataset = pytest.mark.parametrize("dataset", EXAMPLES)
each_system = pytest.mark.parametrize("system", SYSTEMS)


def read_json(path):
    return json.loads((DEMO / path).read_text(encoding="utf-8"))


def read_lines(path):
    return [json.loads(line) for line in (DEMO / path).read_text(encoding="utf-8").splitlines()]


def outputs_of(dataset, system):
    return {line["key"]: line for line in read_lines(f"outputs/{dataset}-{system}.jsonl")}


def exact_matches(system):
    outputs = outputs_of("questions", system)
    examples = read_lines("questions.jsonl")
    return sum(
        outputs[example["key"]].get("output", "").strip() == example["expected_output"].strip()
        for example in examples
    )


@each_dataset
def test_every_example_has_a_key_of_its_own(dataset):
    keys = [example["key"] for example in read_lines(f"{dataset}.jsonl")]

    assert len(keys) == len(set(keys)) == EXAMPLES[dataset]


def test_a_question_comes_with_its_answer_and_the_passage_that_holds_it():
    for example in read_lines("questions.jsonl"):
        assert example["input"].endswith("?"), example["key"]
        assert 1 <= len(example["context"]) <= 2, example["key"]
        assert example["expected_output"].strip() == example["expected_output"] != ""
        references = example.get("references", [example["expected_output"]])
        assert references[0] == example["expected_output"], example["key"]
        assert len(references) == len(set(references)), example["key"]


def test_a_text_to_summarize_is_short_and_has_one_or_two_references():
    for example in read_lines("summaries.jsonl"):
        assert 60 <= len(example["input"].split()) <= 120, example["key"]
        assert 1 <= len(example["references"]) <= 2, example["key"]


@each_dataset
def test_every_metadata_field_is_a_slice(dataset):
    seen: dict[str, Counter[str]] = defaultdict(Counter)
    for example in read_lines(f"{dataset}.jsonl"):
        for field, value in example["metadata"].items():
            seen[field][value] += 1

    assert set(seen) >= {"topic", "difficulty"}
    assert set(seen["difficulty"]) == {"easy", "medium", "hard"}
    for field, values in seen.items():
        assert 2 <= len(values) <= 30, field
        assert sum(values.values()) == EXAMPLES[dataset], field
    for field in ("topic", "difficulty"):
        assert min(seen[field].values()) >= 20, f"{field} has a slice too small to be tested"


def test_summaries_come_from_enough_sources_to_be_clusters():
    sources = Counter(example["metadata"]["source"] for example in read_lines("summaries.jsonl"))

    assert len(sources) >= 12
    assert min(sources.values()) >= 2


@each_dataset
@each_system
def test_a_system_answers_every_example_once_or_says_why_not(dataset, system):
    lines = read_lines(f"outputs/{dataset}-{system}.jsonl")
    keys = [example["key"] for example in read_lines(f"{dataset}.jsonl")]

    assert [line["key"] for line in lines] == keys
    assert 1 <= sum("error" in line for line in lines) <= 3
    for line in lines:
        assert line["latency_ms"] > 0
        if "error" in line:
            assert set(line) == {"key", "error", "latency_ms"}
        else:
            assert line["output"].strip() == line["output"] != ""
            assert min(line["input_tokens"], line["output_tokens"], line["cost"]) > 0


def test_the_large_system_is_better_and_the_variant_is_not():
    small, variant, large = (exact_matches(system) for system in SYSTEMS)

    assert 0.58 <= small / 120 <= 0.65
    assert 0.78 <= large / 120 <= 0.85
    assert large - small >= 0.12 * 120
    assert abs(variant - small) <= 3


@each_dataset
def test_a_campaign_asks_questions_on_a_scale(dataset):
    campaign = read_json(f"campaigns/{dataset}.json")

    assert set(campaign) - {"differ"} == {"name", "overlap", "guidelines", "questions"}
    assert len(campaign["guidelines"].split()) >= 100
    for question in campaign["questions"]:
        assert KINDS[question["kind"]] == question["scale"]
        assert ("low" in question) is ("high" in question) is (question["kind"] != "yes_no")


@each_dataset
def test_a_label_answers_every_question_within_its_range(dataset):
    questions = read_json(f"campaigns/{dataset}.json")["questions"]

    for line in read_lines(f"annotations/{dataset}.jsonl"):
        assert set(line) == {"system", "key", "annotator", "answers", "at", "seconds"}
        assert set(line["answers"]) == {question["name"] for question in questions}
        assert line["seconds"] > 0
        for question in questions:
            answer = line["answers"][question["name"]]
            if question["kind"] == "yes_no":
                assert isinstance(answer, bool)
            else:
                assert type(answer) is int
                assert question["low"] <= answer <= question["high"]


@each_dataset
def test_all_outputs_of_an_example_are_labeled_by_the_same_two_or_three_people(dataset):
    people: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for line in read_lines(f"annotations/{dataset}.jsonl"):
        people[line["key"]][line["system"]].append(line["annotator"])

    assert len(people) == LABELED[dataset]
    assert len({who for by in people.values() for names in by.values() for who in names}) == 4
    for key, by_system in people.items():
        assert set(by_system) == set(SYSTEMS), key
        panels = {tuple(sorted(names)) for names in by_system.values()}
        assert len(panels) == 1, key
        (panel,) = panels
        assert len(set(panel)) == len(panel), key
        assert 2 <= len(panel) <= 3, key


@each_dataset
def test_only_outputs_are_labeled_and_equal_ones_alike(dataset):
    outputs = {system: outputs_of(dataset, system) for system in SYSTEMS}
    said = defaultdict(list)
    for line in read_lines(f"annotations/{dataset}.jsonl"):
        text = outputs[line["system"]][line["key"]]["output"]
        said[line["key"], text, line["annotator"]].append((line["answers"], line["at"]))

    for unit, answers in said.items():
        assert all(answer == answers[0] for answer in answers), unit


@each_dataset
def test_nobody_labels_two_outputs_of_one_example_in_a_row(dataset):
    moments: dict[str, dict[str, str]] = defaultdict(dict)
    for line in read_lines(f"annotations/{dataset}.jsonl"):
        moments[line["annotator"]][line["at"]] = line["key"]

    for annotator, keys_by_time in moments.items():
        keys = [key for _, key in sorted(keys_by_time.items())]
        assert all(first != second for first, second in pairwise(keys)), annotator


def test_two_people_compare_every_pair_of_summaries_never_two_of_one_text_in_a_row():
    outputs = {system: outputs_of("summaries", system) for system in SYSTEMS}
    people, moments = defaultdict(set), defaultdict(dict)
    for line in read_lines("annotations/preferences.jsonl"):
        pair = line["system"], line["second_system"]
        assert outputs[pair[0]][line["key"]]["output"] != outputs[pair[1]][line["key"]]["output"]
        assert line["answers"]["better"] in {"first", "second", "tie", "both_bad"}
        people[line["key"], pair].add(line["annotator"])
        moments[line["annotator"]][line["at"]] = line["key"]
    assert {len(who) for who in people.values()} == {2}
    assert len({key for key, _ in people}) == LABELED["summaries"]
    panels = {(key, tuple(sorted(who))) for (key, _), who in people.items()}
    assert len(panels) == LABELED["summaries"]
    for annotator, keys_by_time in moments.items():
        keys = [key for _, key in sorted(keys_by_time.items())]
        assert all(first != second for first, second in pairwise(keys)), annotator


def test_the_project_names_every_data_file():
    project = read_json("project.json")
    named = {"project.json", "README.md"}
    for dataset in project["datasets"]:
        named.add(dataset["file"])
    for campaign in project["campaigns"]:
        named |= {campaign["plan"], campaign["annotations"]}
    named |= {run["outputs"] for run in project["runs"]}
    found = {
        path.relative_to(DEMO).as_posix()
        for path in DEMO.rglob("*")
        if path.suffix in {".json", ".jsonl", ".md"}
    }

    assert named == found
    assert [system["slug"] for system in project["systems"]] == SYSTEMS
    assert {run["system"] for run in project["runs"]} == set(SYSTEMS)


def test_the_demo_content_stays_small():
    assert sum(path.stat().st_size for path in DEMO.rglob("*") if path.is_file()) < 600_000
