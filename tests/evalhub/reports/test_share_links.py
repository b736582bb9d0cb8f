"""Links that show one report to whoever has them."""

import re
from datetime import timedelta

import pytest
from django.test import Client

from evalhub.accounts.models import AuditEvent
from evalhub.accounts.services import COMMAND_LINE
from evalhub.reports.models import ShareLink
from evalhub.reports.services import compare_runs
from tests.evalhub.reports.test_answers import hostile_pair
from tests.factories import a_member, a_project

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    return a_project("town")


@pytest.fixture
def comparison(project):
    old, new = hostile_pair(project, {1, 2})
    return compare_runs(baseline=old, candidate=new, actor=COMMAND_LINE)


@pytest.fixture
def lead(client, project):
    client.force_login(a_member(project, "lead"))
    return client


def made(lead, comparison, days="7"):
    """Return the answer that makes a link, and the address that it shows."""
    answer = lead.post(f"/comparisons/{comparison.public_id}/links/", {"days": days})
    found = re.search(r"http://testserver(/shared/[\w-]{43}/)<", answer.content.decode())
    return answer, found[1] if found else ""


def test_a_link_shows_the_report_to_somebody_without_an_account(lead, comparison):
    made_answer, address = made(lead, comparison)
    assert "no-store" in made_answer["Cache-Control"]
    answer = Client().get(address)
    page = answer.content.decode()
    assert (answer.status_code, answer["X-Robots-Tag"]) == (200, "noindex, nofollow")
    assert answer["Referrer-Policy"] == "no-referrer"
    assert "no-store" in answer["Cache-Control"]
    assert answer["Content-Security-Policy"].startswith("default-src 'none'; style-src 'sha256-")
    assert "2 examples got worse on em_x@y" in page
    # It leads nowhere, and says nothing of the project around it.
    assert re.findall(r' href="(?!#)[^"]*"|<form|<script', page) == []
    assert comparison.project.slug not in re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)
    assert Client().post(address).status_code == 405


def test_the_token_is_kept_by_its_digest_alone_and_the_list_shows_who_made_it(lead, comparison):
    _, address = made(lead, comparison, "30")
    (link,) = ShareLink.objects.all()
    token = address.split("/")[2]
    assert token not in {str(value) for value in vars(link).values()}
    assert link.expires_at - link.created_at == timedelta(days=30)
    page = lead.get(f"/comparisons/{comparison.public_id}/").content.decode()
    assert token not in page
    assert f"by {link.created_by.username}" in page
    assert f"/links/{link.public_id}/revoke" in page


def test_a_link_that_is_over_says_so_and_names_nothing(lead, comparison):
    addresses = [made(lead, comparison)[1] for _ in range(2)]
    revoked, expired = ShareLink.objects.order_by("pk")
    for _ in range(2):
        lead.post(f"/comparisons/{comparison.public_id}/links/{revoked.public_id}/revoke")
    expired.expires_at = expired.created_at
    expired.save()
    cases = [
        (addresses[0], 410, "This link to a report was revoked."),
        (addresses[1], 410, "This link to a report has expired."),
        ("/shared/" + "A" * 43 + "/", 404, "There is no such link."),
        ("/shared/short/", 404, "There is no such link."),
    ]
    for address, status, words in cases:
        answer = Client().get(address)
        page = answer.content.decode()
        assert (answer.status_code, words in page) == (status, True)
        assert (answer["X-Robots-Tag"], answer["Referrer-Policy"]) == (
            "noindex, nofollow",
            "no-referrer",
        )
        assert "em_x" not in page
    entries = AuditEvent.objects.filter(subject=comparison.public_id).order_by("pk")
    assert [(entry.verb, entry.detail.get("link")) for entry in entries][-3:] == [
        ("share report", revoked.public_id),
        ("share report", expired.public_id),
        ("revoke share link", revoked.public_id),
    ]


@pytest.mark.parametrize("days", ["", "8", "-7", "7.0", "٧", "7\n"])
def test_a_link_holds_for_one_of_three_times(lead, comparison, days):
    assert made(lead, comparison, days)[0].status_code == 422
    assert not ShareLink.objects.exists()


def test_a_link_of_another_report_is_not_revoked_by_this_one(lead, project, comparison):
    made(lead, comparison)
    other = compare_runs(
        baseline=comparison.candidate, candidate=comparison.baseline, actor=COMMAND_LINE
    )
    link = ShareLink.objects.get()
    answer = lead.post(f"/comparisons/{other.public_id}/links/{link.public_id}/revoke")
    assert answer.status_code == 404
    assert ShareLink.objects.get().revoked_at is None


def test_a_viewer_neither_makes_nor_sees_links(client, lead, project, comparison):
    made(lead, comparison)
    client.force_login(a_member(project, "viewer"))
    assert made(client, comparison)[0].status_code == 403
    page = client.get(f"/comparisons/{comparison.public_id}/").content.decode()
    assert ShareLink.objects.get().public_id not in page
