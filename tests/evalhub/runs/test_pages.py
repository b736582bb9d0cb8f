"""The runs pages: what they say in each state, to whom, and with how many queries."""

import re
import shlex

import pytest
from django.utils import timezone

from evalhub.accounts.services import COMMAND_LINE
from evalhub.runs.models import Run
from evalhub.runs.ratings import RatingRow
from evalhub.runs.services import cancel_run, publish_ratings
from metrics.reasons import Reason
from tests.evalhub.runs.building import a_run, drain, finished, right, scored, submit
from tests.factories import a_member, a_project, a_version, example_row

pytestmark = pytest.mark.django_db

HOSTILE = "\u202e<script>alert(1)</script>{{ 7*7 }}\x1b[31m"


@pytest.fixture
def project():
    return a_project("town")


@pytest.fixture
def lead(client, project):
    user = a_member(project, "lead")
    client.force_login(user)
    return user


def text_of(response):
    """Return what a reader reads: no tags, spaces as one."""
    body = re.sub(r"<(script|style|svg)\b.*?</\1>", " ", response.content.decode(), flags=re.S)
    return " ".join(re.sub(r"<[^>]+>", " ", body).replace("&nbsp;", " ").split())


def page_of(client, run, query="", status=200):
    response = client.get(f"/runs/{run.public_id}/{query}")
    assert response.status_code == status
    return response


def sliced_version(project, n=60):
    rows = [
        example_row(
            f"q{i}",
            expected_output=f"a{i}",
            metadata={"half": "ab"[i % 2], "rare": "yes" if i < 5 else "no"},
        )
        for i in range(1, n + 1)
    ]
    return a_version(project, rows)


def publish(run, *ratings):
    """Publish what people said: (position, rater, value or None)."""
    rows = [
        RatingRow(
            position=position,
            attempt=1,
            rater=rater,
            value=value,
            reason=Reason.SCORED if value is not None else Reason.CANNOT_JUDGE,
            at=timezone.now(),
        )
        for position, rater, value in ratings
    ]
    publish_ratings(
        run=run,
        name="faithful",
        kind="human",
        metric="label",
        params={},
        signature="label|faithful",
        family="mean",
        higher_is_better=True,
        low_bound=1.0,
        high_bound=5.0,
        resolution="mean",
        ratings=rows,
        actor=COMMAND_LINE,
    )


def test_an_empty_list_says_how_to_begin(client, lead, project):
    page = client.get("/p/town/runs/")
    assert "Upload a dataset" in text_of(page)
    slug = a_version(project).dataset.slug
    page = client.get("/p/town/runs/")
    assert "export EVALHUB=http://testserver/api/v1\n" in page.content.decode()
    assert f"curl -sS $EVALHUB/projects/{project.slug}/runs " in page.content.decode()
    assert slug in text_of(page)


def test_the_list_shows_the_first_metric_with_its_interval_newest_first(client, lead, project):
    version = a_version(project, n=4)
    scored(a_run(version, system="first", metrics=["token_f1", "exact_match"]), *right(1, 2, 3))
    a_run(version, system="second")
    words = text_of(client.get("/p/town/runs/"))
    assert words.index("second") < words.index("first", words.index("second"))
    assert "0.750" in words
    assert "no value yet" in words
    assert "3 of 4" in words


def test_the_list_is_filtered_by_dataset_and_system(client, lead, project):
    a_run(a_version(project), system="gpt")
    a_run(a_version(project), system="bert")
    words = text_of(client.get("/p/town/runs/?system=bert"))
    assert "bert dataset" in words
    assert "gpt dataset" not in words
    assert "No run matches" in text_of(client.get("/p/town/runs/?dataset=none"))


def test_two_runs_are_chosen_for_a_comparison(client, lead, project):
    run = scored(a_run(project=project), *right(1, 2, 3))
    a_run(run.version, system="open")
    body = client.get("/p/town/runs/").content.decode()
    assert 'action="/p/town/comparisons/new/"' in body
    assert len(re.findall(rf'name="baseline"[^>]*value="{run.public_id}"', body)) == 1
    assert len(re.findall(r'name="candidate"[^>]*disabled', body)) == 1


