"""Strange addresses and queries: not found or refused, and never a failure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from urllib.parse import quote

from django.test import Client

from tests import hostile
from tests.architecture.sources import CODE, read
from tests.evalhub.hostile.doors import DOORS, MOST_CPU_SECONDS, stored
from tests.evalhub.intake.bounds import bounded
from tests.world import World, addresses, savepoint, undone


def is_rest(name: str) -> bool:
    return str(addresses()[name].pattern).startswith("api/")


def odd_parts(name: str, number: int) -> Iterator[dict[str, object]]:
    """Yield parts for an address, one of them odd: every third there is, others each time."""
    for part, converter in addresses()[name].pattern.converters.items():
        is_number = converter.regex == "[0-9]+"
        odd = hostile.ODD_NUMBERS if is_number else hostile.ODD_PARTS
        for value in hostile.sampled(odd, number, every=3):
            yield {part: value}


def strange_address(world: World, name: str, parts: dict[str, object]) -> str:
    """Return an address whose parts need not be what its pattern asks for."""
    known = {**world.parts, **parts}
    route = str(addresses()[name].pattern)
    filled = re.sub(r"<(?:\w+:)?(\w+)>", lambda found: str(known[found[1]]), route)
    return f"/{quote(filled, safe='/')}"


def test_an_address_of_strange_parts_is_not_found(world, headers):
    client, found, before = Client(raise_request_exception=False), [], stored()
    client.force_login(world.people["owner"])
    for number, name in enumerate(addresses()):
        for parts in odd_parts(name, number):
            address = strange_address(world, name, parts)
            for method in ("GET", "POST") if name in DOORS else ("GET",):
                with savepoint(), bounded(seconds=MOST_CPU_SECONDS):
                    answer = client.generic(
                        method, address, headers=headers if is_rest(name) else {}
                    )
                if not 400 <= answer.status_code < 500:
                    found.append((method, address[:100], answer.status_code))
    assert found == []
    assert stored() == before


READS = re.compile(r"(?:GET|query_params|query|given)\.get(?:list)?\(\s*[\"'](\w+)[\"']")
ASKED = (
    *("", "\ufffd", "x" * 5_000, "-1", "0", "9" * 30, "9" * 5_000, "NaN", "1e999", "²", "[", ":"),
    *("field:", ":level", "topic:" + "x" * 1_000, "!!", "W10", "eyJhIjogMX0"),
    *("WyIiLCBudWxsLCAtMV0", "WyIiLCAxZTk5OSwgMV0", "IlxcdWQ4MDAi", "WyJcXHUwMDAwIiwgMS4wLCAxXQ"),
    *("OTk5OTk5OTk5OTk5OTk5OTk5OTk5", "<script>", "' OR 1=1", "\u202e", "\U0010ffff"),
    *("true", "desc", "json", "junit"),
)


def options_of(name: str) -> list[str]:
    """Return the options that the code of an address reads from the query."""
    return read_by(name.partition(":")[0])


@cache
def read_by(app: str) -> list[str]:
    """Return the options that the code of an app reads."""
    folder = "labeling/" if app == "labeling" else f"evalhub/{app}/"
    paths = [path for path in CODE if str(path).startswith((folder, "evalhub/api.py"))]
    return sorted({option for path in paths for option in READS.findall(read(path))})


def test_the_options_that_the_code_reads_are_found():
    known = {"cursor", "limit", "wait", "order", "slice", "direction", "metric"}
    assert known <= {*options_of("runs:api_outputs")}
    assert {"q", "from", "slice"} <= {*options_of("datasets:version")}


def test_a_strange_query_is_answered_or_refused_and_never_a_failure(world, headers):
    client, found = Client(raise_request_exception=False), []
    client.force_login(world.people["owner"])
    readable = [name for name in addresses() if name not in ONLY_POSTED]
    for number, name in enumerate(readable):
        base = world.comparing if name.startswith("reports:") else {}
        for at, option in enumerate([*options_of(name), "unheard_of"]):
            asked = ASKED[(7 * number + at) % len(ASKED)]
            with undone(), bounded(seconds=MOST_CPU_SECONDS):
                answer = client.get(
                    world.address(name),
                    {**base, option: asked},
                    headers=headers if is_rest(name) else {},
                )
            if answer.status_code >= 500 or answer.status_code == 405:
                found.append((name, option, asked[:40], answer.status_code))
    assert found == []


ONLY_POSTED = {
    *("accounts:logout", "accounts:member", "accounts:key_revoke", "datasets:tag"),
    *("accounts:member_password", "accounts:invitation_revoke", "accounts:api_invitation"),
    *("scorers:try", "scorers:host", "scorers:retire"),
    *("runs:api_finish", "runs:api_cancel", "runs:api_reopen", "labeling:api_publish"),
    *("labeling:person", "labeling:api_state"),
    *("reports:share", "reports:link_revoke", "gates:api_ask", "gates:api_waiver"),
    *("runs:api_rescoring_cancel", "runs:api_rescoring_resume"),
}
