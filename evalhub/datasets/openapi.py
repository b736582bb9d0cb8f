"""What the REST interface of datasets takes and answers."""

from __future__ import annotations

from evalhub.openapi import (
    CSV,
    CURSOR,
    NDJSON,
    Body,
    anything,
    component,
    json_body,
    listing,
    mapping,
    members,
    moment,
    nullable,
    one_of,
    operation,
    page_of,
    text,
    whole,
)

TAG = "Datasets"

EXAMPLE = members(
    "One thing that systems are asked.",
    ["key", "input"],
    key=text("Yours; stays the same from version to version. 1 to 400 characters."),
    input=anything("Text, or JSON such as chat messages."),
    expected_output=anything("The right answer, where there is one."),
    references=listing(text(), "Acceptable answers; one text stands for a list of one."),
    context=listing(text(), "Passages that the system is given."),
    relevant=mapping(whole(), "Grades of documents, by their ids."),
    metadata=mapping(anything(), "A scalar member with 2 to 30 values in the version is a slice."),
)
COMPONENTS = {
    "Dataset": members(
        slug=text(),
        name=text(),
        description=text(),
        created_at=moment(),
        newest_version=nullable(whole()),
    ),
    "DatasetVersion": members(
        version=whole("Its number, from 1."),
        digest=text("SHA-256 over its examples in order."),
        examples=whole("How many it has."),
        added=whole(),
        changed=whole(),
        removed=whole(),
        unchanged=whole(),
        cluster=nullable(text("The metadata field whose examples belong together.")),
        notes=text(),
        tags=listing(text()),
        created_at=moment(),
    ),
    "Example": {
        **EXAMPLE,
        "properties": {
            **EXAMPLE["properties"],
            "position": whole("Its place in the version, from 0."),
        },
    },
}

list_datasets = operation(
    "list_datasets",
    tag=TAG,
    summary="List the datasets of a project",
    scope="read",
    path=["project"],
    query=CURSOR,
    answers={200: ("The datasets.", page_of(component("Dataset")))},
    errors=[400],
)
create_dataset = operation(
    "create_dataset",
    tag=TAG,
    summary="Make a dataset",
    detail="The slug is made of the name, and is how the dataset is named everywhere else.",
    scope="submit",
    path=["project"],
    body=json_body(
        members(
            "",
            ["name"],
            name=text("1 to 200 characters."),
            description=text("What it is for."),
        ),
        example={"name": "capitals", "description": "Capitals of the world"},
    ),
    answers={201: ("The new dataset, without a version yet.", component("Dataset"))},
    errors=[400, 409, 422],
    is_idempotent=True,
)
list_versions = operation(
    "list_versions",
    tag=TAG,
    summary="List the versions of a dataset",
    detail="Newest first.",
    scope="read",
    path=["project", "dataset"],
    query=CURSOR,
    answers={200: ("The versions.", page_of(component("DatasetVersion")))},
    errors=[400],
)
add_version = operation(
    "add_version",
    tag=TAG,
    summary="Add a version",
    detail="All or nothing: a file with errors names each line and changes nothing. Content that "
    "is already a version gives that version back with 200.",
    scope="submit",
    path=["project", "dataset"],
    query={
        **{
            part: text(f"The column that holds the {part}; by default {part}.")
            for part in ("key", "input", "expected_output", "references", "context", "relevant")
        },
        "cluster": text(
            "The metadata field whose examples belong together. Left out, none; a merge keeps the "
            "newest version's."
        ),
        "mode": one_of(
            ["replace", "merge"],
            "replace: the version is what the file says. merge: the file adds to, and changes, "
            "the newest version.",
        ),
        "notes": text("What is new."),
    },
    body=Body(
        shapes={NDJSON: EXAMPLE, CSV: text("A header and rows.")},
        words="JSON lines (one example a line) or CSV with a header, UTF-8, up to 1 GiB; gzip is "
        "accepted. Columns that no option names become metadata.",
        example=[
            {
                "key": "fr",
                "input": "The capital of France?",
                "expected_output": "Paris",
                "metadata": {"region": "Europe"},
            },
            {
                "key": "ke",
                "input": "The capital of Kenya?",
                "expected_output": "Nairobi",
                "metadata": {"region": "Africa"},
            },
        ],
    ),
    answers={
        201: ("The new version.", component("DatasetVersion")),
        200: ("The version that has this content already.", component("DatasetVersion")),
    },
    errors=[400, 413, 422],
    is_idempotent=True,
)
list_examples = operation(
    "list_examples",
    tag=TAG,
    summary="List the examples of a version",
    detail="In order, with their positions. A page of a search may hold fewer than asked for and "
    "still have a next one.",
    scope="read",
    path=["project", "dataset", "version"],
    query={
        **CURSOR,
        "slice": text("field:value, the examples of one slice; 422 where there is no such."),
        "q": text("A text that stands in the example, in any letter case."),
    },
    answers={200: ("The examples.", page_of(component("Example")))},
    errors=[400, 422],
)
