"""The pages of re-scorings, and the earlier numbers on the page of a run."""

import re

import pytest

from evalhub.accounts.services import COMMAND_LINE
from evalhub.runs import rescoring, services
from evalhub.runs.models import Rescoring
from evalhub.runs.rescored import spec_in_words
from tests.evalhub.runs.building import a_run, drain, right, scored
from tests.evalhub.runs.test_pages import page_of, text_of
from tests.factories import a_member, a_project, a_version

pytestmark = pytest.mark.django_db

LOOSE = {"name": "exact_match", "params": {"normalize": ["lowercase"]}}


@pytest.fixture
def project():
    return a_project("town")


@pytest.fixture
def lead(client, project):
    user = a_member(project, "lead")
    client.force_login(user)
    return user


@pytest.fixture
def runs(project):
    version = a_version(project, n=4)
    return [
        scored(a_run(version, system=f"s{number}"), *right(*range(1, number + 1)))
        for number in (1, 2)
    ]


@pytest.fixture
def dataset(runs):
    return runs[0].version.dataset


def begun(dataset, *metrics):
    return rescoring.begin(dataset=dataset, metrics=metrics or [LOOSE])


def of_dataset(dataset):
    return f"/p/town/datasets/{dataset.slug}/rescorings/"


def part(client, address, target):
    """Ask for a part of a page, as the page does."""
    return client.get(address, headers={"HX-Request": "true", "HX-Target": target})


def test_the_page_of_a_dataset_asks_for_what_was_scored_over_all_its_runs(client, lead, dataset):
    page = client.get(f"/p/town/datasets/{dataset.slug}/").content.decode()
    assert f'hx-get="{of_dataset(dataset)}"' in page
    words = text_of(part(client, of_dataset(dataset), "rescorings"))
    assert "scored over all 2 finished runs of this dataset; their old numbers stay." in words
    begun(dataset)

    answer = part(client, of_dataset(dataset), "rescorings")

    assert answer.content.decode().count("<h1") == 0
    assert "exact_match working 0 of 2" in text_of(answer)
    whole = client.get(of_dataset(dataset))
    assert "<h1>Metrics scored over all runs</h1>" in whole.content.decode()
    assert whole["Vary"].count("HX-Target") == 1


def test_without_finished_runs_there_is_nothing_to_score(client, lead, project):
    run = a_run(project=project)
    words = text_of(client.get(of_dataset(run.version.dataset)))
    assert "No run on this dataset is finished yet: there is nothing to score." in words
    new = f"{of_dataset(run.version.dataset)}new/"
    refused = client.post(new, {"metric": "chrf"})
    assert refused.status_code == 422
    assert "There is no finished run" in text_of(refused)


def test_one_form_scores_all_runs(client, lead, dataset):
    page = client.get(f"{of_dataset(dataset)}new/")
    assert "every version (2 finished runs)" in text_of(page)
    assert "v1 (2 finished runs)" in text_of(page)

    fields = {"metric": "exact_match", "param-normalize": "lowercase", "version": "1"}
    for _ in range(2):  # a hand that clicks twice
        answer = client.post(f"{of_dataset(dataset)}new/", fields)

    asked = Rescoring.objects.get()
    assert answer["Location"] == f"/rescorings/{asked.public_id}/"
    assert (asked.version.number, asked.is_again, asked.created_by) == (1, False, lead)


def test_what_the_form_cannot_do_stands_beside_the_field(client, lead, dataset):
    fields = {"metric": "exact_match", "param-extract": "("}
    refused = client.post(f"{of_dataset(dataset)}new/", fields)
    assert refused.status_code == 422
    assert re.search(
        r'id="id_param-extract_error".*?extract', refused.content.decode(), flags=re.S
    )
    assert client.post(f"{of_dataset(dataset)}new/", {**fields, "version": "7"}).status_code == 422


def test_a_rescoring_shows_each_run_with_its_number_before_and_now(client, lead, dataset, runs):
    asked = begun(dataset)
    address = f"/rescorings/{asked.public_id}/"
    words = text_of(client.get(address))
    assert "0 of 2 runs are over 0 of 8 outputs" in words
    assert "No worker is running." in words
    assert "being scored" in words
    drain()

    progress = part(client, address, "progress")

    assert (progress["HX-Retarget"], progress["HX-Reswap"]) == ("#rescoring", "outerHTML")
    assert "The re-scoring is done." in text_of(progress)
    page = client.get(address).content.decode()
    assert "hx-trigger" not in page.partition('id="progress"')[2].partition(">")[0]
    rows = re.findall(r"<tbody id=\"row-(\w+)\".*?</tbody>", page, flags=re.S)
    assert rows == [run.public_id for run in runs]
    numbers = re.findall(r'<span class="val"><b>([\d.]+)</b>', page)
    assert numbers == ["0.250", "0.250", "0.500", "0.500"]


