"""Nothing that an annotator can reach tells which system gave what, or what others answered.

Systems, runs and people have names that stand nowhere else; every page, reply and header that
leads on from what an annotator may open is searched for them.
"""

import json
import re
from collections import Counter, deque
from urllib.parse import urljoin, urlsplit

import pytest
from django.urls import reverse
from django.utils import timezone

from evalhub.accounts.services import COMMAND_LINE, issue_api_key
from evalhub.runs.models import Measurement, Output, Run, System, SystemVersion
from labeling import history
from labeling.models import Annotator, Campaign, Decision, Draft, Flag, Unit
from labeling.services.controls import set_control
from labeling.services.publication import publish
from tests.factories import a_member, a_project, a_user, a_version, example_row
from tests.labeling.building import BETTER, FAITHFUL, a_campaign, a_pairs_campaign, a_run, answered
from tests.world import addresses

pytestmark = pytest.mark.django_db

WHY = {"name": "why", "kind": "text", "required": False}
OTHERS = {"why": "veiled-critique"}
SECRET_NUMBERS = ("0.87654", "43.25")
# The reference is open to everybody; whether all is well says nothing of a campaign.
ELSEWHERE = ("web:docs", "web:openapi", "web:healthz", "web:readyz", "accounts:logout")
IDS = re.compile(r"\b(?:run|mea|sys|cmp)_[a-z0-9]{12,}")  # of anything but campaigns and units


def veil(campaign):
    """Give everything a name that is found nowhere else, and let others answer, flag, decide."""
    for at, system in enumerate(System.objects.filter(project=campaign.project)):
        System.objects.filter(pk=system.pk).update(slug=f"veiled-system-{at}")
    SystemVersion.objects.update(name='veiled-version "><b>')
    Output.objects.update(
        metadata='{"model":"veiled-model"}', trace_id="veiled-trace", cost=43.25, latency_ms=43.25
    )
    for run in campaign.runs.all():
        Measurement.objects.create(
            run=run, name="veiled-metric", metric="bleu", family="mean", value=0.87654,
            created_at=timezone.now(),
        )  # fmt: skip
    units = list(campaign.units.filter(twin__isnull=True))
    given = {"better": "first"} if campaign.is_of_pairs else {"faithful": 2}
    for name in ("veiled-rival", "veiled-judge"):
        rival = Annotator.objects.create(
            campaign=campaign, user=a_user(name), name=name, seed=1, guidelines_seen=1
        )
        for unit in units[:2]:
            answered(rival, unit, **given, **OTHERS)
        Flag.objects.create(unit=units[0], annotator=rival, note="veiled-flag", at=timezone.now())
    Decision.objects.create(
        unit=units[0], question_set=campaign.question_set, answers=given, reason="slip",
        note="veiled-decision", at=timezone.now(), decided_by=a_user("veiled-expert"),
    )  # fmt: skip
    explanation = "veiled-explanation"
    set_control(unit=units[-1], answers=given, explanation=explanation, actor=COMMAND_LINE)
    publish(campaign=campaign, actor=COMMAND_LINE)


@pytest.fixture(params=["outputs", "pairs", "qualification"])
def campaign(request):
    if request.param == "pairs":
        made = a_pairs_campaign(n=9, questions=[BETTER, WHY])
    elif request.param == "qualification":
        made = a_campaign(n=5, questions=[FAITHFUL, WHY], overlap=3, pass_mark=0.5)
    else:
        project = a_project()
        rows = [
            example_row(f"veiled-key-{at}", input=f"Why {at}?", metadata={"topic": "veiled-topic"},
                        expected_output="veiled-gold")
            for at in range(5)
        ]  # fmt: skip
        version = a_version(project, rows)
        runs = [a_run(version, [f"{name} {at}" for at in range(5)]) for name in ("One", "Two")]
        made = a_campaign(runs=runs, questions=[FAITHFUL, WHY], overlap=3, guidelines="Look.")
    veil(made)
    if request.param == "qualification":
        qualify(made)
    return made


def qualify(campaign):
    """Ask two outputs first; what is right there is told, and nothing else is."""
    free = campaign.units.filter(purpose="label", annotations__isnull=True, twin__isnull=True)
    for unit, tolerance in zip(free[:2], (0, 4), strict=True):  # the second is always right
        set_control(unit=unit, answers={"faithful": 4}, tolerance=tolerance,
                    explanation="The second claim is made up.", purpose="qualification",
                    actor=COMMAND_LINE)  # fmt: skip