def test_the_baseline_offered_first_is_the_newest_earlier_run_of_another_system(
    client, lead, project
):
    version = a_version(project)
    older, old = [scored(a_run(version, system=name), *right(1)) for name in ("older", "old")]
    run = scored(a_run(version, system="new"), *right(1))
    again = scored(a_run(version, system="new"), *right(1))
    latest = scored(a_run(version, system="latest"), *right(1))

    def offered(of):
        body = client.get(f"/runs/{of.public_id}/").content.decode()
        return re.findall(r'<option value="(run_\w+)"\s+selected>', body)

    assert offered(again) == offered(run) == [old.public_id]
    assert offered(latest) == [again.public_id]
    assert offered(older) == [latest.public_id]


def test_what_cells_have_no_room_for_stands_once_below_the_table(client, lead, project):
    rows = [example_row(f"q{i}", expected_output="a", metadata={"doc": i % 9}) for i in range(28)]
    version = a_version(project, rows, cluster_field="doc")
    run = scored(a_run(version, metrics=["exact_match", "token_f1"]), {"key": "q1", "output": "a"})
    body = client.get(f"/runs/{run.public_id}/").content.decode()
    table, rest = body.split('id="metrics"')[1].split("</table>", 1)
    assert table.count("no interval") == 2
    assert "clusters" not in table
    assert rest.count("No interval for exact_match, token_f1: The examples come") == 1
    assert "drawn" not in body.split('id="slices"')[1].split("</section>")[0]


def test_older_runs_are_on_the_next_page(client, lead, project):
    version = a_version(project)
    for number in range(52):
        a_run(version, system=f"s{number:02}")
    first = client.get("/p/town/runs/")
    assert "s02" in text_of(first)
    assert "s01" not in text_of(first).replace("all systems", "").split("System")[-1]
    address = re.search(r'href="(\?before=\d+|\?&amp;before=\d+)"', first.content.decode())
    older = client.get("/p/town/runs/" + address.group(1).replace("&amp;", "&"))
    assert older.context["pagination"]["previous"]
    assert [one.run.system_version.system.slug for one in older.context["records"]] == [
        "s01",
        "s00",
    ]


def test_a_long_list_asks_the_database_as_often_as_a_short_one(
    client, lead, project, django_assert_max_num_queries
):
    version = a_version(project)
    for number in range(30):
        a_run(version, system=f"s{number}", metrics=["exact_match", "bleu"])
    with django_assert_max_num_queries(12):
        assert client.get("/p/town/runs/").status_code == 200


def test_an_open_run_shows_commands_that_name_it(client, lead, project):
    version = a_version(project, [example_row("it's; $(touch x) `id`", expected_output="a")])
    page = page_of(client, a_run(version))
    commands = page.context["open_example"]
    words = shlex.split(commands, comments=True)
    assert '{"key": "it\'s; $(touch x) `id`", "output": "…"}' in words
    assert f"http://testserver/api/v1/runs/{Run.objects.get().public_id}/finish" in words
    assert "No output yet" in text_of(page)
    assert "The run is not finished" in text_of(page)


def test_a_scored_run_tells_values_gaps_and_reasons(client, lead, project):
    rows = [
        *(example_row(f"q{i}", expected_output=f"a{i}") for i in range(1, 5)),
        example_row("q5"),
    ]
    run = a_run(a_version(project, rows), metrics=["exact_match"])
    run = scored(run, *right(1, 2, 5), {"key": "q3", "error": "timeout"})
    words = text_of(page_of(client, run))
    assert "4 of 5, 1 error, 1 missing" in words
    assert "0.500" in words
    assert "Of answered only" in words
    assert "1.000" in words
    assert "The example has neither an expected output nor references." in words
    assert "exact_match|v1|" in words
    assert "An error or a missing output scores as the worst." in words


def test_slices_have_intervals_and_small_ones_are_not_drawn(client, lead, project):
    run = scored(a_run(sliced_version(project)), *right(*range(1, 41)))
    page = page_of(client, run)
    tables = {table.field: table for table in page.context["slice_tables"]}
    assert [row.level for row in tables["half"].rows] == ["b", "a"]
    assert all(row.is_drawn for row in tables["half"].rows)
    few = next(row for row in tables["rare"].rows if row.level == "yes")
    assert (few.n, few.is_drawn) == (4, False)
    assert few.low < few.estimate.value
    assert "Slices under 20 examples are listed, not drawn." in text_of(page)


