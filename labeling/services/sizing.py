"""How much a campaign would have people judge. Nothing is written."""

from __future__ import annotations

import secrets

from labeling.planning import Sizes
from labeling.plans import Plan
from labeling.services.gathering import gather


def sizes_of(plan: Plan) -> Sizes:
    """Count outputs or pairs, and what is left of them when equal ones are shown once."""
    gathered = gather(plan, secrets.randbits(62))
    shown: set[tuple[int, bytes]] = set()
    for one in gathered.shown:
        if (one.bundle, one.reversed_content) not in shown:
            shown.add((one.bundle, one.content))
    return Sizes(
        outputs=len(gathered.shown) + gathered.n_identical,
        units=len(shown),
        examples=len({one.bundle for one in gathered.shown}),
        identical=gathered.n_identical,
    )
