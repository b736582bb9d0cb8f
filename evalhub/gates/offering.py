"""What the rules and questions of a gate are chosen among, on its page."""

from __future__ import annotations

from dataclasses import dataclass

from evalhub.datasets.models import Dataset
from evalhub.datasets.selectors import newest_version, slice_sizes
from evalhub.gates.selectors import gate_of
from evalhub.runs.models import Measurement, Run
from evalhub.web.formatting import in_a_list

MOST_RUNS = 100


@dataclass(frozen=True)
class Offered:
    """What a dataset has to choose among.

    `runs` are the newest scored ones, as id and words; `slices` are fields with their levels, and
    `protected` those that the gate has rules for: field and level.
    """

    metrics: list[str]
    slices: list[tuple[str, list[str]]]
    runs: list[tuple[str, str]]
    branches: list[str]
    protected: list[tuple[str, str]]

    def slice_named(self, text: str) -> tuple[str, str]:
        """Return the field and the level of field:level, either of which may hold colons."""
        there_are = [(field, level) for field, levels in self.slices for level in levels]
        by_field = sorted(there_are, key=lambda one: len(one[0]))
        for field, level in [*self.protected, *by_field]:
            if f"{field}:{level}" == text:
                return field, level
        field, _, level = text.partition(":")
        return field, level


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
        protected=_protected(dataset),
    )


def _protected(dataset: Dataset) -> list[tuple[str, str]]:
    gate = gate_of(dataset)
    rules = [] if gate is None else gate.rules["slices"]
    return [(one["field"], one["level"]) for one in rules]


def _words(run: Run) -> str:
    version = f"v{run.version.number}"
    return in_a_list(str(run.system_version), version, run.public_id, run.created_at)
