"""What the rules and questions of a gate are chosen among, on its page."""

from __future__ import annotations

from dataclasses import dataclass

from evalhub.datasets.models import Dataset
from evalhub.datasets.selectors import newest_version, slice_sizes
from evalhub.runs.models import Measurement, Run
from evalhub.web.formatting import moment

MOST_RUNS = 100


@dataclass(frozen=True)
class Offered:
    """What a dataset has to choose among.

    `runs` are the newest scored ones, as id and words; `slices` are fields with their levels.
    """

    metrics: list[str]
    slices: list[tuple[str, list[str]]]
    runs: list[tuple[str, str]]
    branches: list[str]


def offered_by(dataset: Dataset) -> Offered:
    """Return the metrics, ids and branches of a dataset's newest runs, and its slices."""
    runs = list(
        Run.objects.filter(version__dataset=dataset, state=Run.State.SCORED)
        .select_related("system_version__system", "version")
        .order_by("-pk")[:MOST_RUNS]
    )
    measured = Measurement.objects.filter(run__in=[run.pk for run in runs])
    version = newest_version(dataset)
    blessed = dataset.blessings.values_list("tag", flat=True)
    return Offered(
        metrics=sorted(set(measured.values_list("name", flat=True))),
        slices=[
            (one.field, [level for level, _ in one.sizes])
            for one in (slice_sizes(version) if version else [])
        ],
        runs=[(run.public_id, _words(run)) for run in runs],
        branches=sorted({*blessed, *(tag for run in runs for tag in run.tags)}),
    )


def _words(run: Run) -> str:
    return (
        f"{run.system_version} on v{run.version.number}, {run.public_id[:10]}, "
        f"{moment(run.created_at)}"
    )