def test_while_it_is_under_way_only_what_changes_is_sent(client, lead, dataset, runs):
    asked = begun(dataset, LOOSE, "chrf")

    answer = part(client, f"/rescorings/{asked.public_id}/", "progress").content.decode()

    assert answer.count('hx-swap-oob="true"') == len(runs)
    assert "<h1" not in answer
    assert 'hx-trigger="every 2s"' in answer
    assert 'rowspan="2"' in answer


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("chrf", "chrf"),
        ({"name": "chrf", "params": {}}, "chrf"),
        ({"name": "token_f1", "as": "f1"}, "token_f1 as f1"),
        (LOOSE, 'exact_match (normalize: ["lowercase"])'),
        ({"name": "rouge_w", "params": {"weight": 1.5}}, "rouge_w (weight: 1.5)"),
        (
            {
                "name": "median",
                "params": {"of": {"name": "contains", "params": {"require": "all"}}},
            },
            "median (of: contains (require: all))",
        ),
        ({"name": "remote_polite", "params": {}}, "remote_polite"),
    ],
)
def test_a_metric_is_said_in_words(spec, words):
    assert spec_in_words(spec) == words


def test_it_is_cancelled_and_resumed_by_a_button(client, lead, dataset):
    asked = begun(dataset)
    address = f"/rescorings/{asked.public_id}/"
    assert "Cancel the rest?" in text_of(client.get(address))

    page = client.post(address, {"do": "cancel"}, follow=True)
    assert "2 cancelled" in text_of(page)
    assert 'value="resume"' in page.content.decode()
    page = client.post(address, {"do": "resume"}, follow=True)
    assert "2 at work, 0 waiting" in text_of(page)
    page = client.post(address, {"do": "resume"}, follow=True)
    assert "working: only what was cancelled is resumed." in text_of(page)
    assert client.post(address, {"do": "start"}).status_code == 400


def test_where_nothing_was_to_be_done_the_page_says_so(client, lead, dataset):
    asked = begun(dataset, "exact_match")
    words = text_of(client.get(f"/rescorings/{asked.public_id}/"))
    assert "Every run had these numbers already: there was nothing to score." in words
    assert "It has these numbers already, by the same signatures." in words
    assert "as before" in words


def test_a_viewer_watches_and_does_nothing(client, dataset, project):
    asked = begun(dataset)
    client.force_login(a_member(project, "viewer"))
    page = client.get(f"/rescorings/{asked.public_id}/").content.decode()
    assert 'value="cancel"' not in page
    assert "Score all runs with" not in client.get(of_dataset(dataset)).content.decode()


def test_many_runs_come_in_pages(client, lead, dataset, monkeypatch):
    monkeypatch.setattr("evalhub.runs.rescoring_views.ROWS", 1)
    asked = begun(dataset)
    address = f"/rescorings/{asked.public_id}/"
    assert "1–1 of 2" in text_of(client.get(address))
    page = client.get(f"{address}?from=1")
    assert "2–2 of 2" in text_of(page)
    assert f'hx-get="{address}?from=1"' in page.content.decode()
    assert "1–1 of 2" in text_of(client.get(f"{address}?from=99"))


def test_watching_costs_few_queries(client, lead, dataset, django_assert_max_num_queries):
    asked = begun(dataset, LOOSE, "chrf")
    with django_assert_max_num_queries(12):
        part(client, f"/rescorings/{asked.public_id}/", "progress")


# --- earlier numbers --------------------------------------------------------------------------


def earlier_part(page):
    return re.search(r'<details class="fold" id="earlier">.*?</details>', page, flags=re.S)


def test_earlier_numbers_stay_on_the_page_of_the_run_with_the_reason(client, lead, dataset, runs):
    assert earlier_part(page_of(client, runs[0]).content.decode()) is None
    begun(dataset)
    drain()
    services.measure_run(run=runs[0], metrics=[LOOSE], actor=COMMAND_LINE)
    drain()
    off = begun(dataset, {"name": "exact_match", "params": {"normalize": []}})
    rescoring.cancel(rescoring=off, actor=COMMAND_LINE)

    part = earlier_part(page_of(client, runs[0]).content.decode())[0]

    words = " ".join(re.sub(r"<[^>]+>", " ", part).split())
    assert words.startswith("Earlier numbers (3)")
    reasons = [
        "Its scoring was cancelled; the number before it stands.",
        "It was scored again since, by the same signature.",
        "It was scored again since, by another signature.",
    ]
    assert sorted(reasons, key=words.index) == reasons
    assert words.count("0.250") == 2


def test_a_newer_one_that_failed_is_told_and_one_of_other_outputs(client, lead, dataset, runs):
    begun(dataset)
    runs[0].measurements.filter(generation=2).update(metric="gone")
    drain()
    words = text_of(page_of(client, runs[0]))
    assert "exact_match: It was scored again and failed, so the number before it stands." in words

    services.reopen_run(run=runs[1], actor=COMMAND_LINE)
    assert "The run was reopened since: this is about its outputs before." in text_of(
        page_of(client, runs[1])
    )
