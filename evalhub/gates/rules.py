"""The rules of a gate: read strictly, with every fault named, and written back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evalhub.errors import ContentError, FieldError
from evalhub.intake.members import is_number
from evalhub.reports.terms import LEAST_MARGIN, MOST_MARGIN, Margin

MAX_RULES = 50
MAX_NAME = 200
MEMBERS = ("margins", "slices", "critical", "min_coverage", "ceilings")


@dataclass(frozen=True, kw_only=True)
class Ceiling:
    """What a metric of the candidate, such as cost, may come to at most."""

    metric: str
    ceiling: float


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What a gate asks. `critical` is the metric on which no critical example may newly fail."""

    margins: tuple[Margin, ...] = ()
    critical: str = ""
    min_coverage: float | None = None
    ceilings: tuple[Ceiling, ...] = ()

    @property
    def compared(self) -> set[str]:
        """Return the metrics by which both runs are held against each other."""
        return {one.metric for one in self.margins} | ({self.critical} - {""})


def as_json(rules: Rules) -> dict[str, Any]:
    """Write rules as they are stored and answered."""
    return {
        "margins": [
            {"metric": one.metric, "margin": one.margin} for one in rules.margins if not one.field
        ],
        "slices": [
            {"field": one.field, "level": one.level, "metric": one.metric, "margin": one.margin}
            for one in rules.margins
            if one.field
        ],
        "critical": {"metric": rules.critical} if rules.critical else None,
        "min_coverage": rules.min_coverage,
        "ceilings": [{"metric": one.metric, "ceiling": one.ceiling} for one in rules.ceilings],
    }


def parse(given: object) -> Rules:
    """Read rules, or refuse them with every fault."""
    reader = _Reader()
    rules = reader.rules(given)
    if not reader.faults and not (rules.margins or rules.ceilings or rules.critical):
        reader.fault("rules", "empty", "A gate needs a margin, a ceiling or a critical metric.")
    if reader.faults:
        raise ContentError(reader.faults[0].detail, errors=reader.faults)
    return rules


class _Reader:
    """Reads the parts of rules and gathers what is wrong with them."""

    def __init__(self) -> None:
        self.faults: list[FieldError] = []

    def fault(self, field: str, code: str, detail: str) -> None:
        self.faults.append(FieldError(field, code, detail))

    def rules(self, given: object) -> Rules:
        body = self._object("rules", given, MEMBERS, needed=())
        margins = self._margins("margins", body, ("metric", "margin"))
        slices = self._margins("slices", body, ("field", "level", "metric", "margin"))
        ceilings = [
            Ceiling(
                metric=self._name(f"{at}.metric", one.get("metric")),
                ceiling=self._number(f"{at}.ceiling", one.get("ceiling"), low=0.0),
            )
            for at, one in self._rows("ceilings", body, ("metric", "ceiling"))
        ]
        rules = Rules(
            margins=(*margins, *slices),
            critical=self._critical(body.get("critical")),
            min_coverage=self._coverage(body.get("min_coverage")),
            ceilings=tuple(ceilings),
        )
        self._check_twice("margins", [(one.metric, one.slice_name) for one in rules.margins])
        self._check_twice("ceilings", [one.metric for one in ceilings])
        return rules

    def _margins(
        self, name: str, body: Mapping[str, object], members: tuple[str, ...]
    ) -> list[Margin]:
        found = []
        for at, one in self._rows(name, body, members):
            named = {
                part: self._name(f"{at}.{part}", one.get(part))
                for part in members
                if part != "margin"
            }
            margin = self._number(
                f"{at}.margin", one.get("margin"), low=LEAST_MARGIN, high=MOST_MARGIN
            )
            found.append(Margin(margin=margin, **named))
        return found

    def _critical(self, given: object) -> str:
        if given is None:
            return ""
        body = self._object("critical", given, ("metric",))
        return self._name("critical.metric", body.get("metric"))

    def _coverage(self, given: object) -> float | None:
        if given is None:
            return None
        return self._number("min_coverage", given, above=0.0, high=1.0)

    def _rows(
        self, name: str, body: Mapping[str, object], members: tuple[str, ...]
    ) -> list[tuple[str, Mapping[str, object]]]:
        given = body.get(name)
        if given is None:
            return []
        if not isinstance(given, list):
            self.fault(name, "type", f"{name} must be a list of objects.")
            return []
        if len(given) > MAX_RULES:
            self.fault(
                name, "too_many", f"{name} has {len(given)} rules; {MAX_RULES} are the most."
            )
            return []
        return [
            (f"{name}[{at}]", self._object(f"{name}[{at}]", one, members))
            for at, one in enumerate(given)
        ]

    def _object(
        self,
        name: str,
        given: object,
        members: tuple[str, ...],
        needed: tuple[str, ...] | None = None,
    ) -> Mapping[str, object]:
        if not isinstance(given, dict):
            self.fault(name, "type", f"{name} must be an object with {', '.join(members)}.")
            return dict.fromkeys(members)
        for unknown in sorted(given.keys() - set(members)):
            known = ", ".join(members)
            self.fault(name, "unknown_member", f"{name} has no {unknown[:100]!r}; it has {known}.")
        for missing in [
            one for one in (members if needed is None else needed) if one not in given
        ]:
            self.fault(f"{name}.{missing}", "missing", f"{name} lacks {missing}.")
        return given

    def _name(self, field: str, given: object) -> str:
        if isinstance(given, str) and given.strip() and len(given) <= MAX_NAME:
            return given
        if self._is_new(field):
            self.fault(field, "type", f"{field} must be a text of 1 to {MAX_NAME} characters.")
        return ""

    def _number(
        self,
        field: str,
        given: object,
        *,
        low: float = -math.inf,
        above: float = -math.inf,
        high: float = math.inf,
    ) -> float:
        if is_number(given):
            value = float(given)  # type: ignore[arg-type]
            if math.isfinite(value) and low <= value <= high and value > above:
                return value
        least = f"above {above:g}" if above > -math.inf else f"from {low:g}"
        most = f" and at most {high:g}" if high < math.inf else ""
        if self._is_new(field):
            self.fault(field, "type", f"{field} must be a number {least}{most}.")
        return 1.0

    def _is_new(self, field: str) -> bool:
        """Whether nothing is wrong with a member yet, nor with all of the object it is in."""
        whole = field.rpartition(".")[0]
        return not any(
            one.field == field or (one.field == whole and one.code == "type")
            for one in self.faults
        )

    def _check_twice(self, name: str, keys: list[Any]) -> None:
        if not self.faults and len(set(keys)) < len(keys):
            self.fault(name, "twice", f"{name} names one metric twice for the same examples.")
