"""The judge pages: what is set, the rubrics word for word, every call, and nothing pretended."""

import re
from html import unescape

import pytest
from django.db.models.expressions import Value
from django.urls import reverse

from evalhub.judging.models import JudgeCall
from evalhub.runs.models import Output
from metrics.judge import RUBRICS
from metrics.reasons import Reason
from tests.evalhub.judging.building import BOTH, a_call, answers, bridges, calls, judged
from tests.evalhub.judging.conftest import KEY
from tests.evalhub.judging.endpoint import judges, refuses, says
from tests.factories import a_member, a_project

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    return a_project("town")


@pytest.fixture
def page(client, project):
    """Return a function that fetches a page of the project for a viewer, as text."""
    client.force_login(a_member(project, "viewer"))

    def fetch(name="judging:list", query="", **parts):
        address = reverse(name, kwargs={"project": project.slug, **parts})
        response = client.get(address + query)
        assert response.status_code == 200, response.content
        return response.content.decode()

    return fetch


def words(html):
    """Return what a page says, without markup."""
    main = html[html.index("<main") : html.index("</main>")]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", main)).split())


# What is set.


def test_without_an_endpoint_the_page_says_how_to_set_one(page):
    said = words(page())

    assert "No judge is set up" in said
    for name in ("EVALHUB_JUDGE_URL=", "EVALHUB_JUDGE_MODEL=", "EVALHUB_JUDGE_KEY="):
        assert name in said
    assert "measurements" not in said, "nothing offers what is refused"


def test_with_an_endpoint_the_page_names_model_and_host_and_no_more(page, settings):
    settings.JUDGE_URL = "https://someone:secret-word@judge.example.org:8443/private/v1?token=t0k"
    settings.JUDGE_MODEL, settings.JUDGE_KEY = "tiny-judge", KEY

    html = page()

    assert "tiny-judge judges here" in words(html)
    assert "Endpoint judge.example.org:8443 Key set" in words(html)
    for secret in (KEY, "secret-word", "private", "t0k"):
        assert secret not in html


def test_only_those_who_may_submit_are_told_how_to_ask(page, settings, client, project):
    settings.JUDGE_URL, settings.JUDGE_MODEL = "http://judge.example.org/v1", "tiny-judge"
    assert "/measurements" not in page()

    client.force_login(a_member(project, "lead"))

    assert "/api/v1/runs/" in page()


def test_rubrics_stand_there_word_for_word(page):
    said = words(page())

    for rubric in RUBRICS.values():
        assert f"judge_{rubric.name} , version {rubric.version}" in said
        for text in (rubric.title, rubric.question, rubric.guidance, *rubric.scale):
            assert text in said


# The ledger.


def test_calls_are_listed_newest_first_with_verdict_or_reason(page, project, endpoint):
    endpoint.script = lambda asked: (
        says("Good.") if "1892" in asked.material else judges(4, "One detail goes beyond.")
    )
    judged(*answers(2), version=bridges(2, project))

    said = words(page())

    assert "4 of 5 One detail goes beyond." in said
    assert f"no verdict {Reason.NO_VERDICT.sentence}" in said
    assert "200, 20" in said


def test_a_failed_call_says_why(page, project, endpoint):
    endpoint.script = lambda asked: refuses(401, "Who are you?")
    judged(*answers(1), version=bridges(1, project))

    said = words(page())

    assert f"failed {Reason.JUDGE_REFUSED.sentence}" in said
    assert 'The endpoint answered 401 Unauthorized: "Who are you?".' in said
    assert "unknown" in said, "tokens that nobody told"


def test_a_call_that_is_being_asked_is_shown_as_that(page, project):
    a_call(project, state="asking", verdict=None, answered_at=None)

    assert "asking" in words(page())
    assert "being asked" in words(page("judging:call", digest="0" * 64))


def test_totals_stand_by_rubric_and_model(page, project, endpoint):
    usage = {"prompt_tokens": 1_000, "completion_tokens": 50, "cost": 0.25}
    endpoint.script = lambda asked: says(
        '{"score": 3}', **({"usage": usage} if asked.rubric == "faithfulness" else {"usage": {}})
    )
    judged(*answers(3), metrics=BOTH, version=bridges(3, project))

    said = words(page())

    assert "answer_relevance v1 tiny-judge 3 3 0 0 unknown unknown unknown" in said
    assert "faithfulness v1 tiny-judge 3 3 0 0 3 000 150 0.7500" in said


def test_pages_of_calls_follow_each_other(page, project):
    for number in range(120):
        a_call(project, digest=f"{number:064}", explanation=f"(call {number})")

    seen, html = [], page()
    while True:
        seen += [int(number) for number in re.findall(r"\(call (\d+)\)", html)]
        following = re.search(r'href="(\?before=\d+)#calls"', html)
        if not following:
            break
        html = page(query=following[1])

    assert seen == list(reversed(range(120)))
    assert 'href="?#calls"' in html
    assert len(page(query="?before=nonsense")) == len(page(query="?before=-1"))


def test_the_list_reads_the_ledger_in_a_fixed_number_of_queries(
    page, project, django_assert_max_num_queries
):
    for number in range(60):
        a_call(project, digest=f"{number:064}")

    with django_assert_max_num_queries(8):
        page()


def test_another_projects_calls_are_not_there(page, client, project):
    a_call(a_project(), explanation="Of somebody else.")

    assert "Of somebody else." not in page()
    address = reverse("judging:call", kwargs={"project": project.slug, "digest": "0" * 64})
    assert client.get(address).status_code == 404


# One call.


def test_one_call_shows_what_was_sent_and_what_came_back(page, project, endpoint):
    endpoint.script = lambda asked: judges(4, "One detail goes beyond.")
    run = judged(*answers(1), version=bridges(1, project))

    html = page("judging:call", digest=calls()[0].digest)

    said = words(html)
    assert "Faithfulness: 4 of 5" in said
    assert reverse("runs:output", args=[run.public_id, 0, 1]) in html
    for text in ("One detail goes beyond.", "Bridge 1 was opened in 1891.", "In 1891."):
        assert text in said
    assert "Sent as system" in said
    assert "max_tokens 4096, temperature 0" in said


@pytest.mark.parametrize("change", ["output", "rubric", "run"])
def test_what_was_sent_is_not_made_up_when_it_cannot_be_known(page, project, endpoint, change):
    judged(*answers(1), version=bridges(1, project))
    changes = {
        "output": lambda: Output.objects.update(text="Another."),
        "rubric": lambda: JudgeCall.objects.update(rubric=Value("beauty")),
        "run": lambda: JudgeCall.objects.update(run=None),
    }
    changes[change]()

    said = words(page("judging:call", digest=calls()[0].digest))

    assert "can no longer be shown" in said
    assert "Sent as system" not in said


def test_what_models_write_is_text_and_never_markup(page, project):
    nasty = "<script>alert(1)</script>\u202e<img src=x onerror=alert(1)>"
    a_call(project, explanation=nasty, reply=nasty, error=nasty, model=nasty[:200])

    for html in (page(), page("judging:call", digest="0" * 64)):
        assert "<script>alert" not in html
        assert "<img" not in html
        assert "&lt;script&gt;alert(1)" in html
        assert "U+202E" in html


@pytest.mark.parametrize("digest", ["0" * 63, "x", "..", "0" * 64])
def test_a_call_that_does_not_exist_is_not_found(client, project, digest):
    client.force_login(a_member(project, "viewer"))

    address = f"/p/{project.slug}/judges/calls/{digest}/"

    assert client.get(address).status_code == 404
