"""Two runs side by side: which positions of each hold the same keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evalhub.datasets import selectors as datasets
from evalhub.datasets.keys import shared_positions
from evalhub.runs.models import Run


@dataclass(frozen=True, eq=False)
class Aligned:
    """The shared examples of two runs: pair i is `baseline[i]` and `candidate[i]`.

    `clusters` are the candidate version's, or the baseline's where only that one names a cluster
    field: examples that hang together do so on both sides. `changed` counts the shared keys whose
    example is not the same in both versions.
    """

    baseline: NDArray[np.int64]
    candidate: NDArray[np.int64]
    clusters: NDArray[np.int64] | None
    cluster_field: str | None
    changed: int

    def __len__(self) -> int:
        return len(self.baseline)


def align(baseline: Run, candidate: Run) -> Aligned:
    """Pair the positions of two runs by key, in the candidate's order."""
    groups = datasets.clusters(candidate.version)
    field = _cluster_fields(baseline, candidate)["used"]
    if baseline.version_id == candidate.version_id:
        every = np.arange(candidate.version.n_examples)
        return Aligned(every, every, groups, field, changed=0)
    found = shared_positions(candidate.version, baseline.version)
    shared = np.flatnonzero(found >= 0)
    before = found[shared]
    old_ids = datasets.example_ids(baseline.version, 0, baseline.version.n_examples)
    new_ids = datasets.example_ids(candidate.version, 0, candidate.version.n_examples)
    if groups is not None:
        groups = groups[shared]
    elif (theirs := datasets.clusters(baseline.version)) is not None:
        groups = theirs[before]
    # Content-addressed within the dataset: another id is another content.
    changed = int((new_ids[shared] != old_ids[before]).sum())
    return Aligned(before, shared, groups, field, changed)


def coverage(baseline: Run, candidate: Run, aligned: Aligned) -> dict[str, Any]:
    """Return how much of both runs a comparison rests on."""
    return {
        "shared": len(aligned),
        "changed": aligned.changed,
        "baseline_only": baseline.version.n_examples - len(aligned),
        "candidate_only": candidate.version.n_examples - len(aligned),
        "baseline": _received(baseline),
        "candidate": _received(candidate),
        "clusters": _cluster_fields(baseline, candidate),
    }


def _cluster_fields(baseline: Run, candidate: Run) -> dict[str, str | None]:
    """Return the cluster field of both versions, and the one that the comparison goes by."""
    old, new = baseline.version.cluster_field or None, candidate.version.cluster_field or None
    return {"baseline": old, "candidate": new, "used": new or old}


def _received(run: Run) -> dict[str, int]:
    return {
        "expected": run.n_expected,
        "received": run.n_outputs,
        "errors": run.n_errors,
        "missing": run.n_expected - run.n_outputs,
    }
