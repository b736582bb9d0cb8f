"""The dataset pages: upload in two steps, versions, examples."""

import gzip
import json
from html import unescape

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from evalhub.accounts.models import AuditEvent
from evalhub.accounts.services import COMMAND_LINE
from evalhub.datasets import forms, reading, selectors, services
from evalhub.datasets.models import Dataset, DatasetVersion, Example
from tests.evalhub.runs.building import a_run
from tests.factories import a_dataset, a_member, a_project, a_version, example_row

pytestmark = pytest.mark.django_db

CSV = b"id;question;answer;topic;doc\n1;What?;this;a;x\n2;Who?;she;b;x\n"


@pytest.fixture
def project():
    return a_project("town")


@pytest.fixture
def lead(client, project):
    client.force_login(a_member(project, "lead"))
    return client


def look(client, content, *, name="tides", dataset="", **more):
    return client.post(
        "/p/town/datasets/new/",
        {
            "name": name,
            "dataset": dataset,
            "file": SimpleUploadedFile("file.csv", content),
            **more,
        },
    )


def answers(page, **chosen):
    """Return the columns form as it stands on the page, with some answers chosen."""
    form = page.context["form"]
    given = {name: field.initial or "" for name, field in form.fields.items()}
    numbers = {name: f"column_{number}" for number, name in enumerate(form.columns)}
    return {**given, **{numbers.get(name, name): value for name, value in chosen.items()}}


def second_page(client, content, **how):
    first = look(client, content, **how)
    assert first.status_code == 302, first.content.decode()
    return client.get(first.headers["Location"])


def create(client, page, **chosen):
    return client.post(page.request["PATH_INFO"], answers(page, **chosen))


def test_a_file_becomes_a_version_in_two_steps(lead):
    page = second_page(lead, gzip.compress(CSV))
    assert page.context["form"].mapping is not None
    assert not Dataset.objects.exists()
    made = create(lead, page, cluster="doc", notes="first")
    version = DatasetVersion.objects.get()
    assert made.headers["Location"] == f"/p/town/datasets/tides/v{version.number}/"
    assert (version.n_examples, version.cluster_field, version.notes) == (2, "doc", "first")
    assert selectors.examples_at(version, 0, 1)[0].fields == {
        "key": "1",
        "input": "What?",
        "expected_output": "this",
        "metadata": {"topic": "a", "doc": "x"},
    }
    assert lead.get(page.request["PATH_INFO"]).status_code == 404  # the file is not kept


def test_a_new_version_is_grouped_as_the_one_before_unless_told_otherwise(lead):
    create(lead, second_page(lead, CSV), cluster="doc")
    again = second_page(lead, CSV.replace(b"she", b"he"), name="", dataset="tides")
    create(lead, again)
    assert DatasetVersion.objects.get(number=2).cluster_field == "doc"
    without = second_page(lead, b"id,question\n1,What?\n", name="", dataset="tides")
    create(lead, without)
    assert DatasetVersion.objects.get(number=3).cluster_field == ""


def test_a_field_says_how_many_clusters_it_would_give(lead, monkeypatch):
    lines = "".join(f"{i},What?,{i % 9},{i % 10 or ''},{i % 11}\n" for i in range(60))
    content = f"id,question,nine,gaps,eleven\n{lines}".encode()
    page = second_page(lead, content)
    labels = dict(page.context["form"].fields["cluster"].choices)
    assert labels["nine"] == "nine: 9 values, under 10: no intervals"
    assert labels["gaps"] == "gaps: 9 values, none in 6 rows"
    assert labels["eleven"] == "eleven: 11 values"
    assert "60 rows, 5 columns" in page.content.decode()
    monkeypatch.setattr(reading, "MAX_COUNTED_ROWS", 20)
    page = lead.get(page.request["PATH_INFO"])
    labels = dict(page.context["form"].fields["cluster"].choices)
    assert labels["nine"] == "nine: at least 9 values"
    assert "more than 20 rows" in page.content.decode()


def test_members_of_metadata_are_counted_and_faults_wait_for_the_form(lead):
    rows = [{"key": str(i), "input": "?", "metadata": {"doc": f"d{i}"}} for i in range(25)]
    content = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
    page = second_page(lead, content + b"[1]\n")
    assert dict(page.context["form"].fields["cluster"].choices)["doc"] == "doc: 25 values"
    assert create(lead, page).status_code == 422