def test_another_metric_of_the_slices_comes_as_a_fragment(client, lead, project):
    run = scored(a_run(sliced_version(project), metrics=["exact_match", "chrf"]), *right(1, 2))
    answer = client.get(
        f"/runs/{run.public_id}/?metric=chrf",
        headers={"HX-Request": "true", "HX-Target": "slices"},
    )
    assert answer.content.decode().lstrip().startswith("<section")
    assert answer.context["slice_metric"].name == "chrf"
    assert "HX-Target" in answer["Vary"]


@pytest.mark.parametrize("direction", ["asc", "desc"])
def test_the_table_is_sorted_by_any_metric_and_says_so(client, lead, project, direction):
    run = scored(a_run(project=project, n=5, metrics=["exact_match", "chrf"]), *right(2, 4))
    page = page_of(client, run, f"?order=chrf&direction={direction}")
    keys = [line.key for line in page.context["lines"]]
    best, worst = ["q2", "q4"], ["q1", "q3", "q5"]
    assert keys == (worst + best if direction == "asc" else best + worst)
    said = {"asc": "ascending", "desc": "descending"}[direction]
    assert f'aria-sort="{said}"' in page.content.decode()
    assert "no output" in text_of(page)


def test_the_table_is_filtered_by_slice_and_by_what_is_wrong(client, lead, project):
    run = a_run(sliced_version(project, n=6))
    run = scored(run, *right(1, 2, 3, 4), {"key": "q5", "error": "boom"})

    def keys(query):
        return [line.key for line in page_of(client, run, query).context["lines"]]

    assert keys("?slice=half:a") == ["q2", "q4", "q6"]
    assert keys("?show=errors") == ["q5"]
    assert keys("?show=missing") == ["q6"]
    assert keys("?order=exact_match&show=unscored") == []
    assert keys("?slice=nothing:such&order=none&direction=up&show=x&from=-1") == []
    assert keys("?from=999999999999") == ["q1", "q2", "q3", "q4", "q5", "q6"]


def test_pages_of_outputs_follow_one_another(client, lead, project):
    run = scored(a_run(project=project, n=120), *right(*range(1, 121)))
    page = page_of(client, run, "?from=50&order=exact_match")
    assert page.context["lines"][0].key == "q51"
    assert page.context["pagination"] == {
        "shown": "51–100 of 120",
        "previous": "?order=exact_match&direction=asc#outputs",
        "next": "?order=exact_match&direction=asc&from=100#outputs",
    }


def test_a_run_page_takes_few_queries_however_much_it_shows(
    client, lead, project, django_assert_max_num_queries
):
    metrics = ["exact_match", "token_f1", "bleu", "chrf", "rouge_1", "rouge_2", "rouge_l"]
    run = scored(a_run(sliced_version(project), metrics=metrics), *right(*range(1, 61)))
    for number in range(10):
        scored(a_run(run.version, system=f"other-{number}"), *right(1))
    page_of(client, run)
    with django_assert_max_num_queries(25):
        page_of(client, run)


def test_progress_moves_and_the_finished_run_comes_in_its_place(client, lead, project, settings):
    settings.CHUNK_POSITIONS = 10
    run = finished(a_run(project=project, n=40), *right(*range(1, 41)))
    page = page_of(client, run)
    assert f'hx-get="/runs/{run.public_id}/progress/"' in page.content.decode()
    assert "0 of 40 outputs, not begun" in text_of(page).replace("\u202f", " ")
    assert "No worker is running" in text_of(page)
    part = client.get(f"/runs/{run.public_id}/progress/")
    assert part.content.decode().lstrip().startswith("<section")
    drain()
    whole = client.get(f"/runs/{run.public_id}/progress/")
    assert (whole["HX-Retarget"], whole["HX-Reswap"]) == ("#run", "outerHTML")
    assert "every 1s" not in whole.content.decode()
    assert "The run is scored." in text_of(whole)
    assert "1.000" in text_of(whole)


def test_asking_for_progress_is_cheap(client, lead, project, django_assert_max_num_queries):
    run = finished(a_run(project=project, n=40), *right(1))
    with django_assert_max_num_queries(8):
        client.get(f"/runs/{run.public_id}/progress/")


