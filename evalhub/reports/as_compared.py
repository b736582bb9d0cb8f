"""What was compared of a run's outputs, although the run may have been reopened since.

Scores are stored for good, outputs change when a run is reopened: a report shows no output beside
a score that is not its own, and says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from evalhub.reports.models import Comparison
from evalhub.runs import reopenings
from evalhub.runs.models import Measurement, Output, Reopening, Run
from evalhub.runs.selectors import is_answered
from evalhub.web.formatting import day, plural


@dataclass(frozen=True)
class Compared:
    """The outputs of a run as they were when a measurement was made.

    `reopening` is the first one since, which kept what they were; `is_unknown` says that there
    was one that did not, as releases before did not.
    """

    run: Run
    reopening: Reopening | None
    is_unknown: bool

    @classmethod
    def of(cls, run: Run, measurement: Measurement) -> Compared:
        if not reopenings.was_reopened(run, measurement):
            return cls(run, None, is_unknown=False)
        found = reopenings.since(run, measurement)
        return cls(run, found, is_unknown=found is None)

    @cached_property
    def marks(self) -> reopenings.Marks | None:
        """(examples, attempts): the marks of then; None where the outputs are those of then."""
        return None if self.reopening is None else reopenings.unpacked(self.reopening, self.run)

    def is_replaced(self, output: Output | None, position: int) -> bool:
        """Say whether the first attempt there is another output than was compared."""
        if self.marks is None:
            return self.is_unknown
        return int(self.marks[position, 0]) != reopenings.mark_of(output)

    def was_missing(self, position: int) -> bool:
        """Say whether it is known that there was no output of the first attempt."""
        return self.marks is not None and not int(self.marks[position, 0])

    @cached_property
    def n_replaced(self) -> int:
        """How many outputs are others now, or gone, or were not there."""
        if self.marks is None:
            return 0
        return int((self.marks != reopenings.marks_of(self.run)).sum())

    @cached_property
    def answered(self) -> NDArray[np.bool_]:
        """(examples, attempts): whether there was an output that was no error."""
        if self.marks is None:
            return is_answered(self.run)
        found: NDArray[np.bool_] = reopenings.kinds_of(self.marks) == reopenings.ANSWER
        return found

    def received(self) -> dict[str, int]:
        """Return how many outputs there were, and how many of them were errors."""
        n_outputs, n_errors = self.run.n_outputs, self.run.n_errors
        if self.marks is not None:
            kinds = reopenings.kinds_of(self.marks)
            n_outputs = int((kinds != 0).sum())
            n_errors = int((kinds == reopenings.ERROR).sum())
        return {
            "expected": self.run.n_expected,
            "received": n_outputs,
            "errors": n_errors,
            "missing": self.run.n_expected - n_outputs,
        }

    def sentence(self, side: str) -> str:
        """Say that outputs were replaced since; empty where all are those that were compared."""
        who = f"The {side} {self.run.public_id} was reopened"
        if self.is_unknown:
            return (
                f"{who} since it was compared, and which of its outputs were replaced is not "
                "known, so none of them is shown. The numbers are of those that were compared."
            )
        if self.reopening is None or not self.n_replaced:
            return ""
        verb = "was" if self.n_replaced == 1 else "were"
        return (
            f"{who} on {day(self.reopening.created_at)}, after it was compared, and "
            f"{plural(self.n_replaced, 'output')} {verb} replaced. The numbers are of the outputs "
            "that were compared; texts that replaced them are not shown."
        )


def sides_of(comparison: Comparison) -> tuple[Compared, Compared]:
    """Return what was compared of the baseline and of the candidate."""
    first = comparison.findings.select_related("baseline_measurement", "candidate_measurement")
    primary = first.get(is_primary=True)
    return (
        Compared.of(comparison.baseline, primary.baseline_measurement),
        Compared.of(comparison.candidate, primary.candidate_measurement),
    )


def replaced(comparison: Comparison) -> list[str]:
    """Say of which side outputs were replaced since they were compared."""
    sides = zip(("baseline", "candidate"), sides_of(comparison), strict=True)
    return [said for name, side in sides if (said := side.sentence(name))]
