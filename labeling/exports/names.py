"""What the outputs of a campaign are called outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evalhub.datasets.selectors import keys_of
from evalhub.runs.models import Run
from labeling.models import Campaign, Unit


@dataclass(frozen=True)
class Names:
    """The runs of a campaign, and the keys of their examples by position."""

    runs: Mapping[int, Run]
    keys: Mapping[int, Sequence[str]]

    @classmethod
    def of(cls, campaign: Campaign) -> Names:
        runs = {
            run.pk: run
            for run in campaign.runs.select_related("version", "system_version__system")
        }
        versions = {run.version_id: run.version for run in runs.values()}
        return cls(runs, {pk: keys_of(version) for pk, version in versions.items()})

    def place(self, unit: Unit) -> dict[str, Any]:
        run = self.runs[unit.run_id]
        place = {
            "run": run.public_id,
            "key": self.keys[run.version_id][unit.position],
            "attempt": unit.attempt,
        }
        if unit.second_run_id is not None:
            place["second_run"] = self.runs[unit.second_run_id].public_id
            place["second_attempt"] = unit.second_attempt
        return place