def test_columns_show_a_few_values_and_what_no_name_tells(lead):
    page = second_page(lead, b"frage,antwort\nWer?,sie\nWo?,da\nWann?,nie\nWie?,so\n")
    assert page.context["columns"][0]["samples"] == ["Wer?", "Wo?", "Wann?"]
    text = page.content.decode()
    assert "One column must become key. One column must become input." in text
    assert "key (required)" in text
    assert "must become" not in second_page(lead, CSV).content.decode()


def test_a_new_dataset_says_what_it_is_for(lead):
    page = look(lead, CSV, description="What people ask of the tides.")
    create(lead, lead.get(page.headers["Location"]))
    assert Dataset.objects.get().description == "What people ask of the tides."
    assert "What people ask of the tides." in lead.get("/p/town/datasets/").content.decode()


def test_a_dataset_is_chosen_or_named_and_an_error_asks_for_the_file_again(lead, project):
    services.create_dataset(project=project, name="Tide questions", actor=COMMAND_LINE)
    refused = look(lead, CSV, name="")
    text = refused.content.decode()
    assert refused.status_code == 422
    assert "Name the new dataset, or choose above one that exists." in text
    assert "Choose the file again" in text
    assert "Tide questions (tide-questions)" in text
    # A name that was typed before an existing dataset was chosen is passed over.
    create(lead, second_page(lead, CSV, name="other", dataset="tide-questions"))
    assert DatasetVersion.objects.get().dataset.slug == "tide-questions"


def test_the_same_file_again_leads_to_the_version_that_is_there(lead):
    create(lead, second_page(lead, CSV))
    again = create(lead, second_page(lead, CSV, name="", dataset="tides"))
    assert (
        "This content is already a version" in lead.get(again.headers["Location"]).content.decode()
    )
    assert DatasetVersion.objects.count() == 1


def test_a_merge_keeps_what_the_file_does_not_name(lead):
    create(lead, second_page(lead, CSV))
    page = second_page(lead, b"id,question\n3,Why?\n", name="", dataset="tides")
    create(lead, page, mode="merge")
    assert selectors.keys_of(DatasetVersion.objects.get(number=2)) == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "The body is empty"),
        (b"id,question\n", "The table has no rows"),
        (b"id,id,question\n1,2,3\n", "Line 1: &quot;id&quot; names 2 columns"),
        (b"id,question\n1,What?,more\n2\n", "Line 2: The row has 3 cells and the header 2"),
        (b'{"key": "a", "input": "\\u0000"}\n', "Line 1: A NUL character"),
        (b"id,question\n1,\xff\xfe\n", "Line 2: This is not UTF-8"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_at_the_first_look(lead, content, said):
    page = look(lead, content)
    assert page.status_code == 422
    assert said in page.content.decode()


def test_every_faulty_line_of_the_first_look_is_listed(lead):
    page = look(lead, b"id,question\n1,What?,more\n2\n3,x\n").content.decode()
    assert "Line 2: The row has 3 cells" in page
    assert "Line 3: The row has 1 cells" in page


def test_a_file_with_errors_names_each_line_and_changes_nothing(lead):
    page = second_page(lead, b"id,question\n1,What?\n1,Who?\n2,\n")
    refused = create(lead, page)
    text = refused.content.decode()
    assert refused.status_code == 422
    assert "Line 3: Key" in text
    assert "Line 4: input (column &quot;question&quot;) is missing" in text
    assert not Dataset.objects.exists()
    assert not Example.objects.exists()


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ({"question": "metadata"}, "One column must become input."),
        ({"id": "metadata"}, "One column must become key."),
        ({"topic": "input"}, "Two columns cannot both become input."),
        ({"cluster": "id"}, "id becomes key; clusters are named by a column of metadata."),
        ({"cluster": "nothing"}, "Select a valid choice"),
        ({"mode": "merge"}, "Select a valid choice"),
    ],
)
def test_a_choice_that_makes_no_version_is_said_beside_the_form(lead, chosen, said):
    refused = create(lead, second_page(lead, CSV), **chosen)
    assert refused.status_code == 422
    assert said in refused.content.decode()
    assert not Dataset.objects.exists()


