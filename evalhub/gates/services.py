"""Change gates, bless baselines, ask about a run, waive an answer."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from evalhub.accounts.services import Actor, record
from evalhub.datasets.models import Dataset
from evalhub.errors import Conflict, ContentError, DomainError, FieldError
from evalhub.gates import answering, rules, selectors
from evalhub.gates.models import Blessing, GateAnswer, GateVersion, Waiver
from evalhub.reports.aligning import align
from evalhub.reports.comparing import Skipped, pairings
from evalhub.reports.models import Comparison
from evalhub.reports.outdated import outdated
from evalhub.reports.selectors import findings_of, pairs_of, run_of
from evalhub.reports.services import compare_runs, seed_of
from evalhub.runs.models import Run
from metrics.statistics.gating import Answer

MAX_REASON = 2_000
MAX_TAG = 100
DEFAULT_TAG = "main"
PREVIEWED = 10


def set_gate(
    *, dataset: Dataset, given: object, actor: Actor, began_from: int | None = None
) -> GateVersion:
    """Give a dataset a new version of its gate; the same rules again are no new one.

    `began_from` is the version that these rules are a change of, 0 where there was none: raises
    Conflict where another one counts by now, so that nobody's change is undone unseen.
    """
    written = rules.as_json(rules.parse(given))
    try:
        with transaction.atomic():
            now = selectors.gate_of(dataset)
            if now is not None and now.rules == written:
                return now
            before = 0 if now is None else now.number
            if began_from not in (None, before):
                raise _stale(began_from, now)
            number = before + 1
            made = GateVersion.objects.create(
                dataset=dataset,
                number=number,
                rules=written,
                created_by=actor.user,
                created_at=timezone.now(),
            )
            _note(dataset, actor, "change gate", dataset.slug, version=number, rules=written)
    except IntegrityError as exc:
        raise Conflict(
            "Somebody changed this gate at the same moment; look at it and try again."
        ) from exc
    return made


def _stale(began_from: int | None, now: GateVersion | None) -> Conflict:
    if now is None:
        return Conflict(
            f"This gate has no version {began_from}: there are no rules yet. Begin from version "
            "0.",
            code="stale_gate",
        )
    who = f" by {now.created_by}" if now.created_by else ""
    return Conflict(
        f"Version {now.number} of this gate{who} counts by now, and your change began from "
        f"version {began_from}. Nothing is saved: look at the rules that count, then save yours "
        "again.",
        code="stale_gate",
    )


@transaction.atomic
def bless(*, dataset: Dataset, run: str, tag: str, reason: str, actor: Actor) -> Blessing:
    """Make a scored run the one that candidates of a branch are held against."""
    found = run_of(dataset.project, run)
    tag, reason = _tag(tag), _reason(reason)
    if found.version.dataset_id != dataset.pk:
        raise ContentError(f"The run {found.public_id} is not on the dataset {dataset.slug}.")
    if found.state != Run.State.SCORED:
        raise Conflict(
            f"The run {found.public_id} is {found.state}; only a scored run can be blessed.",
            code="not_scored",
        )
    made = Blessing.objects.create(
        dataset=dataset,
        tag=tag,
        run=found,
        reason=reason,
        created_by=actor.user,
        created_at=timezone.now(),
    )
    _note(dataset, actor, "bless run", found.public_id, tag=tag, reason=reason)
    return made


def ask(
    *, run: Run, actor: Actor, tag: str = DEFAULT_TAG, baseline: str | None = None
) -> GateAnswer:
    """Ask the gate of a run's dataset; the same question again finds the same answer.

    A question names the run and a branch, or a baseline in its place; it is another one once the
    rules, the branch's blessing or the scores have changed. Whoever asks may submit. Raises
    ScoredAgainFirst while the baseline is scored again.
    """
    gate = selectors.needed_gate(run.version.dataset)
    if baseline is None:
        tag = _tag(tag)
        chosen = selectors.baseline_for(run, tag)
    else:
        chosen = selectors.Chosen(
            run_of(run.project, baseline),
            "The baseline was named with the question, not taken from a branch.",
        )
    comparison = compare_runs(
        baseline=chosen.run,
        candidate=run,
        actor=actor,
        may_score=True,
        terms=selectors.terms_by(gate),
    )
    asked: dict[str, Any] = {
        "gate": gate,
        "comparison": comparison,
        "tag": tag if baseline is None else "",
    }
    earlier = GateAnswer.objects.filter(**asked).first()
    if earlier is not None:
        return earlier
    said, parts = answering.answer(rules.parse(gate.rules), _question_of(comparison))
    try:
        with transaction.atomic():
            made = GateAnswer.objects.create(
                **asked,
                answer=said.value,
                parts=parts,
                chosen=chosen.how,
                created_at=timezone.now(),
            )
            _note(gate.dataset, actor, "ask gate", made.public_id, answer=said.value)
    except IntegrityError:  # asked twice at the same moment; the answers are equal
        return GateAnswer.objects.get(**asked)
    return made


def _question_of(comparison: Comparison) -> answering.Question:
    """Ask about the measurements of a stored comparison, whatever was scored again since."""
    baseline, candidate = comparison.baseline, comparison.candidate
    return answering.Question(
        baseline=baseline,
        candidate=candidate,
        pairs=pairs_of(findings_of(comparison)),
        skipped=[Skipped(**one) for one in comparison.skipped],
        aligned=align(baseline, candidate),
        seed=comparison.seed,
    )


def waive(*, answer: GateAnswer, reason: str, actor: Actor) -> Waiver:
    """Let a run through that the gate did not pass, with a reason that everybody sees."""
    reason = _reason(reason)
    if answer.answer == Answer.PASS:
        raise Conflict("The gate passed this run; there is nothing to waive.", code="passed")
    try:
        with transaction.atomic():
            made = Waiver.objects.create(
                answer=answer, reason=reason, created_by=actor.user, created_at=timezone.now()
            )
            _note(answer.gate.dataset, actor, "waive gate", answer.public_id, reason=reason)
    except IntegrityError as exc:  # an answer has one waiver
        raise Conflict("This answer is waived already.", code="waived") from exc
    return made


@dataclass(frozen=True)
class Preview:
    """What rules would have said about a past run, or why they could not be asked.

    `scored_first` are metrics of the rules by which the baseline would be scored again before a
    gate answers: here they are not compared. `chance` is how often at most a run as good as the
    baseline passes the margins, where their errors are known. `is_open` is a run that has not
    been asked about yet.
    """

    run: Run
    baseline: Run | None = None
    answer: str = ""
    problem: str = ""
    scored_first: list[str] = field(default_factory=list)
    chance: float | None = None
    is_open: bool = False


def preview(
    *,
    dataset: Dataset,
    given: object,
    tag: str = DEFAULT_TAG,
    before: Mapping[int, Preview] = MappingProxyType({}),
    seconds: float = math.inf,
) -> list[Preview]:
    """Hold the newest scored runs of a dataset against rules; nothing is kept.

    What was said `before`, by run, stays. Once `seconds` are over, after one run at least, the
    others are left open.
    """
    wished, tag = rules.parse(given), _tag(tag)
    runs = (
        Run.objects.filter(version__dataset=dataset, state=Run.State.SCORED)
        .select_related("version__dataset", "system_version__system", "project")
        .order_by("-pk")[:PREVIEWED]
    )
    rows = [before.get(run.pk) or Preview(run, is_open=True) for run in runs]
    until = time.monotonic() + seconds
    for at in [at for at, row in enumerate(rows) if row.is_open]:
        rows[at] = _previewed(rows[at].run, wished, tag)
        if time.monotonic() > until:
            break
    return rows


def _previewed(run: Run, wished: rules.Rules, tag: str) -> Preview:
    try:
        chosen = selectors.baseline_for(run, tag)
    except DomainError as exc:
        return Preview(run, problem=exc.detail)
    said, parts = answering.answer(wished, _question_between(chosen.run, run))
    wanted = [one.wanted.name for one in outdated(chosen.run, run) if not one.why_not]
    return Preview(
        run,
        chosen.run,
        said.value,
        scored_first=[name for name in wanted if name in wished.compared],
        chance=selectors.chance_of(parts),
    )


def _question_between(baseline: Run, candidate: Run) -> answering.Question:
    pairs, skipped = pairings(baseline, candidate)
    aligned, seed = align(baseline, candidate), seed_of(baseline, candidate)
    return answering.Question(baseline, candidate, pairs, skipped, aligned, seed)


def _tag(given: str) -> str:
    return _text("tag", given, MAX_TAG, "names a branch")


def _reason(given: str) -> str:
    return _text("reason", given, MAX_REASON, "stands beside the answer")


def _text(field: str, given: str, most: int, why: str) -> str:
    text = given.strip()
    if 0 < len(text) <= most:
        return text
    detail = f"{field} must be a text of 1 to {most:,} characters: it {why}."
    raise ContentError(detail, errors=[FieldError(field, "length", detail)])


def _note(dataset: Dataset, actor: Actor, verb: str, subject: str, **detail: Any) -> None:
    record(project=dataset.project, actor=actor, verb=verb, subject=subject, detail=detail)
