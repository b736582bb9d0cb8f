"""What a comparison is asked with beside its two runs: margins, and which metric decides.

They are the gate's that counts when the runs are compared, and are kept with the comparison: a
gate that is changed later alters none. Gates stand above reports, and are asked by their path in
settings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.utils.module_loading import import_string

from evalhub.datasets.models import Dataset
from evalhub.errors import ShapeError
from evalhub.reports.sides import Pairing

# Between these everything that is asked by a margin can be computed, squares and all.
LEAST_MARGIN: Final = 1e-12
MOST_MARGIN: Final = 1e12


@dataclass(frozen=True, kw_only=True)
class Margin:
    """What a metric may lose: less than this, over all pairs or in one slice."""

    metric: str
    margin: float
    field: str = ""
    level: str = ""

    @property
    def slice_name(self) -> str:
        return f"{self.field}:{self.level}" if self.field else ""


@dataclass(frozen=True, kw_only=True)
class Terms:
    """Margins, the metrics of which the first that is compared decides, and who set them.

    `gate_version` is the number of the gate's version; None where no gate did.
    """

    margins: tuple[Margin, ...] = ()
    deciding: tuple[str, ...] = ()
    gate_version: int | None = None

    @classmethod
    def stored(cls, kept: Mapping[str, Any]) -> Terms:
        """Read the terms that a comparison keeps; those from before method 7 have none."""
        return cls(
            margins=tuple(Margin(**one) for one in kept.get("margins", ())),
            deciding=tuple(kept.get("deciding", ())),
            gate_version=kept.get("gate_version"),
        )

    @property
    def are_named(self) -> bool:
        """Whether the margins were named with the question, in place of a gate's."""
        return bool(self.margins) and self.gate_version is None

    @property
    def question(self) -> dict[str, Any]:
        """Return what makes it another question: equal margins of another version do not."""
        return {"margins": [_as_json(one) for one in self.margins], "deciding": [*self.deciding]}

    def as_json(self) -> dict[str, Any]:
        return {**self.question, "gate_version": self.gate_version}

    def margin(self, metric: str, field: str = "", level: str = "") -> float | None:
        """Return the margin of a metric there: that of all pairs says nothing of a slice."""
        wanted = (metric, field, level)
        found = (one for one in self.margins if (one.metric, one.field, one.level) == wanted)
        return next((one.margin for one in found), None)

    def ordered(self, pairs: Sequence[Pairing]) -> list[Pairing]:
        """Return the pairs with the one that decides first, the others as they were."""
        by_name = {one.name: one for one in pairs}
        first = next((by_name[name] for name in self.deciding if name in by_name), pairs[0])
        return [first, *(one for one in pairs if one is not first)]


NO_TERMS = Terms()
MAX_NAMED = 50


def named(given: Sequence[str]) -> Terms | None:
    """Read margins that are named with a question, ``metric:0.02`` each; None where none is.

    They stand in for the gate's, and the first of their metrics that is compared decides.
    """
    if not given:
        return None
    if len(given) > MAX_NAMED:
        raise ShapeError(f"Name {MAX_NAMED} margins at most, not {len(given)}.")
    margins = tuple(_named(one) for one in given)
    metrics = tuple(one.metric for one in margins)
    if len(set(metrics)) < len(metrics):
        raise ShapeError("Name one margin for each metric.")
    return Terms(margins=margins, deciding=metrics)


def _named(text: str) -> Margin:
    metric, _, number = text.rpartition(":")
    try:
        margin = float(number)
    except ValueError:
        margin = 0.0
    if not metric or not LEAST_MARGIN <= margin <= MOST_MARGIN:
        raise ShapeError(
            f"margin={text[:100]} is no margin: write the metric and a number from "
            f"{LEAST_MARGIN:g} to {MOST_MARGIN:g}, such as exact_match:0.02."
        )
    return Margin(metric=metric, margin=margin)


def terms_of(dataset: Dataset) -> Terms:
    """Return the terms that count for a dataset now; none where it has no gate."""
    ask: Callable[[Dataset], Terms] = import_string(settings.TERMS_OF_COMPARISONS)
    return ask(dataset)


def _as_json(one: Margin) -> dict[str, Any]:
    return {"metric": one.metric, "field": one.field, "level": one.level, "margin": one.margin}