def test_a_cluster_field_without_a_value_somewhere_is_refused(lead):
    a_dataset(a_project("other"))
    page = second_page(lead, b"id,question,doc\n1,What?,x\n2,Who?,\n")
    refused = create(lead, page, cluster="doc")
    assert "has no value in 1 of 2 examples" in refused.content.decode()


def test_members_of_metadata_can_name_the_clusters(lead):
    rows = [{"key": str(i), "input": "?", "metadata": {"doc": f"d{i // 2}"}} for i in range(4)]
    page = second_page(lead, b"".join(json.dumps(row).encode() + b"\n" for row in rows))
    create(lead, page, cluster="doc")
    assert DatasetVersion.objects.get().cluster_field == "doc"


def test_of_very_many_columns_the_last_become_metadata(lead, monkeypatch):
    monkeypatch.setattr(forms, "MAX_SHOWN", 3)
    page = second_page(lead, CSV)
    assert "The columns after these become metadata." in page.content.decode()
    create(lead, page)
    example = selectors.examples_at(DatasetVersion.objects.get(), 0, 1)[0]
    assert example.fields["metadata"] == {"topic": "a", "doc": "x"}


def test_an_upload_waits_for_the_one_who_sent_it(lead, client, project):
    page = second_page(lead, CSV)
    client.force_login(a_member(project, "lead"))
    assert client.get(page.request["PATH_INFO"]).status_code == 404


@pytest.mark.parametrize("name", ["new", "!!!", "東京"])
def test_a_name_that_makes_no_address_is_refused(lead, name):
    refused = create(lead, second_page(lead, CSV, name=name))
    assert refused.status_code == 422
    assert "dataset" in refused.content.decode()
    assert not Dataset.objects.exists()


def test_a_version_shows_its_changes_slices_and_examples(lead, project):
    dataset = a_dataset(project, "tides")
    old = [example_row(f"k{i}", metadata={"half": "ab"[i % 2]}) for i in range(120)]
    a_version(project, old, dataset=dataset)
    new = [example_row("k0", input="Changed?", metadata={"half": "a"}), *old[2:], example_row("z")]
    a_version(project, new, dataset=dataset)
    page = lead.get("/p/town/datasets/tides/v2/")
    text = page.content.decode()
    assert [(one.kind, one.key) for one in page.context["changed"]] == [
        ("changed", "k0"),
        ("added", "z"),
        ("removed", "k1"),
    ]
    assert "<ins>Changed?</ins>" in text
    assert page.context["pagination"]["shown"] == "1–50 of 120"
    second = lead.get("/p/town/datasets/tides/v2/?from=50")
    assert "from=100" in second.context["pagination"]["next"]
    assert second.context["pagination"]["previous"] == "?#examples"
    in_slice = lead.get("/p/town/datasets/tides/v2/?slice=half:b&from=105").context
    assert [row["levels"] for row in in_slice["examples"]] == [["b"]] * len(in_slice["examples"])
    assert "from=6#" in in_slice["pagination"]["previous"]


def test_a_page_of_a_slice_says_where_it_stands_and_a_search_what_it_knows(lead, project):
    rows = [example_row(f"k{i}", metadata={"half": "ab"[i % 2]}) for i in range(120)]
    a_version(project, rows, dataset=a_dataset(project, "tides"))
    address = "/p/town/datasets/tides/v1/"
    shown = {
        query: lead.get(address + query).context["pagination"]["shown"]
        for query in ("?slice=half:b", "?slice=half:b&from=101", "?q=k11")
    }
    assert list(shown.values()) == [
        "1–50 of 60",
        "51–60 of 60",
        "11 found from example 12 of 120 on",
    ]


def test_a_version_without_runs_says_how_to_open_one(lead, project):
    dataset = services.create_dataset(project=project, name="Tide questions", actor=COMMAND_LINE)
    version = a_version(project, dataset=dataset)
    address = "/p/town/datasets/tide-questions/v1/"
    body = '{"dataset": "tide-questions", "version": 1, "system": "first-try"'
    assert body in unescape(lead.get(address).content.decode())
    a_run(version)
    assert body not in unescape(lead.get(address).content.decode())


