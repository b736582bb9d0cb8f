"""The scorer pages and their REST interface: proposed, approved, tried, changed, retired."""

import json
import socket
from typing import Any

import pytest
from django.core.serializers import serialize
from django.test import Client
from django.urls import reverse

from evalhub.accounts.models import AuditEvent
from evalhub.scorers.models import Approval, Revision, Scorer, Secret
from evalhub.scorers.selectors import newest_revision
from tests.evalhub.judging.endpoint import hangs, sends
from tests.evalhub.scorers.building import a_scorer, answers
from tests.factories import a_key, a_member, a_project

pytestmark = pytest.mark.django_db
BODY = {
    "slug": "polite",
    "url": "https://scorer.example.org/score",
    "version": "1",
    "low": 0,
    "high": 1,
}
WORD = "swordfish-77"
TYPED = {
    **BODY,
    "higher_is_better": "true",
    "timeout_seconds": "5",
    "batch_size": "10",
    "header": "Authorization",
}


@pytest.fixture
def project():
    return a_project("town")


def as_(project, role):
    client = Client()
    client.force_login(a_member(project, role))
    return client


def address(name, slug="polite"):
    of = {} if name == "new" else {"slug": slug}
    return reverse(f"scorers:{name}", kwargs={"project": "town", **of})


def propose(project, *, role="lead", **members):
    return Client().post(
        reverse("scorers:api_scorers", args=["town"]),
        json.dumps({**BODY, **members}),
        content_type="application/json",
        headers=a_key(project, role),
    )


# Proposing.


def test_a_lead_proposes_over_rest_and_sees_it_unapproved(project):
    answer = propose(project, title="Polite", secret=WORD, header="X-Key")

    assert answer.status_code == 201
    said = answer.json()
    assert (said["metric"], said["revision"], said["is_approved"]) == ("remote_polite", 1, False)
    assert said["origin"] == "https://scorer.example.org"
    assert said["has_secret"] is True
    assert WORD not in answer.content.decode()


def test_what_cannot_change_a_number_is_changed_in_place(project):
    propose(project)

    assert propose(project, title="Polite", batch_size=7, timeout_seconds=3).status_code == 200
    assert Revision.objects.count() == 1
    assert (Scorer.objects.get().batch_size, Scorer.objects.get().title) == (7, "Polite")


@pytest.mark.parametrize(
    "change",
    [
        {"url": "https://scorer.example.org/other"},
        {"version": "2"},
        {"higher_is_better": False},
        {"low": -1},
        {"high": None},
        {"is_binary": True},
    ],
)
def test_what_can_change_a_number_is_another_revision(project, change):
    propose(project)

    answer = propose(project, **change)

    assert (answer.status_code, answer.json()["revision"]) == (201, 2)
    assert Revision.objects.get(number=1).version == "1"


WRONG: dict[str, list[Any]] = {
    "slug": ["", "A", "a b", "-a", "x" * 51, "ü"],
    "url": ["scorer", "ftp://a.example.org/", "http://127.0.0.1/", "http://u:p@a.example.org/"],
    "version": ["", " ", "a\nb", "x" * 101],
    "timeout_seconds": [0, 301, "30", True],
    "batch_size": [0, 501, 1.5],
    "low": [1, 2, "0"],
    "high": [0, 1e13, [1]],
    "higher_is_better": ["yes", 1],
    "header": ["", "a b", "Host", "content-length", "a:b"],
    "secret": ["a\nb", "é", "x" * 2_001, " a"],
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in WRONG.items() for value in values]
)
def test_a_wrong_member_is_named_and_changes_nothing(project, name, value):
    answer = propose(project, **{name: value})

    assert answer.status_code == 422
    fields = {one["field"] for one in answer.json()["errors"]}
    assert name in fields or (name == "low" and fields == {"high"})
    assert not Scorer.objects.exists()


@pytest.mark.parametrize(
    "host", ["localhost:22", "0x7f000001", "2130706433", "127.1", "inside.town.test"]
)
def test_a_name_that_leads_inside_is_refused_when_it_is_proposed(project, monkeypatch, host):
    real = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda name, *more, **named: real(
            "10.0.0.1" if name == "inside.town.test" else name, *more, **named
        ),
    )

    answer = propose(project, url=f"http://{host}/")

    assert answer.status_code == 422
    (fault,) = answer.json()["errors"]
    assert (fault["field"], fault["code"]) == ("url", "address")
    assert "EVALHUB_OUTBOUND_ALLOW" in fault["detail"]
    assert not Scorer.objects.exists()


def test_a_name_that_leads_nowhere_is_taken_with_a_remark(project, settings):
    remark = (
        "scorer.example.org leads nowhere just now. "
        "The name is looked up again whenever the scorer is asked."
    )
    assert propose(project).json()["remark"] == remark
    page = as_(project, "lead").post(
        f"{address('new')}?of=polite", {**TYPED, "version": "2"}, follow=True
    )
    assert remark in page.content.decode()

    settings.OUTBOUND_ALLOW = ["localhost"]
    assert propose(project, url="http://localhost/").json()["remark"] is None


def test_a_name_that_is_taken_is_refused_by_the_page_of_new_scorers(project):
    propose(project)
    lead = as_(project, "lead")

    refused = lead.post(address("new"), {**TYPED, "version": "2"})
    assert refused.status_code == 422
    page = refused.content.decode()
    assert "There is a scorer polite already; change it there, or take another name." in page
    assert f'href="{address("detail")}"' in page
    assert newest_revision(Scorer.objects.get()).number == 1

    propose(project, slug="brief")
    of_brief = f"{address('new')}?of=brief"
    assert lead.post(of_brief, {**TYPED, "version": "2"}).status_code == 422
    assert lead.post(f"{address('new')}?of=polite", {**TYPED, "version": "2"}).status_code == 302
    assert newest_revision(Scorer.objects.get(slug="polite")).number == 2


