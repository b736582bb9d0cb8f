"""What is read of re-scorings: how far they are, and what became of each run."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

from django.db.models import Count, F, Q, QuerySet, Sum

from evalhub.accounts.models import Project
from evalhub.datasets.models import Dataset
from evalhub.errors import NotFound
from evalhub.runs.listing import with_names
from evalhub.runs.models import Chunk, Measurement, RescoredRun, Rescoring, Run
from evalhub.runs.selectors import Progress, current_of_names
from metrics.batch import Json
from metrics.catalog import known_metrics, read_spec
from metrics.fields import Kind

_UNREAD = ("version__schema",)
_State = RescoredRun.State
# What a run that waits is shown as, once its re-scoring is cancelled.
CANCELLED = Rescoring.State.CANCELLED.value


@dataclass(frozen=True)
class RescoringRecord:
    """A re-scoring with how many of its runs are in which state, and its progress in outputs."""

    rescoring: Rescoring
    runs: Mapping[str, int]
    progress: Progress

    @property
    def n_runs(self) -> int:
        return sum(self.runs.values())

    @property
    def n_ended(self) -> int:
        return sum(self.runs[state] for state in RescoredRun.ENDED)

    @property
    def names(self) -> list[str]:
        """What its metrics are called in the runs, in the order they were asked for."""
        return names_of(self.rescoring.specs)


def spec_in_words(spec: Json) -> str:
    """Return a metric as people read it: `token_f1 as f1 (normalize: ["strip"])`."""
    asked = read_spec(spec)
    name = asked.name if asked.alias == asked.name else f"{asked.name} as {asked.alias}"
    metric = known_metrics().get(asked.name)
    kinds = {one.name: one.metadata["kind"] for one in fields(metric)} if metric else {}
    params = ", ".join(
        f"{param}: {_in_words(value, kinds.get(param))}" for param, value in asked.params.items()
    )
    return f"{name} ({params})" if params else name


def _in_words(value: Json, kind: Kind | None) -> str:
    if kind is Kind.METRIC:
        return spec_in_words(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def names_of(specs: Sequence[Json]) -> list[str]:
    return [read_spec(spec).alias for spec in specs]


def finished_runs_by_version(dataset: Dataset) -> list[tuple[int, int]]:
    """Return the numbers of the versions that have finished runs, newest first, with how many."""
    runs = Run.objects.filter(version__dataset=dataset, state__in=Run.FINISHED)
    return list(
        runs.values_list("version__number").annotate(n=Count("pk")).order_by("-version__number")
    )


def rescorings_of(project: Project) -> QuerySet[Rescoring]:
    """Return a project's re-scorings, newest first, with what they are called by."""
    return named(Rescoring.objects.filter(project=project)).order_by("-pk")


def named(rescorings: QuerySet[Rescoring]) -> QuerySet[Rescoring]:
    return rescorings.select_related("project", "dataset", "version", "created_by").defer(*_UNREAD)


def rescoring_of(project: Project, public_id: str) -> Rescoring:
    """Return a re-scoring of the project: those of others do not exist for it."""
    found = rescorings_of(project).filter(public_id=public_id).first()
    if found is None:
        raise NotFound(f"There is no re-scoring {public_id[:40]!r}, or it is not yours.")
    return found


def under_way_on(run: Run) -> Rescoring | None:
    """Return the re-scoring that is at work on a run, or that the run waits in."""
    parts = RescoredRun.objects.filter(run=run, state__in=(_State.WORKING, _State.WAITING))
    at_work = parts.filter(rescoring__state=Rescoring.State.WORKING)
    # "working" sorts after "waiting".
    found = at_work.select_related("rescoring").order_by("-state", "pk").first()
    return None if found is None else found.rescoring


def records(rescorings: Sequence[Rescoring]) -> list[RescoringRecord]:
    """Return how far re-scorings are, in two queries."""
    n_outputs = F("run__version__n_examples") * F("run__attempts")
    rows = RescoredRun.objects.filter(rescoring__in=rescorings).values_list("rescoring", "state")
    runs: dict[int, dict[str, int]] = defaultdict(lambda: dict.fromkeys(_State.values, 0))
    outputs: dict[int, dict[str, int]] = defaultdict(lambda: dict.fromkeys(_State.values, 0))
    for pk, state, n_runs, n in rows.annotate(n_runs=Count("pk"), n=Sum(n_outputs)).order_by():
        runs[pk][state], outputs[pk][state] = n_runs, n
    begun = _begun([one for one in rescorings if one.state != Rescoring.State.DONE])
    return [
        RescoringRecord(
            one, _shown_runs(one, runs[one.pk]), _progress(outputs[one.pk], begun.get(one.pk, 0))
        )
        for one in rescorings
    ]