def test_a_version_says_how_many_clusters_it_has(lead, project):
    for name, n in (("few", 9), ("many", 10)):
        rows = [example_row(f"k{i}", metadata={"doc": i % n}) for i in range(40)]
        a_version(project, rows, dataset=a_dataset(project, name), cluster_field="doc")
    few, many = (
        lead.get(f"/p/town/datasets/{name}/v1/").content.decode() for name in ("few", "many")
    )
    assert "9 by" in few
    assert "(under 10: no intervals)" in few
    assert "10 by" in many
    assert "no intervals" not in many


def test_a_tag_moves_from_version_to_version_and_is_taken_off(lead, project):
    dataset = a_dataset(project, "tides")
    versions = [a_version(project, n=n, dataset=dataset) for n in (2, 3)]
    for number in (1, 2):
        address = f"/p/town/datasets/tides/v{number}/tags/"
        lead.post(address, {"do": "move", "name": "golden"})
    assert selectors.version_of(dataset, "golden") == versions[1]
    again = lead.post(address, {"do": "remove", "name": "golden"})
    assert again.headers["Location"] == "/p/town/datasets/tides/v2/#tags"
    assert not dataset.tags.exists()
    events = AuditEvent.objects.filter(subject="golden").order_by("pk")
    assert list(events.values_list("verb", "detail__version")) == [
        ("move tag", 1),
        ("move tag", 2),
        ("remove tag", 2),
    ]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"do": "move", "name": "7"}, "A tag is a word"),
        ({"do": "move", "name": ""}, "This field is required."),
        ({"do": "remove", "name": "golden"}, "Version 1 does not have the tag"),
        ({"do": "burn", "name": "golden"}, "Select a valid choice"),
    ],
)
def test_a_tag_that_cannot_be_is_refused_on_the_page(lead, project, fields, said):
    a_version(project, dataset=a_dataset(project, "tides"))
    refused = lead.post("/p/town/datasets/tides/v1/tags/", fields)
    assert refused.status_code == 422
    assert said in refused.content.decode()


def test_who_only_looks_sees_tags_and_no_form(client, project):
    version = a_version(project, dataset=a_dataset(project, "tides"))
    services.move_tag(version=version, name="golden", actor=COMMAND_LINE)
    client.force_login(a_member(project, "viewer"))
    text = client.get("/p/town/datasets/tides/v1/").content.decode()
    assert "golden" in text
    assert "Set on version" not in text


def test_a_page_of_a_search_goes_back_to_its_start(lead, project):
    a_version(project, n=120, dataset=a_dataset(project, "tides"))
    page = lead.get("/p/town/datasets/tides/v1/?q=what&from=60").context
    assert page["pagination"]["previous"] == "?q=what#examples"


def test_a_slice_that_is_not_there_is_said(lead, project):
    a_version(project, dataset=a_dataset(project, "tides"))
    text = lead.get("/p/town/datasets/tides/v1/?slice=nope:1").content.decode()
    assert "This version has no slices by &#x27;nope&#x27;" in text


def test_an_example_is_shown_whole_whatever_it_holds(lead, project):
    rows = [
        example_row(
            "a<b>",
            input=[{"role": "user", "content": "<script>alert(1)</script>"}],
            references=["r1", "r2"],
            context=["p1"],
            relevant={"d": 2},
            metadata={"deep": {"er": [1]}, "n": None},
        )
    ]
    a_version(project, rows, dataset=a_dataset(project, "tides"))
    text = lead.get("/p/town/datasets/tides/v1/examples/0/").content.decode()
    assert "<script>alert" not in text
    assert "&lt;script&gt;" in text
    assert lead.get("/p/town/datasets/tides/v1/examples/1/").status_code == 404


def test_pages_of_a_dataset_cost_few_queries(lead, project, django_assert_max_num_queries):
    dataset = a_dataset(project, "tides")
    rows = [
        example_row(f"k{i}", metadata={f"f{j}": (i * j) % 5 for j in range(20)}) for i in range(60)
    ]
    a_version(project, rows, dataset=dataset)
    a_version(project, rows[1:], dataset=dataset)
    for address in ("", "tides/", "tides/v2/", "tides/v2/examples/3/"):
        with django_assert_max_num_queries(20):
            assert lead.get(f"/p/town/datasets/{address}").status_code == 200
