"""Everything that changes runs: made, filled, finished, scored again, rated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evalhub.accounts.models import Project
from evalhub.accounts.services import COMMAND_LINE, Actor
from evalhub.runs.models import Measurement, Run
from evalhub.runs.ratings import RatingRow
from metrics.base import Json


@dataclass(frozen=True)
class Submitted:
    """What a submission of outputs did."""

    accepted: int
    replaced: int
    unchanged: int


def create_run(  # noqa: PLR0913 - the members of the contract
    *,
    project: Project,
    dataset: str,
    version: int | str | None = None,
    system: str,
    system_version: str = "",
    metrics: Sequence[Json] = (),
    attempts: int = 1,
    git_commit: str = "",
    params: Mapping[str, Json] | None = None,
    tags: Sequence[str] = (),
    external_id: str = "",
    actor: Actor = COMMAND_LINE,
) -> Run:
    """Open a run of a system on a dataset version, by number or tag; by default the newest."""
    raise NotImplementedError


def submit_outputs(*, run: Run, rows: Sequence[object]) -> Submitted:
    """Keep a checked batch of outputs, all or none; the same output again changes nothing."""
    raise NotImplementedError


def finish_run(*, run: Run, allow_missing: bool = False, actor: Actor = COMMAND_LINE) -> Run:
    """Freeze a run's outputs and let them be scored. Missing ones are allowed by name only."""
    raise NotImplementedError


def cancel_run(*, run: Run, actor: Actor) -> Run:
    """Stop a run that is not scored yet, with all work on it."""
    raise NotImplementedError


def reopen_run(*, run: Run, actor: Actor) -> Run:
    """Let outputs of a finished run change again. Its numbers so far stay, as older generations."""
    raise NotImplementedError


def measure_run(*, run: Run, metrics: Sequence[Json], actor: Actor) -> list[Measurement]:
    """Score a finished run with new metrics, or again: each is a new generation of its name."""
    raise NotImplementedError


def publish_ratings(  # noqa: PLR0913 - what a measurement by people or judges is made of
    *,
    run: Run,
    name: str,
    kind: str,
    metric: str,
    params: Mapping[str, Json],
    signature: str,
    family: str,
    higher_is_better: bool,
    low_bound: float | None,
    high_bound: float | None,
    resolution: str,
    ratings: Sequence[RatingRow],
    actor: Actor,
) -> Measurement:
    """Add a measurement from ratings; a chunk of work resolves them into score columns."""
    raise NotImplementedError