def _shown_runs(rescoring: Rescoring, by_state: Mapping[str, int]) -> dict[str, int]:
    """Return how many runs are in which state: what waits in a cancelled one is called off."""
    is_off = rescoring.state == Rescoring.State.CANCELLED
    waiting = by_state[_State.WAITING]
    return {
        **by_state,
        _State.WAITING.value: 0 if is_off else waiting,
        CANCELLED: waiting if is_off else 0,
    }


def record_of(rescoring: Rescoring) -> RescoringRecord:
    return records([rescoring])[0]


def _progress(outputs: Mapping[str, int], begun: int) -> Progress:
    total = sum(n for state, n in outputs.items() if state != _State.SKIPPED)
    return Progress(done=outputs[_State.SCORED] + outputs[_State.FAILED] + begun, total=total)


def _begun(rescorings: Sequence[Rescoring]) -> dict[int, int]:
    """Return of each re-scoring how many outputs of runs that are not over are done.

    A run may have two jobs, of automatic metrics and of judges: each output counts once.
    """
    if not rescorings:
        return {}
    size, ended = F("stop") - F("start"), Q(state__in=(Chunk.State.DONE, Chunk.State.FAILED))
    unfinished = RescoredRun.objects.filter(
        rescoring__in=rescorings, state__in=(_State.WAITING, _State.WORKING)
    )
    chunks = Chunk.objects.filter(
        job__rescoring__in=rescorings, job__run__in=unfinished.values("run")
    )
    rows = (
        chunks.values_list("job__rescoring", "job__run", "job__run__attempts")
        .annotate(done=Sum(size, filter=ended), n_jobs=Count("job", distinct=True))
        .order_by()
    )
    of_parts = set(unfinished.values_list("rescoring", "run"))
    begun: dict[int, int] = defaultdict(int)
    for pk, run_id, attempts, done, n_jobs in rows:
        if (pk, run_id) in of_parts:
            begun[pk] += (done or 0) * attempts // n_jobs
    return begun


@dataclass(frozen=True)
class Change:
    """One metric of one run: its number before a re-scoring, and the one that it made."""

    name: str
    before: Measurement | None
    after: Measurement | None


@dataclass(frozen=True)
class RunRow:
    """What became of one run."""

    run: Run
    state: str
    why: str
    changes: list[Change]


def run_rows(rescoring: Rescoring, *, start: int, stop: int) -> list[RunRow]:
    """Return some of the runs of a re-scoring, oldest first, in three queries."""
    parts = list(rescoring.parts.order_by("pk")[start:stop])
    run_ids = [part.run_id for part in parts]
    runs = with_names(Run.objects.filter(pk__in=run_ids)).in_bulk()
    names = names_of(rescoring.specs)
    of_run: dict[int, list[Measurement]] = defaultdict(list)
    measurements = Measurement.objects.filter(run__in=run_ids, name__in=names)
    for one in measurements.order_by("generation"):
        of_run[one.run_id].append(one)
    made = set(measurements.filter(jobs__rescoring=rescoring).values_list("pk", flat=True))
    return [
        RunRow(
            run=runs[part.run_id],
            state=_shown_state(rescoring, part),
            why=part.why,
            changes=[_change(name, of_run[part.run_id], made) for name in names],
        )
        for part in parts
    ]


def _shown_state(rescoring: Rescoring, part: RescoredRun) -> str:
    is_off = rescoring.state == Rescoring.State.CANCELLED and part.state == _State.WAITING
    return CANCELLED if is_off else part.state


def _change(name: str, measurements: Sequence[Measurement], made: set[int]) -> Change:
    """Return what a re-scoring did to one name of a run, given by rising generation."""
    of_name = [one for one in measurements if one.name == name]
    after = next((one for one in reversed(of_name) if one.pk in made), None)
    earlier = [one for one in of_name if after is None or one.generation < after.generation]
    before = next(iter(current_of_names(earlier)), None)
    return Change(name, before, after)