def test_labels_show_as_judged_by_people_while_they_are_worked_on_and_after(client, lead, project):
    run = scored(a_run(project=project, n=3), *right(1, 2, 3))
    assert "Nobody has judged these outputs yet" in text_of(page_of(client, run))
    publish(run, (0, "ada", 4.0), (0, "bo", 5.0), (1, "ada", None))
    assert 'hx-trigger="every 1s"' in page_of(client, run).content.decode()
    drain()
    words = text_of(page_of(client, run))
    assert "4.50" in words
    assert "Everyone who saw this output said that it cannot be judged." in words
    said = text_of(client.get(f"/runs/{run.public_id}/outputs/0/1/"))
    assert "ada 4 bo 5" in said
    assert "cannot judge" in text_of(client.get(f"/runs/{run.public_id}/outputs/1/1/"))


def test_one_output_is_shown_in_full_and_leads_to_its_neighbors(client, lead, project):
    run = scored(a_run(project=project, n=4, metrics=["chrf"]), *right(2, 4))
    page = client.get(f"/runs/{run.public_id}/outputs/0/1/?order=chrf&direction=desc")
    words = text_of(page)
    assert "What is q1?" in words
    assert "The system gave no output for this example; it scores as the worst." in words
    assert "3 of 4, by chrf, highest first." in words
    query = "?order=chrf&direction=desc"
    assert page.context["previous_url"] == f"/runs/{run.public_id}/outputs/3/1/{query}"
    assert page.context["next_url"] == f"/runs/{run.public_id}/outputs/2/1/{query}"


def test_everything_an_output_came_with_is_shown(client, lead, project):
    row = example_row(
        "q1", expected_output="a1", references=["b1"], context=["passage"], metadata={"t": "x"}
    )
    run = a_run(a_version(project, [row]))
    submit(
        run,
        {
            "key": "q1",
            "output": {"said": ["a1"]},
            "latency_ms": 1250.0,
            "cost": 0.002,
            "retrieved": [{"id": "d1", "score": 0.5, "text": "found"}],
            "metadata": {"node": "n7"},
        },
    )
    words = text_of(client.get(f"/runs/{run.public_id}/outputs/0/1/"))
    for said in ("passage", "b1", "1.25", "0.002", "1. d1 (0.5): found", "n7", "said"):
        assert said in words
    assert "Relevant, not retrieved" not in words


def test_retrieved_documents_stand_as_they_are_ranked_beside_what_was_missed(
    client, lead, project
):
    row = example_row("q1", relevant={"d2": 2, "d3": 0, "d8": 1, "d9": 3})
    run = a_run(a_version(project, [row]))
    scores = {"d1": 0.5, "d2": 0.75, "d3": 0.5}
    retrieved = [{"id": name, "score": score} for name, score in scores.items()]
    submit(run, {"key": "q1", "output": "", "retrieved": [*retrieved, {"id": "d1", "score": 0.1}]})

    words = text_of(client.get(f"/runs/{run.public_id}/outputs/0/1/"))

    lines = ["1. d2, grade 2 (0.75)", "2. d3, grade 0 (0.5)", "3. d1 (0.5)"]
    missed = ["Relevant, not retrieved", "d9, grade 3", "d8, grade 1"]
    places = [words.index(line) for line in (*lines, *missed)]
    assert places == sorted(places)
    assert "4. " not in words


@pytest.mark.parametrize("address", ["outputs/9/1/", "outputs/0/2/", "outputs/0/0/"])
def test_an_output_that_cannot_be_is_404(client, lead, project, address):
    run = a_run(project=project)
    assert client.get(f"/runs/{run.public_id}/{address}").status_code == 404


def test_what_others_wrote_is_text_on_every_page(client, lead, project):
    rows = [example_row(HOSTILE, expected_output=HOSTILE, metadata={HOSTILE: HOSTILE, "n": 1})]
    rows.append(example_row("b", expected_output="b", metadata={HOSTILE: "other", "n": 2}))
    run = a_run(
        a_version(project, rows),
        system_version=HOSTILE,
        params={"p": HOSTILE},
        tags=[HOSTILE],
        external_id=HOSTILE,
        git_commit=HOSTILE,
    )
    run = scored(run, {"key": HOSTILE, "output": HOSTILE}, {"key": "b", "error": HOSTILE})
    address = f"/runs/{run.public_id}/"
    for page in (address, f"{address}outputs/0/1/", f"{address}outputs/1/1/", "/p/town/runs/"):
        body = client.get(page).content.decode()
        assert "<script>alert" not in body
        assert "7*7" in body


