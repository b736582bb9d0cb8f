"""A preview of a gate goes on a step at a time: what was said so far travels with the form.

Nothing of a preview is kept. So what past runs were told comes back with the next request, signed,
for the same rules and for a while only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from django.core import signing
from django.http import QueryDict

from evalhub.datasets.models import Dataset
from evalhub.gates.services import Preview
from evalhub.runs.models import Run

STEP: Final = 0.5  # seconds in which a request asks about another run
SAID = "said"
_SECONDS: Final = 600
_OURS: Final = (SAID, "do", "csrfmiddlewaretoken")


@dataclass(frozen=True)
class More:
    """How far a preview is, and the form that goes on with it: names and values."""

    done: int
    total: int
    fields: list[tuple[str, str]]


def more(rows: Sequence[Preview], posted: QueryDict, dataset: Dataset) -> More | None:
    """Return what goes on with a preview; None where every run has been asked about."""
    said = [row for row in rows if not row.is_open]
    if len(said) == len(rows):
        return None
    fields = [(name, one) for name, values in _asked(posted) for one in values]
    return More(len(said), len(rows), [*fields, (SAID, _signed(said, posted, dataset))])


def said_before(posted: QueryDict, dataset: Dataset) -> dict[int, Preview]:
    """Return what was said so far about these rules, by run; nothing where that is too old."""
    try:
        said = signing.loads(posted.get(SAID, ""), salt=_salt(posted, dataset), max_age=_SECONDS)
    except signing.BadSignature:
        return {}
    names = [name for run, baseline, *_ in said for name in (run, baseline) if name]
    runs = Run.objects.filter(version__dataset=dataset, public_id__in=names)
    by_name: Mapping[str, Run] = {
        one.public_id: one for one in runs.select_related("system_version__system", "version")
    }
    return {
        by_name[run].pk: Preview(by_name[run], by_name.get(baseline), *rest)
        for run, baseline, *rest in said
        if run in by_name
    }


def _signed(said: Sequence[Preview], posted: QueryDict, dataset: Dataset) -> str:
    rows = [
        [
            row.run.public_id,
            row.baseline.public_id if row.baseline else "",
            row.answer,
            row.problem,
            row.scored_first,
            row.chance,
        ]
        for row in said
    ]
    return signing.dumps(rows, salt=_salt(posted, dataset), compress=True)


def _salt(posted: QueryDict, dataset: Dataset) -> str:
    """Bind what was said to the dataset and to the rules as they were sent."""
    return f"preview of {dataset.pk} by {json.dumps(sorted(_asked(posted)))}"


def _asked(posted: QueryDict) -> list[tuple[str, list[str]]]:
    return [(name, values) for name, values in posted.lists() if name not in _OURS]
