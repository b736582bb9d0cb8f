"""A comparison as JSON, and the JSON Schema that every such answer fits."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from evalhub.reports import evidence, gated, margins, openapi, remarks, wording
from evalhub.reports.gated import NONE, Said
from evalhub.reports.many import Row
from evalhub.reports.models import Comparison, Finding
from evalhub.reports.rendering.names import slice_name

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_COMPONENTS: Final = "#/components/schemas/"


def as_json(
    comparison: Comparison,
    findings: Sequence[Finding],
    said: Said = NONE,
    *,
    critical: Sequence[str] = (),
) -> dict[str, Any]:
    """Return the answer of the REST contract, with what is said about the comparison now.

    `critical` are the keys of the critical examples that newly fail, in their order.
    """
    return {
        "id": comparison.public_id,
        "baseline": comparison.baseline.public_id,
        "candidate": comparison.candidate.public_id,
        "coverage": comparison.coverage,
        "outcome": comparison.outcome,
        "summary": wording.title(comparison),
        "notes": [
            *filter(None, [margins.about(comparison, findings[0])]),
            *remarks.every(comparison),
        ],
        "evidence": evidence.beside(comparison, findings[0], said),
        **gated.as_json(said),
        "terms": comparison.terms,
        "findings": [_finding(comparison, finding) for finding in findings],
        "skipped": comparison.skipped,
        "rescored": comparison.rescored,
        "searched": comparison.searched,
        "critical": {**comparison.critical, "failing_keys": list(critical)}
        if comparison.critical
        else {},
        "failing": comparison.failing,
        "seed": comparison.seed,
        "method_version": comparison.method,
        "created_at": comparison.created_at,
    }


def many_as_json(baseline: str, rows: Sequence[Row]) -> dict[str, Any]:
    """Return what comparing many candidates with one baseline says, one member for each."""
    return {
        "baseline": baseline,
        "n_compared": sum(row.comparison is not None for row in rows),
        "data": [_row(row) for row in rows],
    }


def _row(row: Row) -> dict[str, Any]:
    primary = row.primary
    return {
        "candidate": row.candidate.public_id,
        "comparison": row.comparison.public_id if row.comparison else None,
        "outcome": row.outcome or None,
        "metric": primary.metric if primary else None,
        "n": primary.n if primary else None,
        "gain": primary.gain if primary else None,
        "low": primary.low if primary else None,
        "high": primary.high if primary else None,
        "p_value": primary.p_value if primary else None,
        "p_holm": row.p_holm,
        "problem": row.problem or None,
    }


def _finding(comparison: Comparison, finding: Finding) -> dict[str, Any]:
    return {
        "metric": finding.metric,
        "slice": slice_name(finding) or None,
        "primary": finding.is_primary,
        "n": finding.n,
        "n_clusters": finding.n_clusters,
        "baseline": finding.baseline,
        "candidate": finding.candidate,
        "gain": finding.gain,
        "low": finding.low,
        "high": finding.high,
        "low90": finding.low90,
        "high90": finding.high90,
        "margin": finding.margin,
        "within_margin": finding.within,
        "p_value": finding.p_value,
        "p_exact": finding.p_exact,
        "p_adjusted": finding.p_value if finding.is_primary else finding.p_adjusted,
        "detectable": finding.detectable,
        "answered_only": _answered_only(finding),
        "needed": (found := evidence.needed(comparison, finding)) and asdict(found),
        "lost": finding.n_lost,
        "won": finding.n_won,
        "unscored": {
            "baseline": finding.n_unscored_baseline,
            "candidate": finding.n_unscored_candidate,
        },
        "outcome": finding.outcome,
        "method": finding.method,
        "reason": finding.reason,
        "signature": finding.candidate_measurement.signature,
    }


def _answered_only(finding: Finding) -> dict[str, Any] | None:
    if finding.n_answered is None:
        return None
    return {"gain": finding.answered_gain, "n": finding.n_answered}


def schema() -> dict[str, Any]:
    """Return the JSON Schema of `as_json`, made of the shapes that document the REST interface.

    Every member that is described is always there. Members may be added, so others are allowed.
    """
    shapes = {name: _needed(shape) for name, shape in openapi.COMPONENTS.items()}
    local = json.loads(json.dumps(shapes).replace(_COMPONENTS, "#/$defs/"))
    about = {"$schema": DIALECT, "title": "A comparison of two runs"}
    return {**about, "$ref": "#/$defs/Comparison", "$defs": local}


def _needed(shape: Any) -> Any:
    """Return a shape whose objects need every member they name, or those they say they need."""
    if not isinstance(shape, dict):
        return shape
    inside = {name: _needed(part) for name, part in shape.items()}
    if "properties" not in shape or "required" in shape:
        return inside
    return {**inside, "required": list(shape["properties"])}