def secrets_of(campaign):
    # Who is asked to qualify knows it; nobody else learns of one.
    purposes = ['"control"'] if campaign.pass_mark else ['"control"', "qualification"]
    return [
        *("veiled", *purposes, *SECRET_NUMBERS),
        *(run.public_id for run in campaign.runs.all()),
        *Measurement.objects.values_list("public_id", flat=True),
    ]


def leaks(answer, secrets):
    """Return what an answer tells that it must not, in its body or in a header."""
    body = answer.getvalue() if getattr(answer, "streaming", False) else answer.content
    headers = " ".join(f"{name}: {value}" for name, value in answer.headers.items())
    text = f"{headers}\n{body.decode(errors='replace')}".casefold()
    text = text.replace("cache-control", "").replace("x-frame-options", "")
    told = [secret for secret in secrets if secret.casefold() in text]
    return told or IDS.findall(text)


def addresses_in(page, at):
    """Return the addresses of ours that a page leads to."""
    found = re.findall(r'(?:href|action|src|data-at|hx-get)="([^"#]+)', page)
    return [urljoin(at, each.replace("&amp;", "&")) for each in found if "//" not in each]


def crawled(client, start):
    """Yield every answer that is reached from these addresses by following what they name."""
    waiting, seen = deque(start), set()
    while waiting:
        at = waiting.popleft()
        # The reference is open to everybody, and says what words mean.
        if at in seen or at.startswith(("/static/", "/api/v1/docs", "/api/v1/openapi")):
            continue
        seen.add(at)
        answer = client.get(at)
        yield at, answer
        if "Location" in answer:
            waiting.append(answer["Location"])
        elif answer.get("Content-Type", "").startswith("text/html"):
            waiting += addresses_in(answer.content.decode(), at)


def done_at_the_desk(client, desk):
    """Yield every answer to what one can do and look at there, as a form and as the script."""
    for headers in ({}, {"Accept": "application/json"}):
        page = client.get(desk, headers=headers)
        yield "the desk", page
        unit = re.search(r'data-unit="(unt_\w+)"', page.content.decode())[1]
        names = [unit, *Unit.objects.values_list("public_id", flat=True)]
        for do in ("draft", "flag", "unflag", "acknowledge", "stay", "look", "submit", "undo",
                   "submit", "reopen", "skip", "nothing"):  # fmt: skip
            fields = {"do": do, "unit": unit, "set": "1", "q0": "1", "number": "0", "shown": ""}
            yield do, client.post(desk, fields, headers=headers)
        yield "a refusal", client.post(desk, {"do": "submit", "unit": unit}, headers=headers)
        for name in names:
            yield "own", client.get(desk, {"own": name}, headers=headers)
            yield "differing", client.get(desk, {"differing": name}, headers=headers)
            yield "others'", client.post(desk, {"do": "submit", "unit": name}, headers=headers)
        yield "own", client.get(desk, {"own": "", "way": "older"}, headers=headers)


def refused_at_the_desk(client, desk, campaign):
    """Yield the answers to what cannot be done there: now, or any more."""
    page = client.get(desk).content.decode()
    fields = {"unit": re.search(r'data-unit="(unt_\w+)"', page)[1], "set": "1", "q0": "1"}
    for state in ("open", "paused", "closed"):
        Campaign.objects.filter(pk=campaign.pk).update(state=state)
        for headers in ({}, {"Accept": "application/json"}):
            yield state, client.get(desk, headers=headers)
            for more in ({"do": "draft", "number": "7"}, {"do": "submit", "set": "9"},
                         {"do": "submit", "person": "0"}, {"do": "flag"}, {"do": "undo"},
                         {"do": "reopen"}, {"do": "skip", "reason": "none"}):  # fmt: skip
                yield f"{state}: {more}", client.post(desk, {**fields, **more}, headers=headers)
    Campaign.objects.filter(pk=campaign.pk).update(state="open")


def asked_in_other_ways(client, at):
    """Yield what an address answers where a part of its page is asked for, and to a form."""
    headers = {"HX-Request": "true", "Accept": "application/json"}
    yield client.get(at, headers=headers)
    yield client.post(at, {"do": "publish"}, headers=headers)


