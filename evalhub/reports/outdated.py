"""A baseline whose number is by another signature than the candidate's: what to do about it.

Either a spec scores its stored outputs as the candidate's were scored, or a sentence says why
nothing can. Nothing is changed here; `scored_again` asks for the work.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from evalhub.errors import ContentError
from evalhub.runs import rescoring
from evalhub.runs.models import Measurement, RescoredRun, Rescoring, Run
from evalhub.runs.selectors import current_measurements, current_of_names
from evalhub.runs.specs import plan
from metrics.batch import Json

_STATE: Final = Measurement.State


@dataclass(frozen=True)
class Outdated:
    """A metric by which the two runs have different signatures.

    `spec` is what scores the baseline as the candidate was scored; None where `why_not` says why
    that cannot be.
    """

    held: Measurement  # the baseline's
    wanted: Measurement  # the candidate's
    spec: Json = None
    why_not: str = ""

    @property
    def sentence(self) -> str:
        """Say why the metric is not compared as things are."""
        differ = (
            f"The signatures differ: {self.held.signature} on the baseline, "
            f"{self.wanted.signature} on the candidate."
        )
        if self.why_not:
            return f"{differ} The baseline cannot be scored again: {self.why_not}"
        return f"{differ} The baseline is scored again when the two runs are compared."


def histories(run: Run) -> dict[str, list[Measurement]]:
    """Return a run's measurements of each name by rising generation.

    Those from before the run was last reopened are about other outputs, and left out.
    """
    found: dict[str, list[Measurement]] = {}
    for one in run.measurements.order_by("generation"):
        if one.is_after_reopening:
            found.pop(one.name, None)
        found.setdefault(one.name, []).append(one)
    return found


def held_against(history: Sequence[Measurement], ours: Measurement) -> Measurement:
    """Return which of a baseline's measurements of one name the candidate's is held against.

    The one that the run answers with, unless only an earlier one has the signature.
    """
    (current,) = current_of_names(history)
    if current.signature == ours.signature:
        return current
    alike = [one for one in history if one.signature == ours.signature]
    return next((one for one in reversed(alike) if one.state == _STATE.SCORED), current)


def outdated(
    baseline: Run, candidate: Run, history: Mapping[str, Sequence[Measurement]] | None = None
) -> list[Outdated]:
    """Return the metrics of which the baseline has no number by the candidate's signature.

    Metrics that would not be compared anyway are no matter, nor those it was not measured with.
    """
    of_baseline = histories(baseline) if history is None else history
    found = [
        _outdated(of_baseline[ours.name], ours, baseline)
        for ours in current_measurements(candidate)
        if ours.name in of_baseline
        and ours.state == _STATE.SCORED
        and ours.higher_is_better is not None
        and held_against(of_baseline[ours.name], ours).signature != ours.signature
    ]
    why_not = _stopped(baseline, specs_of(found))
    if not why_not:
        return found
    return [replace(one, spec=None, why_not=one.why_not or why_not) for one in found]


def specs_of(found: Sequence[Outdated]) -> list[Json]:
    """Return what the baseline is to be scored with."""
    return [one.spec for one in found if not one.why_not]


def _outdated(history: Sequence[Measurement], ours: Measurement, baseline: Run) -> Outdated:
    held = held_against(history, ours)
    spec, why_not = _spec_of(ours), _tried(history, ours)
    if not why_not:
        why_not = _not_to_be_had(spec, ours, baseline)
    return Outdated(held, ours, None if why_not else spec, why_not)


def _spec_of(ours: Measurement) -> Json:
    """Return the spec that a measurement was asked for with."""
    spec: dict[str, Any] = {"name": ours.metric, "as": ours.name}
    if ours.kind == Measurement.Kind.AUTOMATIC:
        spec["params"] = ours.params  # those of judges and scorers are not the asker's
    return spec


def _tried(history: Sequence[Measurement], ours: Measurement) -> str:
    """Say how it went where the baseline was to be scored like that, and was not."""
    alike = [one for one in history if one.signature == ours.signature]
    if not alike:
        return ""
    if alike[-1].state == _STATE.FAILED:
        return f"it was tried, and failed. {alike[-1].problem}".strip()
    if alike[-1].state == _STATE.CANCELLED:
        return "that was begun and called off. Score it from the run's page, then compare again."
    return "that is under way. Compare again when it is done."


def _not_to_be_had(spec: Json, ours: Measurement, baseline: Run) -> str:
    """Say why the spec would not give the baseline the candidate's signature."""
    if ours.kind == Measurement.Kind.HUMAN:
        return "people gave these scores. Have them asked the same about the baseline's outputs."
    try:
        (planned,) = plan([spec], project=baseline.project, attempts=baseline.attempts)
    except ContentError as exc:
        return exc.errors[0].detail if exc.errors else exc.detail
    if planned.signature == ours.signature:
        return ""
    return (
        f"{ours.name} is now computed as {planned.signature}. Score the candidate again, then "
        "compare."
    )


def _stopped(baseline: Run, specs: Sequence[Json]) -> str:
    """Say so where just this re-scoring of the baseline was called off, or could not begin."""
    last = rescoring.last_for_comparison(baseline, specs) if specs else None
    if last is None:
        return ""
    if last.rescoring.state == Rescoring.State.CANCELLED:
        return f"that was begun and called off. Resume {last.rescoring.public_id}."
    return f"it was tried, and failed. {last.why}" if last.state == _PART.FAILED else ""


_PART: Final = RescoredRun.State