def test_a_lead_adds_a_metric_and_scores_again(client, lead, project):
    run = scored(a_run(project=project), *right(1, 2), {"key": "q3", "output": "A3"})
    address = f"/runs/{run.public_id}/measure/"
    form = client.get(f"{address}?name=exact_match").context["form"]
    assert form.initial == {"metric": "exact_match", "name": ""}
    steps = {"param-normalize": "lowercase"}
    answer = client.post(address, {"metric": "exact_match", "name": "", **steps})
    assert answer.status_code == 302
    client.post(address, {"metric": "chrf", "name": "overlap"})
    drain()
    form = client.get(f"{address}?name=exact_match").context["form"]
    assert form["param-normalize"].initial == "lowercase"
    words = text_of(page_of(client, run))
    assert "1.000" in words
    assert "overlap" in words


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"metric": "blue"}, "metric"),
        ({"metric": "json_schema", "param-schema": "1"}, "param-schema"),
        ({"metric": "json_schema", "param-schema": "{'a': 1}"}, "param-schema"),
        ({"metric": "json_schema", "param-schema": '{"a": 1, "a": 2}'}, "param-schema"),
        ({"metric": "exact_match", "param-extract": "("}, "param-extract"),
        ({"metric": "exact_match", "param-normalize": "lowercase,upper"}, "param-normalize"),
        ({"metric": "numeric_match", "param-relative_tolerance": "2"}, "param-relative_tolerance"),
        ({"metric": "numeric_match", "param-number": "middle"}, "param-number"),
        ({"metric": "rouge_l", "param-stemmer": "maybe"}, "param-stemmer"),
        ({"metric": "pass_rate", "param-of": "bleu"}, "param-of"),
        ({"metric": "pass_rate", "param-of": '{"name": 1}'}, "param-of"),
        ({"metric": "pass_rate", "shown": "quantile", "param-of": "rouge_l"}, "__all__"),
        ({"metric": "chrf", "name": "a name"}, "name"),
        ({"metric": "judge_faithfulness"}, "metric"),
    ],
)
def test_a_metric_that_cannot_be_added_is_refused_beside_its_field(
    client, lead, project, given, field
):
    run = scored(a_run(project=project), *right(1, 2, 3))
    answer = client.post(f"/runs/{run.public_id}/measure/", given)
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [field]
    assert run.measurements.count() == 1


def test_a_cancelled_run_says_how_to_go_on(client, lead, project):
    run = a_run(project=project)
    cancel_run(run=run, actor=COMMAND_LINE)
    words = text_of(page_of(client, run))
    assert "This run was cancelled" in words
    assert "reopen" in words


def test_who_may_see_and_change_runs(client, project):
    run = scored(a_run(project=project), *right(1, 2, 3))
    seen = [f"/runs/{run.public_id}/{part}" for part in ("", "progress/", "outputs/0/1/")] + [
        "/p/town/runs/"
    ]
    change = f"/runs/{run.public_id}/measure/"

    def statuses(user):
        client.force_login(user)
        return {client.get(address).status_code for address in seen}, client.get(
            change
        ).status_code

    assert statuses(a_member(project, "lead")) == ({200}, 200)
    assert statuses(a_member(project, "viewer")) == ({200}, 403)
    assert statuses(a_member(project, "annotator")) == ({403}, 403)
    assert statuses(a_member(a_project(), "owner")) == ({404}, 404)
    client.logout()
    assert {client.get(address).status_code for address in [*seen, change]} == {302}


def test_a_viewer_is_offered_nothing_that_is_refused(client, project):
    run = scored(a_run(project=project), *right(1, 2, 3))
    client.force_login(a_member(project, "viewer"))
    body = page_of(client, run).content.decode()
    assert "/measure/" not in body
    assert "Start a campaign" not in body