def every_address(campaign):
    """Return the addresses that the rules of the service lead to in this campaign, and home."""
    parts = {
        "campaign_id": campaign.public_id,
        "project": campaign.project.slug,
        "run_id": campaign.runs.all()[0].public_id,
        "dataset": Run.objects.all()[0].version.dataset.slug,
        "version": "1", "number": 1, "position": 0, "attempt": 1,
        "unit_id": campaign.units.first().public_id,
        "annotator_id": Annotator.objects.earliest("pk").pk,
        "name": "annotations.csv",
    }  # fmt: skip
    named = {
        name: pattern.pattern.converters
        for name, pattern in addresses().items()
        if name not in ELSEWHERE and set(pattern.pattern.converters) <= set(parts)
    }
    found = [
        reverse(name, kwargs={part: parts[part] for part in wanted})
        for name, wanted in named.items()
    ]
    return ["/", reverse("labeling:desk", args=[campaign.public_id]), *found]


def every_answer(client, campaign):
    """Yield where every answer came from, with it."""
    desk = reverse("labeling:desk", args=[campaign.public_id])
    yield from done_at_the_desk(client, desk)
    yield from refused_at_the_desk(client, desk, campaign)
    starts = every_address(campaign)
    yield from crawled(client, starts)
    for at in starts:
        if not at.startswith("/api/"):
            yield from ((at, answer) for answer in asked_in_other_ways(client, at))


def test_no_page_reply_or_header_that_an_annotator_can_reach_tells_what_is_blind(client, campaign):
    client.force_login(a_member(campaign.project, "annotator"))
    secrets = secrets_of(campaign)
    found, statuses = {}, Counter()
    for at, answer in every_answer(client, campaign):
        statuses[answer.status_code] += 1
        # What one typed oneself comes back in an address that is refused: it is no news.
        known = [secret for secret in secrets if secret not in urlsplit(at).path]
        if told := leaks(answer, known):
            found[at] = told
    assert found == {}
    assert sum(statuses.values()) > 250
    assert {200, 302, 403, 404, 405, 409, 422} <= statuses.keys()


def test_own_answers_are_found_by_nothing_that_others_said_and_count_nobody_elses(
    client, campaign, monkeypatch
):
    client.force_login(a_member(campaign.project, "annotator"))
    desk = reverse("labeling:desk", args=[campaign.public_id])
    for words in ("earlier", "mine"):
        unit = re.search(r'data-unit="(unt_\w+)"', client.get(desk).content.decode())[1]
        client.post(desk, {"unit": unit, "set": "1", "q0": "1", "q1": words})
    own = reverse("labeling:history", args=[campaign.public_id])
    assert unit in client.get(own, {"words": "mine"}).content.decode()
    for words in ("veiled", "veiled-critique", "veiled-flag", "veiled-system-0"):
        assert "unt_" not in client.get(own, {"words": words}).content.decode()
    monkeypatch.setattr(history, "SHOWN", 1)
    older = re.search(r'\?words=&amp;before=([^"]*)', client.get(own).content.decode())[1]
    assert older == unit  # the key of a row would say how many answers everybody has given
    assert ">earlier<" in client.get(own, {"before": older}).content.decode()


def test_a_key_that_may_only_label_reads_nothing(client, campaign):
    _, secret = issue_api_key(project=campaign.project, name="label", scopes=["label"])
    headers = {"Authorization": f"Bearer {secret}"}
    unit = campaign.units.first()
    line = {"run": unit.run.public_id, "key": "x", "annotator": "a", "answers": {}}
    at = f"/api/v1/campaigns/{campaign.public_id}"
    answers = [
        client.post(f"{at}/annotations", json.dumps(line) + "\n", "application/x-ndjson",
                    headers=headers),
        *(client.get(f"{at}{part}", headers=headers)
          for part in ("", "/annotations", "/agreement", "/decisions", "/preferences")),
    ]  # fmt: skip
    secrets = [each for each in secrets_of(campaign) if not each.startswith("run_")]
    assert [leaks(answer, secrets) for answer in answers] == [[]] * len(answers)
    assert {answer.status_code for answer in answers[1:]} == {403}


def test_a_unit_of_other_people_is_not_opened_by_its_name(client, campaign):
    client.force_login(a_member(campaign.project, "annotator"))
    desk = reverse("labeling:desk", args=[campaign.public_id])
    client.get(desk)
    dealt = Draft.objects.filter(annotator__user__username__startswith="person")
    others = campaign.units.exclude(pk__in=dealt.values("unit")).filter(twin__isnull=True)
    assert others
    for unit in others:
        for query in ({"own": unit.public_id}, {"differing": unit.public_id}):
            assert client.get(desk, query).status_code == 404
        for do in ("submit", "flag"):
            refused = client.post(desk, {"do": do, "unit": unit.public_id})
            assert refused.status_code == 404
