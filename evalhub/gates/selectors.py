"""What is read of gates: the one that counts, its answers, who is held against whom."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NamedTuple

from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from evalhub.accounts.models import Project
from evalhub.datasets.models import Dataset
from evalhub.errors import ContentError, NotFound
from evalhub.gates.models import Blessing, GateAnswer, GateVersion, Waiver
from evalhub.reports.models import Comparison
from evalhub.reports.terms import NO_TERMS, Margin, Terms
from evalhub.runs.models import Run
from metrics.statistics.findings import LEVEL

MONTH = timedelta(days=30)
LOOKED_AT = 1_000
ANSWERS = 20  # of which a chance is read
# A run that is scored again stays the one it was: or the next question would find another.
_HAS_NUMBERS = Q(state=Run.State.SCORED) | Q(state=Run.State.SCORING, scored_at__isnull=False)


def gate_of(dataset: Dataset) -> GateVersion | None:
    """Return the gate of a dataset: its newest version."""
    return dataset.gate_versions.order_by("-number").first()


def needed_gate(dataset: Dataset) -> GateVersion:
    gate = gate_of(dataset)
    if gate is None:
        raise ContentError(
            f"The dataset {dataset.slug} has no gate yet; a lead gives it one on its page, or "
            "with PUT.",
            code="no_gate",
        )
    return gate


def terms_of(dataset: Dataset) -> Terms:
    """Return what the gate says about comparing: `settings.TERMS_OF_COMPARISONS` names it."""
    gate = gate_of(dataset)
    return NO_TERMS if gate is None else terms_by(gate)


def terms_by(gate: GateVersion) -> Terms:
    """Return the margins of a version, and its metrics: those over all examples come first."""
    margins = [Margin(**one) for one in (*gate.rules["margins"], *gate.rules["slices"])]
    critical = gate.rules["critical"] or {}
    named = [*(one.metric for one in margins), *critical.values()]
    return Terms(
        margins=tuple(margins),
        deciding=tuple(dict.fromkeys(named)),
        gate_version=gate.number,
    )


@dataclass(frozen=True)
class Chosen:
    """A baseline, and how it was chosen: a sentence."""

    run: Run
    how: str


def baseline_for(candidate: Run, tag: str) -> Chosen:
    """Return whom a run is held against.

    The newest blessed run of the dataset and tag. Without one it stays the run of the first
    answer, so that the same question finds the same answer; and that is the newest scored run of
    the same version that bears the tag and is older than the candidate.
    """
    blessed = (
        Blessing.objects.filter(dataset=candidate.version.dataset_id, tag=tag)
        .select_related("run__version__dataset", "run__system_version__system", "created_by")
        .order_by("-pk")
        .first()
    )
    if blessed is not None and blessed.run_id == candidate.pk:
        raise ContentError(
            f"The run {candidate.public_id} is itself the one that is blessed for {tag[:100]!r}; "
            "name another baseline.",
            code="is_blessed",
        )
    if blessed is not None:
        who = f" by {blessed.created_by}" if blessed.created_by else ""
        named = blessed.run.system_version
        how = f"The baseline {named} was set for {tag}{who}, because: {blessed.reason}"
        return Chosen(blessed.run, how)
    run = _held_against_before(candidate, tag) or _newest_before(candidate, tag)
    if run is not None:
        return Chosen(
            run,
            f"No run is blessed for {tag}; the baseline is the newest from before the candidate "
            "that bears the tag.",
        )
    raise ContentError(
        f"No run of {candidate.version.dataset.slug} is blessed for {tag[:100]!r}, and none of "
        f"version {candidate.version.number} from before the candidate bears that tag; bless one, "
        "or name a baseline.",
        code="no_baseline",
    )


def _held_against_before(candidate: Run, tag: str) -> Run | None:
    """Return the baseline of this run's newest answer on a branch, if it still has numbers."""
    answers = GateAnswer.objects.filter(comparison__candidate=candidate, tag=tag)
    baselines = answers.order_by("-pk").values_list("comparison__baseline", flat=True)[:1]
    return _with_numbers().filter(pk__in=list(baselines)).first()


def _newest_before(candidate: Run, tag: str) -> Run | None:
    older = _with_numbers().filter(version=candidate.version_id, pk__lt=candidate.pk)
    return next((run for run in older.order_by("-pk")[:LOOKED_AT] if tag in run.tags), None)


def _with_numbers() -> QuerySet[Run]:
    named = Run.objects.select_related("version__dataset", "system_version__system")
    return named.filter(_HAS_NUMBERS)


def blessings_of(dataset: Dataset) -> QuerySet[Blessing]:
    """Return a dataset's blessings, the newest first."""
    named = dataset.blessings.select_related("run__system_version__system", "created_by")
    return named.order_by("-pk")


def answers_of(project: Project) -> QuerySet[GateAnswer]:
    """Return a project's answers, newest first, with what they speak of."""
    return (
        GateAnswer.objects.filter(comparison__project=project)
        .select_related(
            "gate__dataset",
            "waiver__created_by",
            "comparison__project",
            "comparison__baseline__system_version__system",
            "comparison__candidate__system_version__system",
        )
        .order_by("-pk")
    )


