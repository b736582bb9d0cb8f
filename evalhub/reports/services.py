"""Ask whether one run is better than another; the answer is kept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from evalhub.accounts.services import Actor, record
from evalhub.errors import Conflict, ContentError
from evalhub.reports import scored_again, standing_out
from evalhub.reports.aligning import Aligned, align, coverage
from evalhub.reports.answered import answered_pairs
from evalhub.reports.as_compared import Compared
from evalhub.reports.comparing import (
    METHOD,
    Found,
    Skipped,
    findings,
    pairings,
    parts_of,
)
from evalhub.reports.models import Comparison, Finding
from evalhub.reports.sides import Pairing, Sides
from evalhub.reports.terms import Terms, terms_of
from evalhub.runs.models import Run

_OVER = (Run.State.SCORED, Run.State.FAILED)


def compare_runs(
    *,
    baseline: Run,
    candidate: Run,
    actor: Actor,
    may_score: bool = False,
    terms: Terms | None = None,
) -> Comparison:
    """Return the comparison of two scored runs, computed now or found from before.

    Its `terms` are those of the dataset's gate, unless others are given. Where the baseline's
    number is by another signature than the candidate's, the baseline is scored again first, if
    the caller `may_score`: raises ScoredAgainFirst until that is done.
    """
    _check(baseline, candidate)
    scored_again.score_again(
        baseline=baseline, candidate=candidate, actor=actor, may_score=may_score
    )
    pairs, skipped = pairings(baseline, candidate)
    if not pairs:
        raise ContentError(_nothing_shared(skipped), code="nothing_shared")
    if terms is None:
        terms = terms_of(candidate.version.dataset)
    else:
        _refuse_margins_of_nothing(terms, pairs, skipped)
    own = next((one.metric for one in skipped if one.is_first), pairs[0].name)
    pairs = terms.ordered(pairs)
    digest = _digest(pairs, skipped, terms)
    if earlier := _earlier(candidate, digest):
        return earlier
    seed = seed_of(baseline, candidate)
    comparison, rows = computed(
        baseline=baseline, candidate=candidate, pairs=pairs, seed=seed, terms=terms
    )
    comparison.digest = digest
    comparison.terms = {**terms.as_json(), "first_of_candidate": own}
    comparison.skipped = [asdict(one) for one in skipped]
    comparison.rescored = scored_again.noted(baseline, pairs)
    return _kept(comparison, rows, actor)


def known_comparison(*, baseline: Run, candidate: Run) -> Comparison | None:
    """Return what `compare_runs` would find from before; None where it has something to do."""
    _check(baseline, candidate)
    pairs, skipped = pairings(baseline, candidate)
    if not pairs:
        return None
    terms = terms_of(candidate.version.dataset)
    return _earlier(candidate, _digest(terms.ordered(pairs), skipped, terms))


def _earlier(candidate: Run, digest: str) -> Comparison | None:
    return Comparison.objects.filter(project=candidate.project, digest=digest).first()


def computed(
    *, baseline: Run, candidate: Run, pairs: Sequence[Pairing], seed: int, terms: Terms
) -> tuple[Comparison, list[Finding]]:
    """Return what comparing these measurements says, not stored: the same each time."""
    aligned = align(baseline, candidate)
    if not len(aligned):
        raise _nothing_to_pair(aligned)
    parts, left_out = parts_of(candidate, aligned, n_metrics=len(pairs))
    old = Compared.of(baseline, pairs[0].baseline)
    new = Compared.of(candidate, pairs[0].candidate)
    stands_out: dict[str, Any] = {}

    def look(sides: Sides) -> None:
        stands_out["searched"] = standing_out.searched(sides, aligned, candidate)
        stands_out["failing"] = standing_out.failing(sides, aligned, candidate)
        stands_out["critical"] = standing_out.critical(
            sides, aligned, baseline=baseline, candidate=candidate
        )

    answered = answered_pairs(old, new, aligned)
    found = findings(pairs, aligned, parts, seed=seed, look=look, answered=answered, terms=terms)
    comparison = Comparison(
        project=candidate.project,
        baseline=baseline,
        candidate=candidate,
        method=METHOD,
        seed=seed,
        n_pairs=len(aligned),
        coverage={**coverage(old, new, aligned), "fields_left_out": left_out},
        primary_metric=found[0].pairing.name,
        outcome=found[0].decision.outcome.value,
        margin=found[0].margin,
        within=found[0].decision.within.value,
        **stands_out,
        created_at=timezone.now(),
    )
    return comparison, [_finding(comparison, number, one) for number, one in enumerate(found)]


def seed_of(baseline: Run, candidate: Run) -> int:
    """Return the seed of the random numbers: of the content alone, so that equal inputs give
    equal numbers in any installation."""
    content = f"comparison of {candidate.version.digest} with {baseline.version.digest}"
    return int.from_bytes(hashlib.sha256(content.encode()).digest()[:6], "big")


def _check(baseline: Run, candidate: Run) -> None:
    if baseline.pk == candidate.pk:
        raise ContentError(
            f"Baseline and candidate are the same run, {candidate.public_id}; "
            "choose another one as the baseline.",
            code="same_run",
        )
    if baseline.version.dataset_id != candidate.version.dataset_id:
        raise ContentError(
            f"The runs are on different datasets, {baseline.version.dataset.slug} and "
            f"{candidate.version.dataset.slug}; a comparison pairs the same questions.",
            code="different_datasets",
        )
    for side, run in (("baseline", baseline), ("candidate", candidate)):
        if run.state not in _OVER:
            scored_again.await_scores(run, side)
            raise Conflict(
                f"The {side} {run.public_id} is {run.state}; a comparison needs scored runs.",
                code="not_scored",
            )


def _refuse_margins_of_nothing(
    terms: Terms, pairs: Sequence[Pairing], skipped: Sequence[Skipped]
) -> None:
    """Refuse a margin that was named for what is not compared; a gate may have some of these."""
    if not terms.are_named:
        return
    for name in terms.deciding:
        if name not in {one.name for one in pairs}:
            why = {one.metric: one.reason for one in skipped}
            reason = why.get(name, "Neither run was measured with it.")
            raise ContentError(
                f"A margin is named for {name[:100]}, which is not compared. {reason}",
                code="not_compared",
            )


def _nothing_shared(skipped: Sequence[Skipped]) -> str:
    reasons = " ".join(f"{one.metric}: {one.reason}" for one in skipped[:5])
    return f"The two runs share no comparable metric. {reasons}".strip()


def _nothing_to_pair(aligned: Aligned) -> ContentError:
    if len(aligned.changed):
        return ContentError(
            f"All {len(aligned.changed)} shared keys have another content in the other version, "
            "so there is nothing to pair. Run one of the systems again on the other's version.",
            code="no_unchanged_examples",
        )
    return ContentError(
        "The two runs share no key, so there is nothing to pair.", code="no_shared_keys"
    )


def _digest(pairs: Sequence[Pairing], skipped: Sequence[Skipped], terms: Terms) -> str:
    """Digest the question: the measurements on both sides, the terms, the method's version.

    Margins that were named are another question than a gate's, for the report says whose they are.
    """
    question = {
        "method": METHOD,
        "pairs": [[pair.baseline.public_id, pair.candidate.public_id] for pair in pairs],
        "skipped": [[one.metric, one.reason] for one in skipped],
        "terms": terms.question,
        "are_named": terms.are_named,
    }
    return hashlib.sha256(json.dumps(question, sort_keys=True).encode()).hexdigest()


def _kept(comparison: Comparison, rows: Sequence[Finding], actor: Actor) -> Comparison:
    try:
        with transaction.atomic():
            comparison.save(force_insert=True)
            for row in rows:
                row.comparison = comparison  # which has its key now
            Finding.objects.bulk_create(rows)
            record(
                project=comparison.project,
                actor=actor,
                verb="compare",
                subject=comparison.public_id,
            )
    except IntegrityError:
        # The same question was answered at the same moment; the answers are equal.
        return Comparison.objects.get(project=comparison.project, digest=comparison.digest)
    return comparison


def _finding(comparison: Comparison, number: int, one: Found) -> Finding:
    compared = one.compared
    return Finding(
        comparison=comparison,
        order=number,
        metric=one.pairing.name,
        is_primary=one.is_primary,
        slice_field=one.field,
        slice_level=one.level,
        baseline_measurement=one.pairing.baseline,
        candidate_measurement=one.pairing.candidate,
        n=compared.n,
        n_clusters=compared.clusters,
        baseline=compared.baseline,
        candidate=compared.candidate,
        gain=compared.gain,
        low=compared.low,
        high=compared.high,
        p_value=compared.p_value,
        p_exact=compared.p_exact,
        p_adjusted=one.p_adjusted,
        detectable=compared.detectable,
        answered_gain=one.answered_only.gain if one.answered_only else None,
        n_answered=one.answered_only.n if one.answered_only else None,
        n_lost=compared.n_lost,
        n_won=compared.n_won,
        n_unscored_baseline=one.gaps.baseline,
        n_unscored_candidate=one.gaps.candidate,
        low90=compared.low90,
        high90=compared.high90,
        margin=one.margin,
        within=one.decision.within.value,
        outcome=one.decision.outcome.value,
        method=compared.method,
        reason=one.decision.reason or compared.reason,
    )
