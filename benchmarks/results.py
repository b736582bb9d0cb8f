"""What a benchmark found: rows that become one JSON file and one Markdown table.

    results = Results("Scoring alone", "10,000 pairs of 60 words, one process")
    results.row(what="BLEU, cold", ours=5_900.0, reference=2_400.0, unit="outputs per CPU second")
    results.write(json=given.json, markdown=given.markdown)

A rate alone says as much about the machine as about us: a row has a reference wherever there is
one, which is the same work measured in the same run.
"""

from __future__ import annotations

import json as json_format
import os
import platform
from argparse import ArgumentParser
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

_HEAD = ("What", "EvalHub", "Reference", "Ratio", "Unit", "Note")


@dataclass(frozen=True, kw_only=True)
class Row:
    """One finding. `ratio` is ours by the reference's; the unit says which way is better."""

    what: str
    ours: float
    unit: str
    reference: float | None = None
    ratio: float | None = None
    note: str = ""


class Results:
    """The findings of one benchmark, in the order they were made."""

    def __init__(self, name: str, setting: str = "") -> None:
        self.name, self.setting = name, setting
        self.machine = machine()
        self.rows: list[Row] = []

    def row(
        self,
        *,
        what: str,
        ours: float,
        unit: str,
        reference: float | None = None,
        ratio: float | None = None,
        note: str = "",
    ) -> Row:
        """Add a finding and print it; the ratio is computed where it is not given."""
        if ratio is None and reference:
            ratio = ours / reference
        found = Row(what=what, ours=ours, unit=unit, reference=reference, ratio=ratio, note=note)
        self.rows.append(found)
        print(json_format.dumps(asdict(found), ensure_ascii=False), flush=True)
        return found

    def found(self) -> dict[str, Any]:
        """Return all of it, plain JSON."""
        return {
            "name": self.name,
            "setting": self.setting,
            "machine": {**self.machine, "load_average_after": load_average()},
            "rows": [asdict(row) for row in self.rows],
        }

    def write(self, *, json: Path | str | None = None, markdown: Path | str | None = None) -> None:
        """Write the files that were asked for."""
        found = self.found()
        if json:
            Path(json).write_text(json_format.dumps(found, indent=1, ensure_ascii=False) + "\n")
        if markdown:
            Path(markdown).write_text(markdown_of(found))


def add_arguments(parser: ArgumentParser) -> None:
    """Let a benchmark be told where its results go, and to be quick."""
    parser.add_argument("--json", type=Path, help="write the results to this file as JSON")
    parser.add_argument("--markdown", type=Path, help="write them to this file as a table")
    parser.add_argument("--quick", action="store_true", help="small sizes: does it run at all")


def markdown_of(found: Mapping[str, Any]) -> str:
    """Return what `Results.found` gave as a Markdown section."""
    on = found["machine"]
    about = (
        f"{on['cpus']} CPUs, {on['system']}, Python {on['python']}; load average "
        f"{on['load_average']:.1f} before and {on['load_average_after']:.1f} after."
    )
    rows = [_HEAD, ("---",) * len(_HEAD), *(_cells(row) for row in found["rows"])]
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in rows)
    parts = (f"## {found['name']}", found["setting"], table, about)
    return "\n\n".join(part for part in parts if part) + "\n"


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    ratio = "" if row["ratio"] is None else f"{row['ratio']:.2f}"
    return (
        row["what"],
        _written(row["ours"]),
        _written(row["reference"]),
        ratio,
        row["unit"],
        row["note"],
    )


def _written(number: float | None) -> str:
    """Return a number with the digits that a measurement of time has."""
    if number is None:
        return ""
    return f"{number:,.0f}" if abs(number) >= 1000 or number == int(number) else f"{number:.3g}"


def machine() -> dict[str, Any]:
    """Return what else the figures depend on."""
    return {
        "cpus": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "load_average": load_average(),
    }


def load_average() -> float:
    """Return how many processes wanted a CPU during the last minute."""
    return round(os.getloadavg()[0], 2)