def answer_of(project: Project, public_id: str) -> GateAnswer:
    found = answers_of(project).filter(public_id=public_id).first()
    if found is None:
        raise NotFound(f"There is no gate answer {public_id[:40]!r}.")
    return found


def later_version(answer: GateAnswer) -> tuple[int, bool] | None:
    """Return the version of the gate that counts by now, and whether it has answered the same:
    about this run, on this branch. None where the answer's own version counts."""
    now = gate_of(answer.gate.dataset)
    if now is None or now.pk == answer.gate_id:
        return None
    about = {"comparison__candidate": answer.comparison.candidate_id, "tag": answer.tag}
    return now.number, GateAnswer.objects.filter(gate=now, **about).exists()


def waiver_of(answer: GateAnswer) -> Waiver | None:
    """Return the waiver of an answer, where somebody gave one."""
    return getattr(answer, "waiver", None)


def answers_about(comparison: Comparison) -> QuerySet[GateAnswer]:
    """Return what gates said about a comparison, newest first, with its waivers."""
    named = comparison.gate_answers.select_related(
        "gate__dataset", "waiver__created_by", "comparison__candidate__system_version__system"
    )
    return named.order_by("-pk")


class NewestAnswer(NamedTuple):
    """The newest answer about a comparison, and the version of the gate that counts by now.

    Without an answer, or a gate, what is said of it is None.
    """

    comparison: int
    counts: int | None
    version: int | None
    answer: str | None
    waiver: int | None


def newest_answers(comparisons: Sequence[Comparison]) -> list[NewestAnswer]:
    """Return the newest answer about each of these comparisons, in one query."""
    gates = GateVersion.objects.filter(dataset=OuterRef("candidate__version__dataset"))
    newest = GateAnswer.objects.filter(comparison=OuterRef("pk")).order_by("-pk")
    asked = Comparison.objects.filter(pk__in=[one.pk for one in comparisons])
    rows = asked.values_list(
        "pk",
        Subquery(gates.order_by("-number").values("number")[:1]),
        *(Subquery(newest.values(name)[:1]) for name in ("gate__number", "answer", "waiver__pk")),
    )
    return [NewestAnswer(*row) for row in rows]


def waivers_behind(run: Run) -> list[Waiver]:
    """Return the waivers by which a run, now a baseline, went through gates itself."""
    return list(_named(Waiver.objects.filter(answer__comparison__candidate=run)).order_by("pk"))


def waiver_before(comparison: Comparison, tags: Iterable[str]) -> Waiver | None:
    """Return the waiver of the answer before, where that was waived.

    That is the newest answer about another run of the dataset from before this comparison: of one
    of these branches, or against the same baseline.
    """
    candidate = comparison.candidate
    earlier = GateAnswer.objects.filter(
        Q(tag__in=tags) | Q(comparison__baseline=comparison.baseline_id),
        gate__dataset=candidate.version.dataset_id,
        created_at__lt=comparison.created_at,
    ).exclude(comparison__candidate=candidate)
    previous = earlier.order_by("-pk").first()
    if previous is None:
        return None
    return _named(Waiver.objects.filter(answer=previous)).first()


def waivers_of_candidate(comparison: Comparison) -> list[Waiver]:
    """Return the waivers that the candidate had before this comparison, by other comparisons.

    A gate whose margins change makes another one of the same two runs.
    """
    others = Waiver.objects.filter(
        answer__comparison__candidate=comparison.candidate_id,
        answer__created_at__lt=comparison.created_at,
    ).exclude(answer__comparison=comparison)
    return list(_named(others).order_by("pk"))


def _named(waivers: QuerySet[Waiver]) -> QuerySet[Waiver]:
    return waivers.select_related(
        "created_by", "answer__gate", "answer__comparison__candidate__system_version__system"
    )


@dataclass(frozen=True)
class Alarms:
    """What a gate's margins cost in a month: how many runs, and how good ones fare.

    `chance` is how often at most a run as good as the baseline passes the margins, by the errors
    of `answers` past answers of this version of the gate; None where there are none.
    """

    runs: int
    answers: int = 0
    chance: float | None = None

    @property
    def false(self) -> float:
        """Return how many good ones the margins fail at most."""
        return LEVEL * self.runs


def alarms_of(dataset: Dataset) -> Alarms:
    """Count a dataset's runs that were scored in the last 30 days, and read the newest answers."""
    scored = Run.objects.filter(version__dataset=dataset, scored_at__gte=timezone.now() - MONTH)
    answers = GateAnswer.objects.filter(gate=gate_of(dataset)).order_by("-pk")[:ANSWERS]
    found = [chance_of(parts) for parts in answers.values_list("parts", flat=True)]
    chances = [one for one in found if one is not None]
    return Alarms(
        runs=scored.count(),
        answers=len(chances),
        chance=statistics.median(chances) if chances else None,
    )


def chance_of(parts: Sequence[Mapping[str, Any]]) -> float | None:
    """Return how often at most a run as good as the baseline passes all margins of an answer.

    That is how often it passes the one that is hardest to pass: of all together it is less, by
    how much hangs on how the metrics hang together. None where an error is not known.
    """
    chances = [one.get("chance") for one in parts if one["kind"] in ("margin", "slice")]
    known = [one for one in chances if one is not None]
    return min(known) if known and len(known) == len(chances) else None
