"""What benchmarks of the desk do inside the service's database: make people, and look at it.

It is a program of its own, run with the environment of the service that is measured.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PASSED_ON = ("DATABASE_URL", "EVALHUB_DATA_DIR", "PATH", "HOME")


def people(environment: Mapping[str, str], project: str, n: int) -> list[str]:
    """Make annotators who are logged in, and return the keys of their sessions."""
    sessions: list[str] = _inside(environment, "people", {"project": project, "n": n})
    return sessions


def state_of(environment: Mapping[str, str], campaign: str) -> dict[str, Any]:
    """Return what is stored of a campaign, and every rule that is broken in it."""
    state: dict[str, Any] = _inside(environment, "state", {"campaign": campaign})
    return state


def _inside(environment: Mapping[str, str], what: str, given: Mapping[str, Any]) -> Any:
    kept = {name: environment[name] for name in PASSED_ON if name in environment}
    done = subprocess.run(
        [sys.executable, __file__, what, json.dumps(given)],
        cwd=ROOT,
        env={**kept, "DJANGO_SETTINGS_MODULE": "evalhub.settings", "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        check=True,
        timeout=300,
    )
    return json.loads(done.stdout)


# In the process of its own


def _make_people(project: str, n: int) -> list[str]:
    from importlib import import_module  # noqa: PLC0415 - as the others

    from django.conf import settings  # noqa: PLC0415 - after setup
    from django.contrib.auth import (  # noqa: PLC0415 - after setup
        BACKEND_SESSION_KEY,
        HASH_SESSION_KEY,
        SESSION_KEY,
    )
    from django.utils import timezone  # noqa: PLC0415 - after setup

    from evalhub.accounts.models import Membership, Project, User  # noqa: PLC0415 - after setup

    found, sessions = Project.objects.get(slug=project), []
    start = User.objects.count()
    for at in range(start, start + n):
        user = User.objects.create_user(f"bench-{at:05}")
        Membership.objects.create(
            project=found, user=user, role="annotator", created_at=timezone.now()
        )
        session = import_module(settings.SESSION_ENGINE).SessionStore()
        session[SESSION_KEY] = str(user.pk)
        session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
        session[HASH_SESSION_KEY] = user.get_session_auth_hash()
        session.save()
        sessions.append(str(session.session_key))
    return sessions


def _state(campaign: str) -> dict[str, Any]:
    from labeling.models import Annotation, AnnotationRevision, Campaign  # noqa: PLC0415 - after setup

    wanted = Campaign.objects.get(public_id=campaign)
    answers = Annotation.objects.filter(annotator__campaign=wanted)
    rows = answers.values_list(
        *("annotator__user_id", "unit__public_id", "bundle", "answers", "state"),
        *("is_swapped", "revision"),
    )
    old = AnnotationRevision.objects.filter(annotation__annotator__campaign=wanted)
    return {
        "answers": [list(row) for row in rows],
        "old": [
            list(row)
            for row in old.values_list(
                "annotation__annotator__user_id", "annotation__unit__public_id", "answers"
            )
        ],
        "bundles": dict(wanted.units.values_list("public_id", "bundle")),
        "systems": {
            unit: [first, second]
            for unit, first, second in wanted.units.values_list(
                "public_id",
                "run__system_version__system__slug",
                "second_run__system_version__system__slug",
            )
        },
        "open": wanted.slots.exclude(state="done").count(),
        "broken": dict(_broken(wanted)),
    }


def _broken(campaign: Any) -> Counter[str]:
    """Count what must never be, by what it is."""
    from labeling.models import Annotation, Draft  # noqa: PLC0415 - after setup

    broken: Counter[str] = Counter()
    given = Annotation.objects.given().filter(annotator__campaign=campaign)
    at_desk = given.filter(slot__isnull=False)
    most = campaign.overlap + campaign.extra_overlap
    of_unit = Counter(at_desk.filter(unit__purpose="label").values_list("unit", flat=True))
    broken["units answered by more people than wanted"] = sum(n > most for n in of_unit.values())
    in_slot = Counter(at_desk.values_list("slot", flat=True))
    for slot in campaign.slots.all():
        n = in_slot[slot.pk]
        broken["slots that count other answers than they hold"] += slot.n_answered != n
        broken["slots done before they are full"] += slot.state == "done" and n < slot.n_units
        broken["full slots that are not done"] += n >= slot.n_units and slot.state != "done"
        broken["leased slots of nobody"] += slot.state == "leased" and slot.annotator_id is None
        broken["open slots of somebody"] += slot.state == "open" and slot.annotator_id is not None
    by_person = Counter(given.values_list("annotator", flat=True))
    for person in campaign.annotators.all():
        broken["people who count other answers than theirs"] += (
            person.n_answered != by_person[person.pk]
        )
    answered = set(given.values_list("annotator", "unit"))
    drafts = Draft.objects.filter(annotator__campaign=campaign)
    broken["drafts of what is answered"] = sum(
        pair in answered for pair in drafts.values_list("annotator", "unit")
    )
    return broken


if __name__ == "__main__":
    import django

    django.setup()
    asked = {"people": _make_people, "state": _state}[sys.argv[1]]
    json.dump(asked(**json.loads(sys.argv[2])), sys.stdout)
