"""Two runs side by side: which positions of each hold the same examples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evalhub.datasets import selectors as datasets
from evalhub.datasets.keys import shared_positions
from evalhub.reports.as_compared import Compared
from evalhub.runs.models import Run
from metrics.statistics.groups import Groups

# Of the examples that changed between two versions, so many are stored by key.
MAX_CHANGED_KEYS = 200


@dataclass(frozen=True, eq=False)
class Aligned:
    """The pairs of two runs: pair i is `baseline[i]` and `candidate[i]`.

    A pair is an example of equal key and equal content in both versions. `changed` has the
    candidate's positions of the keys that both versions have with another content: these are two
    questions, and are not paired. `clusters` are the candidate version's, or the baseline's where
    only that one names a cluster field: examples that hang together do so on both sides.
    """

    baseline: NDArray[np.int64]
    candidate: NDArray[np.int64]
    clusters: NDArray[np.int64] | None
    cluster_field: str | None
    changed: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.baseline)


def align(baseline: Run, candidate: Run) -> Aligned:
    """Pair the positions of two runs by key and content, in the candidate's order."""
    groups = datasets.clusters(candidate.version)
    field = _cluster_fields(baseline, candidate)["used"]
    if baseline.version_id == candidate.version_id:
        every = np.arange(candidate.version.n_examples)
        return Aligned(every, every, groups, field, changed=every[:0])
    found = shared_positions(candidate.version, baseline.version)
    shared = np.flatnonzero(found >= 0)
    old_ids = datasets.example_ids(baseline.version, 0, baseline.version.n_examples)
    new_ids = datasets.example_ids(candidate.version, 0, candidate.version.n_examples)
    # Content-addressed within the dataset: another id is another content.
    is_equal = new_ids[shared] == old_ids[found[shared]]
    after = shared[is_equal]
    before = found[after]
    if groups is not None:
        groups = groups[after]
    elif (theirs := datasets.clusters(baseline.version)) is not None:
        groups = theirs[before]
    return Aligned(before, after, groups, field, changed=shared[~is_equal])


def coverage(old: Compared, new: Compared, aligned: Aligned) -> dict[str, Any]:
    """Return how much of both runs a comparison rests on."""
    baseline, candidate = old.run, new.run
    n_known = len(aligned) + len(aligned.changed)
    named = datasets.examples_at_positions(
        candidate.version, aligned.changed[:MAX_CHANGED_KEYS].tolist()
    )
    return {
        "shared": len(aligned),
        "changed": len(aligned.changed),
        "changed_keys": [example.key for example in named.values()],
        "baseline_only": baseline.version.n_examples - n_known,
        "candidate_only": candidate.version.n_examples - n_known,
        "baseline": old.received(),
        "candidate": new.received(),
        "clusters": _cluster_fields(baseline, candidate),
        "n_clusters": _n_clusters(aligned),
    }


def _n_clusters(aligned: Aligned) -> int | None:
    """Return how many independent groups the pairs lie in; None without clusters."""
    if aligned.clusters is None:
        return None
    return len(Groups.of(aligned.clusters, len(aligned)))


def _cluster_fields(baseline: Run, candidate: Run) -> dict[str, str | None]:
    """Return the cluster field of both versions, and the one that the comparison goes by."""
    old, new = baseline.version.cluster_field or None, candidate.version.cluster_field or None
    return {"baseline": old, "candidate": new, "used": new or old}