def test_a_form_proposes_too_and_puts_faults_beside_their_fields(project):
    lead = as_(project, "lead")
    typed = {**TYPED, "secret": f"Bearer {WORD}"}

    wrong = lead.post(address("new"), {**typed, "url": "http://10.0.0.1/"})
    assert wrong.status_code == 422
    assert "EVALHUB_OUTBOUND_ALLOW" in wrong.content.decode()
    assert WORD not in wrong.content.decode()

    assert lead.post(address("new"), typed).status_code == 302
    assert newest_revision(Scorer.objects.get()).url == BODY["url"]
    page = lead.get(address("detail")).content.decode()
    again = lead.get(address("new") + "?of=polite").content.decode()
    assert "waits for approval" in page
    assert WORD not in page + again


# The secret.


def test_a_secret_is_kept_for_its_host_and_goes_with_it(project):
    propose(project, secret=WORD)
    propose(project, version="2")
    assert Secret.objects.get().value == WORD

    propose(project, url="https://elsewhere.example.org/")
    assert not Secret.objects.exists()


def test_an_empty_secret_forgets_the_one_that_is_kept(project):
    propose(project, secret=WORD)
    propose(project, secret="")

    assert not Secret.objects.exists()


def test_a_secret_stands_in_no_other_table_no_log_and_no_answer(project, caplog):
    propose(project, secret=WORD)
    owner = as_(project, "owner")
    pages = [owner.get(address("detail")), owner.get(reverse("scorers:list", args=["town"]))]
    listed = Client().get(reverse("scorers:api_scorers", args=["town"]), headers=a_key(project))

    rows = [*Scorer.objects.all(), *Revision.objects.all(), *AuditEvent.objects.all()]
    shown = [serialize("json", rows), caplog.text, repr(Secret.objects.get())]
    shown += [one.content.decode() for one in [*pages, listed]]
    assert not any(WORD in one for one in shown)


# Approving.


def test_an_owner_approves_the_host_that_was_looked_at(project):
    a_scorer(project, approved=False)
    owner = as_(project, "owner")
    origin = "https://scorer.example.org"

    owner.post(address("host"), {"do": "approve", "origin": origin})
    assert Approval.objects.get().origin == origin
    assert "approved by" in owner.get(address("detail")).content.decode()
    assert AuditEvent.objects.filter(verb="approve host", subject=origin).exists()

    owner.post(address("host"), {"do": "withdraw", "origin": origin})
    assert not Approval.objects.exists()
    assert AuditEvent.objects.filter(verb="withdraw host", subject=origin).exists()


def test_an_address_that_changed_since_is_not_approved(project):
    a_scorer(project, approved=False)
    a_scorer(project, url="https://elsewhere.example.org/", approved=False)

    said = as_(project, "owner").post(
        address("host"), {"do": "approve", "origin": "https://scorer.example.org"}
    )

    assert said.status_code == 409
    assert not Approval.objects.exists()


def test_an_approval_holds_in_its_project_alone(project):
    a_scorer(project)
    other = a_scorer(a_project(), approved=False)

    assert not Approval.objects.filter(project=other.project).exists()


# Trying.


def tried(project, endpoint, behavior, **fields):
    endpoint.script = lambda asked: behavior
    a_scorer(project, url=endpoint.url, **fields)
    return as_(project, "lead").post(address("try")).content.decode()


def test_a_trial_shows_the_value_and_the_scorers_words(project, endpoint):
    said = [{"id": "sample", "value": 0.25, "reason": "curt <b>"}]

    page = tried(project, endpoint, answers(said))

    assert "It scores the sample with 0.250." in page
    assert "curt &lt;b&gt;" in page
    assert endpoint.asked[0].body["items"][0]["output"] == "The capital of France is Paris."


@pytest.mark.parametrize(
    ("behavior", "sentence"),
    [
        (sends(500, b"secret words"), "The answer was 500 Internal Server Error."),
        (sends(200, b"{}"), "The answer has no &quot;protocol&quot;: 1."),
        (answers([]), "answer left this output out."),
        (answers([{"id": "sample", "value": 2}]), "outside of the range it declares."),
    ],
)
def test_a_trial_shows_what_went_wrong(project, endpoint, behavior, sentence):
    page = tried(project, endpoint, behavior)

    assert sentence in page
    assert "secret words" not in page


def test_a_trial_does_not_wait_for_ever(project, endpoint):
    page = tried(project, endpoint, hangs(lambda: endpoint), timeout_seconds=0.2)

    assert "There was no whole answer within 0.2 seconds." in page


def test_what_is_not_approved_is_not_tried(project, endpoint):
    a_scorer(project, url=endpoint.url, approved=False)

    answer = as_(project, "lead").post(address("try"))

    assert answer.status_code == 409
    assert "no owner of the project has approved" in answer.content.decode()
    assert endpoint.asked == []


# Retiring.


def test_a_retired_scorer_stays_listed_and_may_be_proposed_anew(project):
    a_scorer(project, secret=WORD)
    lead = as_(project, "lead")

    lead.post(address("retire"))
    page = lead.get(reverse("scorers:list", args=["town"])).content.decode()
    assert "retired" in page
    assert not Secret.objects.exists()

    assert propose(project).json()["is_retired"] is False
